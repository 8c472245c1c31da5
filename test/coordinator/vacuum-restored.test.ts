import { afterEach, describe, expect, it } from 'vitest';
import { dataKey } from '../../src/shared/domain/keys.ts';
import { restoreTo } from './restore-house.ts';
import { DAY, DEAD, dailyVersions, keysOf, MINUTE, reasonsOf, type VacuumHouse } from './vacuum-house.ts';

let table: VacuumHouse;
afterEach(() => table.close());

describe('I6: a file that was removed in one version and came back in another', () => {
  it.each([
    ['', {}],
    [', whose tombstones checkpoints have left out', { checkpointInterval: 1, retention: MINUTE }],
  ])('stays while the restored version is retained, and goes after it%s', async (_, settings) => {
    table = await dailyVersions(4, settings);
    const files = await table.filesOf(1);
    table.collection.now += 0.5 * DAY;
    expect(await restoreTo(table, 1)).toMatchObject({ version: 4 });
    table.collection.now += 30 * DAY;
    // Removed 32 days ago, by version 2: but the newest has them.
    const first = await table.vacuum(DAY);
    expect(keysOf(first).filter((key) => files.includes(key))).toEqual([]);
    expect(first.objects.length).toBeGreaterThan(0);
    expect(await table.readable()).toEqual([1, 4]);
    // Another version takes its place: the files are retained from there on.
    table.collection.documents = [...Array(20).keys()].map((_id) => ({
      _id,
      n: -1,
      updateTime: new Date(table.collection.now),
    }));
    await table.sync({}, settings);
    table.collection.now += 0.5 * DAY;
    expect(await table.vacuum(DAY)).toMatchObject({ objects: [] });
    expect(await table.readable()).toEqual([1, 4, 5]);
    table.collection.now += DAY;
    const last = await table.vacuum(DAY);
    expect(keysOf(last).sort()).toEqual(files);
    expect(reasonsOf(last)).toEqual(['removed from the table in version 5']);
  });
});

describe('a version that a vacuum has begun to take files from', () => {
  it('does not come back, though its files be there: a delete may still be under way', async () => {
    table = await dailyVersions(5);
    const kept = await Promise.all(
      (await table.filesOf(1)).map(async (key) => [key, (await table.storage.get(key))?.body] as const),
    );
    table.collection.now += 0.5 * DAY;
    await table.vacuum(2 * DAY + MINUTE);
    for (const [key, body] of kept) if (body !== undefined) await table.put(key, body);
    expect(await table.readable()).toEqual([1, 2, 3, 4]);
    await expect(restoreTo(table, 1)).rejects.toMatchObject({
      code: 'OBJECT_MISSING',
      message: expect.stringContaining('older than version 2'),
    });
    expect(await restoreTo(table, 2)).toMatchObject({ version: 5 });
    // A longer retention later does not bring them back.
    await table.put(dataKey(0, DEAD, 'ab', 0));
    const storage = table.timed(({ key, modifiedAt }) => (key.includes(DEAD) ? 0 : modifiedAt));
    expect((await table.vacuum(90 * DAY, { storage })).objects).toHaveLength(1);
    await expect(restoreTo(table, 1)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });
});
