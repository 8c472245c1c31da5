import { describe, expect, it } from 'vitest';
import { tableReader, VERSIONS_SHOWN } from '../../../src/cli/overview/read-table.ts';
import { writeCheckpoint } from '../../../src/coordinator/checkpoint.ts';
import type { LeaseBody } from '../../../src/coordinator/lease.ts';
import { readVersion } from '../../../src/coordinator/log.ts';
import { memoryStorage } from '../../../src/shared/adapters/storage-memory.ts';
import type { Action } from '../../../src/shared/domain/delta/actions.ts';
import { encodeEntry, entryKey } from '../../../src/shared/domain/delta/entry.ts';
import { LEASE_KEY, mergeInputKey, planKey, receiptKey } from '../../../src/shared/domain/keys.ts';
import type { Storage } from '../../../src/shared/ports/storage.ts';
import { countedStorage } from '../../coordinator/counted-storage.ts';
import { fakeClock } from '../../coordinator/fake-clock.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const IDLE_MS = 5000;

const metaData = {
  metaData: {
    id: 'm',
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify({ type: 'struct', fields: [{ name: '_id', type: 'string', nullable: false }] }),
    partitionColumns: [],
    configuration: {
      'mongolake.source': 'guest.notifications',
      'mongolake.partitions': '4',
      'mongolake.hash': 'xxh32-1',
      'mongolake.idType': 'string:string',
      'mongolake.engine': 'duckdb',
    },
  },
};

async function putVersion(storage: Storage, version: number): Promise<void> {
  const first: Action[] = version === 0 ? [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, metaData] : [];
  const head: Action = { txn: { appId: 'mongolake/guest.notifications/head', version: BigInt(version) } };
  await storage.put(entryKey(version), encodeEntry([{ commitInfo: { operation: 'SYNC' } }, ...first, head]));
}

/** A table of that many versions, with a checkpoint of the one before the last. */
async function table(versions: number): Promise<Storage> {
  const storage = memoryStorage();
  for (let version = 0; version < versions; version++) await putVersion(storage, version);
  const snapshot = await readVersion(storage, versions - 2);
  if (snapshot === undefined) throw new Error('no version');
  await writeCheckpoint(storage, snapshot, 0, 0);
  return storage;
}

const readerOf = (storage: Storage, clock = fakeClock(NOW)) => ({
  clock,
  reader: tableReader(storage, { clock, mode: 'incremental', idleMs: () => IDLE_MS }),
});
const entriesIn = (keys: readonly string[]) => keys.filter((key) => /\d{20}\.json$/.test(key));

describe('a table of 10,000 versions', () => {
  it('costs what one of 200 costs, then what is new', { timeout: 120_000 }, async () => {
    const memory = await table(10_000);
    const { storage, reads, listed } = countedStorage(memory);
    const { reader, clock } = readerOf(storage);
    const ask = async () => {
      reads.length = 0;
      listed.length = 0;
      return [await reader.view(), await reader.more()] as const;
    };
    const [view, { versions }] = await ask();
    expect(view.status.table?.version).toBe(9_999);
    expect([versions.length, versions[0]?.version, versions.at(-1)?.version]).toEqual([VERSIONS_SHOWN, 9_999, 9_800]);
    expect(entriesIn(reads).length).toBeLessThanOrEqual(VERSIONS_SHOWN + 2);
    expect(listed.length).toBeLessThanOrEqual(2 * VERSIONS_SHOWN);
    // As many as like may look at it meanwhile.
    await ask();
    expect([reads, listed]).toEqual([[], []]);
    await clock.advance(IDLE_MS);
    await ask();
    expect(entriesIn(reads)).toEqual([]);
    for (const version of [10_000, 10_001, 10_002]) await putVersion(memory, version);
    await clock.advance(IDLE_MS);
    const [later, more] = await ask();
    expect(later.last?.version).toBe(10_002);
    expect(more.versions.map(({ version }) => version)).toEqual(
      Array.from({ length: VERSIONS_SHOWN }, (_, n) => 10_002 - n),
    );
    expect(entriesIn(reads).length).toBeLessThanOrEqual(10);
  });

  it('of which old entries were cleaned up shows the rest, and does not look for them again', async () => {
    const memory = await table(20);
    await memory.delete(Array.from({ length: 10 }, (_, version) => entryKey(version)));
    const { storage, reads } = countedStorage(memory);
    const { reader, clock } = readerOf(storage);
    expect((await reader.more()).versions).toHaveLength(10);
    reads.length = 0;
    await clock.advance(IDLE_MS);
    expect((await reader.more()).versions).toHaveLength(10);
    expect(entriesIn(reads)).toEqual([]);
  });
});

