import { afterEach, describe, expect, it } from 'vitest';
import { readVersion } from '../../src/coordinator/log.ts';
import type { VacuumResult } from '../../src/coordinator/vacuum.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { dataKey, LEASE_KEY, quarantineListKey, segmentKey } from '../../src/shared/domain/keys.ts';
import {
  DAY,
  DEAD,
  dailyVersions,
  keysOf,
  MINUTE,
  NOW,
  reasonsOf,
  type VacuumHouse,
  vacuumHouse,
} from './vacuum-house.ts';

let table: VacuumHouse;
afterEach(() => table.close());

describe('versions that are retained', () => {
  it('stay readable to the last file; what only older ones need goes, and the log says when it was removed', async () => {
    table = await dailyVersions(5);
    // Version 1 was replaced 2.5 days ago, version 0 3.5 days ago.
    table.collection.now += 0.5 * DAY;
    const [first, second] = [await table.filesOf(0), await table.filesOf(1)];
    const result = await table.vacuum(2 * DAY + MINUTE);
    expect(keysOf(result).sort()).toEqual([...first, ...second].sort());
    expect(reasonsOf(result)).toEqual(['removed from the table in version 1', 'removed from the table in version 2']);
    expect(await table.readable()).toEqual([2, 3, 4]);
    expect(await table.vacuum(2 * DAY + MINUTE)).toMatchObject({ version: 4, objects: [] });
  });

  it.each([0.4, 0.6, 1.4, 1.6, 2.4, 2.6, 3.6, 9])('of %s days: exactly those of them are readable', async (days) => {
    table = await dailyVersions(5);
    table.collection.now += 0.5 * DAY;
    await table.vacuum(days * DAY);
    // Version v was replaced at day v + 1; it is day 4.5.
    expect(await table.readable()).toEqual([0, 1, 2, 3, 4].filter((v) => v === 4 || 4.5 - (v + 1) <= days));
  });

  it('are the same where checkpoints have left out the tombstones long ago', async () => {
    table = await dailyVersions(5, { checkpointInterval: 1, retention: MINUTE });
    table.collection.now += 0.5 * DAY;
    expect((await readVersion(table.storage, 4))?.tombstones.size).toBeLessThan(3);
    const result = await table.vacuum(2.6 * DAY);
    expect(reasonsOf(result)).toEqual(['removed from the table in version 1']);
    expect(await table.readable()).toEqual([1, 2, 3, 4]);
  });

  it('are the same where each run took days from its files to its commit', async () => {
    table = await dailyVersions(5, { checkpointInterval: 1, retention: MINUTE });
    table.collection.now += 0.5 * DAY;
    const late = table.timed(({ key, modifiedAt }) => modifiedAt - (key.startsWith('data/') ? 3 * DAY : 0));
    await table.vacuum(2.6 * DAY, { storage: late });
    expect(await table.readable()).toEqual([1, 2, 3, 4]);
  });

  it('are the same where the log was cleaned up before a checkpoint', async () => {
    table = await dailyVersions(5, { checkpointInterval: 2 });
    await table.storage.delete([entryKey(0), entryKey(1)]);
    table.collection.now += 0.5 * DAY;
    await table.vacuum(30 * DAY);
    expect(await table.readable()).toEqual([2, 3, 4]);
    await table.vacuum(0.6 * DAY);
    expect(await table.readable()).toEqual([3, 4]);
  });

  it('are counted by the store’s clock where ours is ahead, and by ours where it is behind', async () => {
    table = await dailyVersions(3);
    await table.put(dataKey(1, DEAD, 'ab', 0));
    const shifted = (ms: number) => table.timed(({ modifiedAt }) => modifiedAt + ms);
    // The store says that all was written a year ago, the lease of this very moment among it.
    expect(await table.vacuum(7 * DAY, { storage: shifted(-365 * DAY) })).toMatchObject({ objects: [] });
    expect(await table.vacuum(MINUTE, { storage: shifted(365 * DAY) })).toMatchObject({ objects: [] });
    expect(await table.readable()).toEqual([0, 1, 2]);
  });

  it('a file whose tombstone is new stays, whatever the store says of the log', async () => {
    table = await dailyVersions(2);
    const old = table.timed(({ key, modifiedAt }) => (key === LEASE_KEY ? modifiedAt : 0));
    expect(await table.vacuum(7 * DAY, { storage: old })).toMatchObject({ objects: [] });
  });
});

describe('the quarantine', () => {
  it('keeps the lists of retained versions and the bytes on them', async () => {
    table = vacuumHouse();
    const good = (_id: number) => ({ _id, updateTime: new Date(table.collection.now - MINUTE) });
    for (const broken of [1, 2, 3]) {
      table.collection.now = NOW + broken * DAY;
      // Broken BSON of another content each day.
      table.collection.documents = [good(1), Buffer.from([7, 0, 0, 0, 99, broken, 0])];
      expect(await table.sync()).toMatchObject({ version: broken - 1, counts: { quarantined: 1 } });
    }
    const before = await table.keys('_mongolake/quarantine/');
    expect(before.filter((key) => key.endsWith('.json'))).toHaveLength(3);
    table.collection.now += 0.5 * DAY;
    const result = await table.vacuum(DAY);
    expect(keysOf(result)).toContain(quarantineListKey(1));
    const after = await table.keys('_mongolake/quarantine/');
    // The newest list has all three documents, and so their bytes stay.
    expect(after).toEqual(before.filter((key) => key !== quarantineListKey(1)));
    await table.storage.delete([quarantineListKey(3)]);
    await expect(table.vacuum(DAY)).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
  });
});

describe('a dry run', () => {
  it('lists what a vacuum deletes, with its reasons, and writes nothing', async () => {
    table = await dailyVersions(4);
    await table.put(dataKey(0, DEAD, 'ab', 0));
    await table.put(segmentKey(DEAD, 0, 'ab'));
    table.collection.now += 3 * DAY;
    const before = await contents();
    const wouldGo = await table.preview(2.5 * DAY);
    expect(await contents()).toEqual(before);
    expect(wouldGo.objects).toHaveLength(8);
    expect(reasonsOf(wouldGo)).toContain(`of no version: run ${DEAD} attempt ab`);
    expect((await table.vacuum(2.5 * DAY)).objects).toEqual(wouldGo.objects);
  });

  it('may look while a run is under way, whose objects it leaves out; a vacuum is told to try again later', async () => {
    table = await dailyVersions(1);
    let seen: Promise<VacuumResult> | undefined;
    let refused: Promise<unknown> | undefined;
    table.collection.now += DAY;
    table.collection.documents.push({ _id: 77, updateTime: new Date(table.collection.now) });
    table.collection.onRead = () => {
      seen ??= table.preview(MINUTE);
      refused ??= table.vacuum(MINUTE).catch((error: unknown) => error);
    };
    await table.sync();
    expect(await seen).toMatchObject({ objects: [] });
    expect(await refused).toMatchObject({ code: 'LEASE_HELD', exitCode: 75 });
  });
});

async function contents(): Promise<Record<string, string | undefined>> {
  const all: Record<string, string | undefined> = {};
  for (const key of await table.keys('')) all[key] = (await table.storage.get(key))?.etag;
  return all;
}
