import { afterEach, describe, expect, it } from 'vitest';
import { restoreTable } from '../../src/coordinator/restore.ts';
import { encodeEntry, entryKey } from '../../src/shared/domain/delta/entry.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { keysAt, leaveLease, loadTwo, made, NOW, optimize, restoreTo } from './restore-house.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';

let table: Harness;
afterEach(() => table.close());

const log = () => table.keys('_delta_log/');

async function twoVersions(): Promise<void> {
  table = harness({ now: NOW });
  await loadTwo(table);
}

describe('restore of a table that another engine has written to', () => {
  it('is what the error tells, and the table is ours again', async () => {
    await twoVersions();
    await optimize(table, 2);
    await expect(table.sync()).rejects.toMatchObject({
      code: 'TABLE_FOREIGN',
      hint: expect.stringContaining('`mongolake restore --version 1`'),
    });
    expect(await restoreTo(table, 1)).toMatchObject({ version: 3, filesAdded: 1, filesRemoved: 1 });
    expect(await keysAt(table, 3)).toEqual(await keysAt(table, 1));
    table.collection.documents = [made(22, 58)];
    expect(await table.sync()).toMatchObject({ version: 4, counts: { inserted: 1 } });
  });

  it('is an entry even where nothing that counts was changed', async () => {
    await twoVersions();
    await table.storage.put(entryKey(2), Buffer.from('{"commitInfo":{"operation":"VACUUM START"}}\n'));
    expect(await restoreTo(table, 1)).toMatchObject({ version: 3, filesAdded: 0, filesRemoved: 0 });
    expect(await table.sync()).toMatchObject({ counts: { updated: 0 } });
  });

  it('fences off what a crashed run could still commit, without taking the other’s entry for ours', async () => {
    await twoVersions();
    await optimize(table, 2);
    await leaveLease(table, 'unsettled');
    expect(await restoreTo(table, 1)).toMatchObject({ version: 4 });
    expect((await table.entry(3)).map((action) => Object.keys(action))).toEqual([['commitInfo']]);
  });

  it('refuses the other’s version, and what was built on it', async () => {
    await twoVersions();
    await optimize(table, 2);
    await expect(restoreTo(table, 2)).rejects.toMatchObject({ code: 'TABLE_FOREIGN' });
    // As if one had forged our mark on it.
    const head = { txn: { appId: 'mongolake/guest.notifications/head', version: 3n } };
    await table.storage.put(entryKey(3), encodeEntry([{ commitInfo: { operation: 'X' } }, head]));
    await expect(restoreTo(table, 3)).rejects.toMatchObject({
      code: 'TABLE_FOREIGN',
      message: expect.stringContaining('part-0.parquet'),
    });
    expect(await log()).toHaveLength(4);
  });
});

describe('what restore refuses before it writes anything', () => {
  it('a version of which files are gone, by their names and number', async () => {
    table = harness({ now: NOW });
    table.collection.documents = Array.from({ length: 40 }, (_, id) => made(id, -60));
    await table.sync({}, { partitions: 8 });
    const files = await keysAt(table, 0);
    await table.repartition({}, { partitions: 2 });
    await table.storage.delete(files.slice(1));
    const before = await table.keys('');
    await expect(restoreTo(table, 0)).rejects.toMatchObject({
      code: 'OBJECT_MISSING',
      message: expect.stringContaining(`7 of its 8 data files are gone: ${files.slice(1, 4).join(', ')} and 4 more`),
      hint: expect.stringContaining('retention'),
    });
    expect(await table.keys('')).toEqual(before);
  });

  it('a file that is not as long as it was', async () => {
    await twoVersions();
    const now = await keysAt(table, 1);
    const [file = ''] = (await keysAt(table, 0)).filter((key) => !now.includes(key));
    await table.storage.put(file, Buffer.from('x'));
    await expect(restoreTo(table, 0)).rejects.toMatchObject({ message: expect.stringContaining(file) });
  });

  it('a version that is not there, another collection’s table, a table under another’s lease', async () => {
    await twoVersions();
    await expect(restoreTo(table, 7)).rejects.toMatchObject({ code: 'VERSION_MISSING' });
    const other = { database: 'guest', collection: 'other' };
    const request = { choice: { kind: 'version', version: 0 }, namespace: other, settings: SETTINGS } as const;
    await expect(restoreTable(request, table.runContext)).rejects.toMatchObject({ code: 'TABLE_NAMESPACE' });
    await leaveLease(table, 'held');
    await expect(restoreTo(table, 0)).rejects.toMatchObject({ code: 'LEASE_HELD', exitCode: 75 });
    expect(await log()).toHaveLength(2);
  });

  it('and a version that another run took first is a conflict', async () => {
    await twoVersions();
    const { storage } = table;
    const faster: Storage = {
      ...storage,
      async putIfAbsent(key, body, writerId) {
        if (key === entryKey(2)) await storage.put(key, Buffer.from('{"commitInfo":{"txnId":"other"}}\n'));
        return storage.putIfAbsent(key, body, writerId);
      },
    };
    await expect(restoreTo(table, 0, { storage: faster })).rejects.toMatchObject({ code: 'COMMIT_CONFLICT' });
  });
});