it('tells what the schema was before the oldest version that is shown, and looks for it once', async () => {
  const memory = await table(300);
  const fields = ['_id', 'note'].map((name) => ({ name, type: 'string', nullable: true }));
  const changed: Action = {
    metaData: { ...metaData.metaData, schemaString: JSON.stringify({ type: 'struct', fields }) },
  };
  const head: Action = { txn: { appId: 'mongolake/guest.notifications/head', version: 250n } };
  await memory.put(entryKey(250), encodeEntry([{ commitInfo: { operation: 'SYNC' } }, changed, head]));
  const { storage, listed } = countedStorage(memory);
  const { reader, clock } = readerOf(storage);
  expect([...(await reader.more()).schemas]).toEqual([[250, { added: ['note string'], removed: [] }]]);
  listed.length = 0;
  await clock.advance(IDLE_MS);
  expect((await reader.more()).schemas.size).toBe(1);
  expect(listed.length).toBeLessThan(5);
});

it('a table that is made anew is read anew', async () => {
  const storage = await table(5);
  const { reader, clock } = readerOf(storage);
  expect((await reader.more()).versions).toHaveLength(5);
  const keys: string[] = [];
  for await (const { key } of storage.list('')) keys.push(key);
  await storage.delete(keys);
  await clock.advance(IDLE_MS);
  expect((await reader.view()).status.table).toBeUndefined();
  await putVersion(storage, 0);
  await clock.advance(IDLE_MS);
  expect((await reader.view()).status.table?.version).toBe(0);
  expect((await reader.more()).versions.map(({ version }) => version)).toEqual([0]);
});

describe('a run in progress', () => {
  const lease: LeaseBody = {
    formatVersion: 1,
    epoch: 3,
    state: 'held',
    owner: 'host:42',
    run: 'r3',
    nonce: 'n',
    renewedAt: NOW,
    ttlMs: 30_000,
  };
  const plan = { ranges: [{}, {}, {}], createdAt: NOW - 60_000, rewrite: null, reads: 'source', partitions: 4 };
  const putJson = (storage: Storage, key: string, value: unknown) =>
    storage.put(key, Buffer.from(JSON.stringify(value)));
  const merged = { kind: 'merge', counts: { read: 150 }, bytesWritten: 4000, durationMs: 1000 };

  it('is told range by range, then partition by partition; each receipt is read for that once', async () => {
    const memory = memoryStorage();
    const { storage, reads } = countedStorage(memory);
    const { reader, clock } = readerOf(storage);
    await putJson(memory, LEASE_KEY, lease);
    await putJson(memory, planKey('r3'), plan);
    await putJson(memory, receiptKey('r3', 'extract', 1), { kind: 'extract', documents: 1, bytes: 1, durationMs: 1 });
    expect((await reader.view()).run).toMatchObject({ stage: 'extract', ranges: [false, true, false], cells: [] });
    for (const ordinal of [0, 2]) await putJson(memory, receiptKey('r3', 'extract', ordinal), { kind: 'extract' });
    for (const partition of [0, 1, 3]) await putJson(memory, mergeInputKey('r3', partition), {});
    await putJson(memory, receiptKey('r3', 'merge', 1), merged);
    await clock.advance(1500);
    const { run } = await reader.view();
    expect(run).toMatchObject({ state: 'running', stage: 'merge' });
    expect(run?.cells.map(({ state }) => state)).toEqual(['waiting', 'merged', 'untouched', 'waiting']);
    expect(run?.cells[1]).toEqual({ state: 'merged', documents: 150, durationMs: 1000 });
    await putJson(memory, receiptKey('r3', 'merge', 3), merged);
    reads.length = 0;
    await clock.advance(1500);
    expect((await reader.view()).run?.cells[3]).toMatchObject({ state: 'merged', documents: 150 });
    // Once for the figures of the stage, which take a sample, and once for the map where it is new.
    expect(reads.filter((key) => key === receiptKey('r3', 'merge', 1))).toHaveLength(1);
    expect(reads.filter((key) => key === receiptKey('r3', 'merge', 3))).toHaveLength(2);
  });

  it('whose version is there commits until it has dropped what it staged', async () => {
    const memory = await table(3);
    const head: Action = { txn: { appId: 'mongolake/guest.notifications/head', version: 3n } };
    await memory.put(entryKey(3), encodeEntry([{ commitInfo: { operation: 'SYNC', mongolake: { run: 'r3' } } }, head]));
    await putJson(memory, LEASE_KEY, lease);
    expect((await readerOf(memory).reader.view()).run).toMatchObject({ state: 'running', stage: 'commit' });
  });
});
