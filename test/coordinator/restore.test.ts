import { afterEach, describe, expect, it } from 'vitest';
import { readFreshness } from '../../src/coordinator/freshness.ts';
import { readHistory } from '../../src/coordinator/history.ts';
import { openTable, readVersion } from '../../src/coordinator/log.ts';
import { readQuarantine } from '../../src/coordinator/quarantine.ts';
import { restoreTable } from '../../src/coordinator/restore.ts';
import { filesOf } from '../../src/coordinator/table.ts';
import { awayTable } from './away-table.ts';
import { keysAt, leaveLease, loadTwo, MINUTE, made, NAMESPACE, NOW, restoreTo, stateOf } from './restore-house.ts';
import { type Harness, harness, SETTINGS, silent } from './table-harness.ts';

const BROKEN = Buffer.from([6, 0, 0, 0, 255, 0]);

let table: Harness;
afterEach(() => table.close());

async function twoVersions(): Promise<void> {
  table = harness({ now: NOW });
  await loadTwo(table);
}

describe('restore', () => {
  it('makes the table what the version was: files, schema, layout, watermark; the next sync reads from there', async () => {
    await twoVersions();
    const [then, before] = [await readVersion(table.storage, 0), await keysAt(table, 1)];
    await table.repartition({}, { partitions: 8 });
    expect((await stateOf(table)).schema.columns.map(({ name }) => name)).toContain('a');
    const result = await restoreTo(table, 0);
    expect(result).toMatchObject({
      version: 3,
      restored: 0,
      restoredTime: NOW,
      rows: 20,
      rowsAdded: 20,
      rowsRemoved: 21,
      watermark: NOW - 5 * MINUTE,
      givenUp: undefined,
    });
    const after = await stateOf(table);
    expect(after.snapshot.files).toEqual(then?.files);
    expect(after.snapshot.metadata).toEqual(then?.metadata);
    expect(after).toMatchObject({ version: 3, partitions: 2, watermark: NOW - 5 * MINUTE });
    expect([result.filesAdded, result.filesRemoved]).toEqual([filesOf(after).length, (await keysAt(table, 2)).length]);
    expect(await keysAt(table, 1)).toEqual(before);
    expect(await readHistory(table.storage, 1)).toMatchObject([
      { version: 3, operation: 'RESTORE', parameters: { version: '0' }, watermark: NOW - 5 * MINUTE, run: result.run },
    ]);
    expect(await table.sync()).toMatchObject({
      version: 4,
      window: { from: NOW - 5 * MINUTE },
      counts: { read: 2, inserted: 1, updated: 1 },
    });
  });

  it('brings a version back that was itself replaced by one, and by its time', async () => {
    await twoVersions();
    const before = await keysAt(table, 1);
    table.collection.now += MINUTE;
    await restoreTo(table, 0);
    const choice = { kind: 'at', time: NOW + 60 * MINUTE } as const;
    const request = { choice, namespace: NAMESPACE, settings: SETTINGS };
    expect(await restoreTable(request, table.runContext)).toMatchObject({ version: 3, restored: 1, rows: 21 });
    expect(await keysAt(table, 3)).toEqual(before);
  });

  it('of what the table is already commits nothing, also where only an empty entry came after it', async () => {
    await twoVersions();
    const nothing = { version: null, filesAdded: 0, filesRemoved: 0, rows: 21 };
    expect(await restoreTo(table, 1)).toMatchObject(nothing);
    await leaveLease(table, 'unsettled');
    expect(await restoreTo(table, 1)).toMatchObject(nothing);
    expect((await readHistory(table.storage, 9)).map(({ operation }) => operation)).toEqual([
      'FENCE',
      'SYNC',
      'BACKFILL',
    ]);
  });

  it('takes back a watermark that moved alone', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, -4)];
    await table.sync();
    table.collection.now += 60 * MINUTE;
    expect(await table.sync()).toMatchObject({ version: 1, filesAdded: 0 });
    expect(await restoreTo(table, 0)).toMatchObject({ version: 2, filesAdded: 0, filesRemoved: 0 });
    expect((await stateOf(table)).watermark).toBe(NOW - 5 * MINUTE);
  });

  it('takes the watermark away where the version had none', async () => {
    table = harness({ now: NOW });
    table.collection.kind = 'dump';
    table.collection.tellsStart = false;
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.kind = 'live';
    table.collection.documents.push(made(2, -1));
    await table.sync();
    expect((await stateOf(table)).watermark).not.toBeNull();
    expect(await restoreTo(table, 0)).toMatchObject({ watermark: null });
    expect((await stateOf(table)).watermark).toBeNull();
    expect(await table.sync()).toMatchObject({ version: 3, counts: { read: 2, inserted: 1 } });
  });

  it('says again how fresh the table was then', async () => {
    await twoVersions();
    await restoreTo(table, 0);
    expect(await readFreshness(table.storage)).toMatchObject({ checkedAt: NOW, version: 2 });
    // A restored version tells no reading of its own; its watermark does.
    await restoreTo(table, 1);
    await restoreTo(table, 2);
    expect(await readFreshness(table.storage)).toMatchObject({ checkedAt: NOW - 5 * MINUTE, version: 4 });
  });

  it('writes a checkpoint where one is due', async () => {
    await twoVersions();
    await restoreTo(table, 0, {}, { ...SETTINGS, checkpointInterval: 2 });
    expect(await openTable(table.storage)).toMatchObject({ checkpointVersion: 2, snapshot: { version: 2 } });
  });
});

describe('a run that did not end', () => {
  it('is given up, and that is said', async () => {
    const away = awayTable(NOW);
    table = away.table;
    await loadTwo(table);
    table.collection.documents.push(made(30, 58));
    await away.keptFrom('schema.json', () => table.sync());
    expect(await table.keys('_mongolake/runs/')).not.toEqual([]);
    const said: string[] = [];
    const logger = { ...silent, warn: (message: string) => void said.push(message) };
    const result = await restoreTo(table, 0, { logger: { ...logger, child: () => logger } });
    expect(result.givenUp).toMatch(/^\d{8}t/);
    expect(said).toEqual(['an unfinished sync is given up: the table is restored to version 0']);
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
    expect((await table.sync()).recovered).toBeUndefined();
  });
});

describe('the list of quarantined documents', () => {
  it('is that of the version again: its own, or an empty one', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1), BROKEN);
    await table.sync();
    const listed = await readQuarantine(table.storage, await stateOf(table));
    expect(listed).toHaveLength(1);
    await restoreTo(table, 0);
    expect(await readQuarantine(table.storage, await stateOf(table))).toEqual([]);
    const lists = await table.keys('_mongolake/quarantine/');
    await restoreTo(table, 1);
    expect(await readQuarantine(table.storage, await stateOf(table))).toEqual(listed);
    expect(await table.keys('_mongolake/quarantine/')).toEqual(lists);
  });

  it('has what was stored since, without its bytes', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, -60), BROKEN];
    await table.sync();
    const [listed] = await readQuarantine(table.storage, await stateOf(table));
    table.collection.documents = [made(1, -60), made(2, -1)];
    await table.sync({ mode: 'backfill', replace: true });
    expect(await readQuarantine(table.storage, await stateOf(table))).toEqual([]);
    await restoreTo(table, 0);
    expect(await readQuarantine(table.storage, await stateOf(table))).toEqual([{ ...listed, object: null }]);
  });
});
