import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { historyEntry, readHistory } from '../../src/coordinator/history.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Action } from '../../src/shared/domain/delta/actions.ts';
import { type Harness, harness } from './table-harness.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const add = (size: number): Action => ({
  add: { path: `a${size}`, partitionValues: {}, size, modificationTime: 1, dataChange: true },
});
const counts = { read: 3, inserted: 1, updated: 1, deleted: 0, unchanged: 1, superseded: 0, quarantined: 0 };

describe('the digest of an entry', () => {
  it('of a run', () => {
    const window = { from: 1000, to: null };
    const entry = historyEntry(7, 5, [
      {
        commitInfo: {
          timestamp: 99,
          operation: 'SYNC',
          operationParameters: { version: '3', columns: ['a'] },
          engineInfo: 'mongolake/1.2.3',
          mongolake: { run: 'r7', host: 'pod-1', window, counts },
        },
      },
      { txn: { appId: 'mongolake/g.n', version: 4000n } },
      { txn: { appId: 'mongolake/g.n/head', version: 7n } },
      { remove: { path: 'x', dataChange: true, size: 10 } },
      { remove: { path: 'y', dataChange: true } },
      add(20),
      add(5),
    ]);
    expect(entry).toEqual({
      version: 7,
      time: 99,
      operation: 'SYNC',
      parameters: { version: '3' },
      engine: 'mongolake/1.2.3',
      host: 'pod-1',
      run: 'r7',
      window,
      counts,
      filesAdded: 2,
      filesRemoved: 2,
      bytesAdded: 25,
      bytesRemoved: 10,
      watermark: 4000,
    });
  });

  it('of another writer says what is there', () => {
    expect(historyEntry(8, 5, [{ commitInfo: { operation: 'OPTIMIZE' } }, add(1)])).toMatchObject({
      time: 5,
      operation: 'OPTIMIZE',
      run: undefined,
      counts: undefined,
      filesAdded: 1,
      watermark: undefined,
    });
    expect(historyEntry(9, 5, [add(1)])).toMatchObject({ time: 5, operation: undefined, parameters: {} });
    const own = { commitInfo: { operation: 'WRITE', clientVersion: 'delta-rs.0.9', mongolake: null } };
    expect(historyEntry(9, 5, [own])).toMatchObject({ engine: 'delta-rs.0.9', host: undefined });
  });

  it('finds the watermark of a collection that is called like a head', () => {
    const actions: Action[] = [
      { txn: { appId: 'mongolake/g.n/head', version: 4000n } },
      { txn: { appId: 'mongolake/g.n/head/head', version: 2n } },
    ];
    expect(historyEntry(2, 0, actions).watermark).toBe(4000);
    expect(historyEntry(4000, 0, actions.slice(0, 1)).watermark).toBeUndefined();
  });
});

describe('readHistory', () => {
  let table: Harness | undefined;
  afterEach(() => table?.close());

  it('of no table is empty', async () => {
    expect(await readHistory(memoryStorage(), 10)).toEqual([]);
  });

  it('gives the newest versions first, at most so many', async () => {
    table = harness({ now });
    const runs: string[] = [];
    for (let version = 0; version < 4; version++) {
      table.collection.now += 3_600_000;
      table.collection.documents.push({ _id: version, updateTime: new Date(table.collection.now) });
      runs.push((await table.sync()).run);
    }
    const history = await readHistory(table.storage, 3);
    expect(history.map(({ version, operation, run }) => [version, operation, run])).toEqual([
      [3, 'SYNC', runs[3]],
      [2, 'SYNC', runs[2]],
      [1, 'SYNC', runs[1]],
    ]);
    expect(history[0]).toMatchObject({
      time: table.collection.now,
      counts: { inserted: 1 },
      engine: 'mongolake/0.0.0',
      host: hostname(),
      watermark: table.collection.now - 300_000,
      window: { to: null },
    });
    expect((await readHistory(table.storage, 99)).at(-1)).toMatchObject({ version: 0, operation: 'BACKFILL' });
  });
});
