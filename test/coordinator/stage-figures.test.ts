import { expect, test } from 'vitest';
import { stageFigures } from '../../src/coordinator/stage-figures.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { receiptKey } from '../../src/shared/domain/keys.ts';
import type { ObjectInfo, Storage } from '../../src/shared/ports/storage.ts';

const SECOND = 1000;
const BEGUN = Date.parse('2026-03-01T12:00:00Z');

/** Receipts of jobs that took ten seconds and ended so many seconds after the stage began; how often one was read. */
async function receipts(ends: readonly number[]): Promise<{ storage: Storage; infos: ObjectInfo[]; reads: string[] }> {
  const memory = memoryStorage('memory:figures', systemClock());
  const infos: ObjectInfo[] = [];
  for (const [ordinal, end] of ends.entries()) {
    const key = receiptKey('r1', 'extract', ordinal);
    const body = { kind: 'extract', documents: 500, bytes: 20_000, durationMs: 10 * SECOND };
    await memory.put(key, Buffer.from(JSON.stringify(body)));
    infos.push({ key, size: 1, modifiedAt: BEGUN + end * SECOND });
  }
  const reads: string[] = [];
  const get: Storage['get'] = (key, ...rest) => {
    reads.push(key);
    return memory.get(key, ...rest);
  };
  return { storage: { ...memory, get }, infos, reads };
}

const every = (seconds: number, jobs: number) => Array.from({ length: jobs }, (_, index) => (index + 1) * seconds);

test('before the first job is done nothing is known', async () => {
  const { storage, infos } = await receipts([]);
  expect(await stageFigures(storage, infos, { total: 4, begun: BEGUN })).toEqual({
    done: 0,
    total: 4,
    estimated: false,
  });
});

test('the rate is told by when jobs ended, in any order, and the rest of the time by the rate', async () => {
  const { storage, infos } = await receipts([10, 5, 15]);
  expect(await stageFigures(storage, infos, { total: 5, begun: BEGUN })).toEqual({
    done: 3,
    total: 5,
    documents: 1500,
    bytes: 60_000,
    estimated: false,
    documentsPerSecond: 100,
    bytesPerSecond: 4000,
    etaMs: 10 * SECOND,
  });
  expect((await stageFigures(storage, infos, { total: 3, begun: BEGUN })).etaMs).toBeUndefined();
});

test('of a thousand jobs few receipts are read, and what all say is reckoned from those', async () => {
  const { storage, infos, reads } = await receipts(every(2, 1000));
  expect(await stageFigures(storage, infos, { total: 1024, begun: BEGUN })).toMatchObject({
    documents: 500_000,
    estimated: true,
    documentsPerSecond: 250,
    etaMs: 48 * SECOND,
  });
  expect(reads.length).toBeLessThanOrEqual(16);
});

test('the rate is that of late: ten times the workers show', async () => {
  const slow = every(10, 100);
  const fast = every(1, 40).map((seconds) => 1000 + seconds);
  const { storage, infos } = await receipts([...slow, ...fast]);
  expect(await stageFigures(storage, infos, { total: 240, begun: BEGUN })).toMatchObject({ etaMs: 100 * SECOND });
});

test('a night in which the run lay still does not count', async () => {
  const { storage, infos } = await receipts([5, 10, 36_000, 36_005]);
  const { etaMs } = await stageFigures(storage, infos, { total: 8, begun: BEGUN });
  expect(etaMs).toBe(35 * SECOND);
});

test('a store whose clock is behind ours gives no rate below zero', async () => {
  const { storage, infos } = await receipts([-60, -50]);
  expect((await stageFigures(storage, infos, { total: 3, begun: BEGUN })).etaMs).toBe(5 * SECOND);
});
