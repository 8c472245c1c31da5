import { describe, expect, it, test } from 'vitest';
import type { HistoryEntry } from '../../src/coordinator/history.ts';
import { estimateDuration, pastRuns, readPastRuns } from '../../src/coordinator/pace.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';

describe('how long something takes', () => {
  it('is not known where it is not known how much there is to do', () => {
    expect(estimateDuration(undefined, [{ units: 10, ms: 10 }], 100)).toEqual({ ms: undefined, runs: 0 });
  });

  it('is a guess where no run is like it: two seconds, and the rest at the usual rate', () => {
    expect(estimateDuration(500, [], 100)).toEqual({ ms: 7000, runs: 0 });
    expect(estimateDuration(500, [{ units: 0, ms: 10 }], 100)).toEqual({ ms: 7000, runs: 0 });
  });

  it('is in proportion to the one run that there was', () => {
    expect(estimateDuration(500, [{ units: 1000, ms: 4000 }], 100)).toEqual({ ms: 2000, runs: 1 });
  });

  it.each([
    ['a few documents', 10, 1000 + 1],
    ['as many as ever', 1_000_000, 1000 + 100_000],
    ['more than ever', 10_000_000, 1000 + 1_000_000],
  ])('%s: what each run takes whatever it does, and the rest at the best rate that was', (_, units, ms) => {
    const past = [
      { units: 10, ms: 1001 },
      { units: 100, ms: 1010 },
      { units: 1_000_000, ms: 100_000 },
      { units: 20, ms: 1502 },
      { units: 30, ms: 903 },
    ];
    expect(estimateDuration(units, past, 1)).toEqual({ ms, runs: 5 });
  });

  it('is not led astray by one run that was finished a day after it began', () => {
    const past = [10, 11, 12].map((units) => ({ units, ms: 1000 + units }));
    const { ms = 0 } = estimateDuration(10, [...past, { units: 10, ms: 86_400_000 }], 1);
    expect(ms).toBeGreaterThan(900);
    expect(ms).toBeLessThan(1100);
  });
});

const entry = (operation: string, read: number, durationMs: number | undefined, bytesRemoved = 0): HistoryEntry => ({
  version: 1,
  time: 1,
  operation,
  parameters: {},
  engine: 'mongolake',
  host: undefined,
  run: 'r',
  window: undefined,
  counts: { ...NO_COUNTS, read },
  durationMs,
  filesAdded: 1,
  filesRemoved: 1,
  bytesAdded: 1,
  bytesRemoved,
  watermark: undefined,
});

test('runs that read tell of documents, those that rewrite of bytes; the rest tells nothing', () => {
  const history = [
    entry('SYNC', 10, 100),
    entry('COMPACT', 0, 50, 500),
    entry('FENCE', 0, undefined),
    entry('SYNC', 0, 30),
    entry('REPAIR', 5, 20),
    entry('BACKFILL', 1000, 900, 4000),
    entry('REPARTITION', 0, 70, 600),
    entry('REPLACE', 2000, undefined),
  ];
  expect(pastRuns(history)).toEqual({
    readings: [
      { units: 10, ms: 100 },
      { units: 1000, ms: 900 },
    ],
    rewrites: [
      { units: 500, ms: 50 },
      { units: 600, ms: 70 },
    ],
  });
  expect(pastRuns(Array.from({ length: 9 }, (_, i) => entry('SYNC', i + 1, 1))).readings).toHaveLength(5);
});

test('a damaged entry is no reason to say nothing', async () => {
  const storage = memoryStorage();
  expect(await readPastRuns(storage)).toEqual({ readings: [], rewrites: [] });
  await storage.put(entryKey(0), Buffer.from('no json'));
  expect(await readPastRuns(storage)).toEqual({ readings: [], rewrites: [] });
});
