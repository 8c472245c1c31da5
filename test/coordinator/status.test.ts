import { afterEach, describe, expect, it } from 'vitest';
import type { LeaseBody } from '../../src/coordinator/lease.ts';
import { stageOf } from '../../src/coordinator/run-progress.ts';
import { leaseStatus, readStatus } from '../../src/coordinator/status.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { LEASE_KEY, mergeInputKey, planKey, receiptKey } from '../../src/shared/domain/keys.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

const body: LeaseBody = {
  formatVersion: 1,
  epoch: 3,
  state: 'held',
  owner: 'host:42',
  run: 'r3',
  nonce: 'n',
  renewedAt: now - 10_000,
  ttlMs: 30_000,
};

const putJson = (storage: Storage, key: string, value: unknown): Promise<unknown> =>
  storage.put(key, Buffer.from(JSON.stringify(value)));

describe('the lease', () => {
  it('is held until its time to live is over, then expired; one given back stays released', () => {
    const told = { owner: 'host:42', run: 'r3', epoch: 3, renewedAt: now - 10_000 };
    expect(leaseStatus(body, now)).toEqual({ state: 'held', ...told });
    expect(leaseStatus(body, now + 19_999).state).toBe('held');
    expect(leaseStatus(body, now + 20_000).state).toBe('expired');
    expect(leaseStatus({ ...body, state: 'released' }, now + 1e9).state).toBe('released');
  });
});

describe('the stage of a run is told by its receipts', () => {
  const jobs = (done: number, total?: number) => ({ done, total });
  it.each([
    ['window', jobs(0), jobs(0)],
    ['extract', jobs(0, 3), jobs(0)],
    ['extract', jobs(2, 3), jobs(0)],
    ['schema', jobs(3, 3), jobs(0)],
    ['merge', jobs(3, 3), jobs(1, 4)],
    ['commit', jobs(3, 3), jobs(4, 4)],
  ])('%s', (stage, extract, merge) => {
    expect(stageOf(extract, merge)).toBe(stage);
  });
});

describe('readStatus', () => {
  let table: Harness | undefined;
  afterEach(() => table?.close());

  it('of a folder without a table is a status', async () => {
    const status = await readStatus(memoryStorage('memory:empty'), now);
    expect(status).toEqual({
      uri: 'memory:empty',
      table: undefined,
      lastCheck: undefined,
      lease: undefined,
      run: undefined,
      quarantined: 0,
      notes: [],
    });
  });

  it('of a table gives its figures and its last check, also of a sync that found nothing', async () => {
    table = harness({ now });
    table.collection.documents = [1, 2, 3].map((id) => ({ _id: id, updateTime: new Date(now - id * 3_600_000) }));
    const first = await table.sync();
    table.collection.now = now + 60_000;
    const second = await table.sync();
    const status = await readStatus(table.storage, now + 60_000);
    expect(status.table).toMatchObject({ version: 0, rows: 3, partitions: 2, watermark: now - 300_000 });
    expect(status.table?.files).toBe(first.filesAdded);
    expect(status.table?.bytes).toBe(first.bytesWritten);
    expect(status.lastCheck).toEqual({ at: now + 60_000, run: second.run, version: 0 });
    expect(status).toMatchObject({ lease: { state: 'released', run: second.run }, run: undefined });
    expect(status.verification).toBeUndefined();
    table.collection.documents.pop();
    await table.verify({ repairs: true });
    expect((await readStatus(table.storage, now)).verification).toMatchObject({
      version: 0,
      differences: { missing: 0, stale: 0, gone: 1 },
      repairedIn: 1,
    });
  });

  it('of a run under way counts what is done', async () => {
    const storage = memoryStorage();
    await putJson(storage, LEASE_KEY, body);
    expect((await readStatus(storage, now)).run).toMatchObject({ run: 'r3', startedAt: undefined, stage: 'window' });
    const plan = { ranges: [{}, {}, {}], createdAt: now - 60_000, rewrite: null, reads: 'source', backfill: true };
    await putJson(storage, planKey('r3'), plan);
    const extracted = { kind: 'extract', documents: 100, bytes: 5000, durationMs: 20_000 };
    await putJson(storage, receiptKey('r3', 'extract', 1), extracted);
    expect((await readStatus(storage, now)).run).toMatchObject({
      run: 'r3',
      what: 'backfill',
      startedAt: now - 60_000,
      stage: 'extract',
      extract: { done: 1, total: 3, documents: 100, bytes: 5000, estimated: false },
      merge: { done: 0, total: undefined, documents: undefined },
    });
    for (const ordinal of [0, 2]) await putJson(storage, receiptKey('r3', 'extract', ordinal), extracted);
    for (const partition of [0, 5]) await putJson(storage, mergeInputKey('r3', partition), {});
    const merged = { kind: 'merge', counts: { read: 150 }, bytesWritten: 4000, durationMs: 1000 };
    await putJson(storage, receiptKey('r3', 'merge', 5), merged);
    // Of another run, which crashed.
    await putJson(storage, receiptKey('r2', 'merge', 0), merged);
    expect((await readStatus(storage, now)).run).toMatchObject({ stage: 'merge', merge: { done: 1, total: 2 } });
  });

  it('tells a run whose lease was not renewed', async () => {
    const storage = memoryStorage();
    await putJson(storage, LEASE_KEY, body);
    const status = await readStatus(storage, now + 60_000);
    expect(status).toMatchObject({ lease: { state: 'expired', owner: 'host:42' }, run: { run: 'r3' } });
  });
});
