import { describe, expect, it } from 'vitest';
import { differs, healthOf, needsAttention, skewOf } from '../../../src/cli/overview/state.ts';
import { ENTRY, entryOf, NOW, RUN, VERIFIED, viewWith } from './views.ts';

const MINUTE = 60_000;

describe('how a table is doing', () => {
  const health = (entry: typeof ENTRY) => healthOf(entry, NOW);
  it.each([
    ['fresh', ENTRY],
    ['fresh', entryOf(viewWith({ lastCheck: { at: NOW - 45 * MINUTE, run: 'r', version: 1 } }))],
    ['stale', entryOf(viewWith({ lastCheck: { at: NOW - 45 * MINUTE - 1, run: 'r', version: 1 } }))],
    ['stale', entryOf(viewWith({ lastCheck: undefined }))],
    ['missing', entryOf(viewWith({ table: undefined, lastCheck: undefined }))],
    ['running', entryOf(viewWith({}, RUN))],
    ['unfinished', entryOf(viewWith({}, { ...RUN, state: 'silent' }))],
    ['unfinished', entryOf(viewWith({}, { ...RUN, state: 'unfinished' }))],
    ['idle', { ...ENTRY, freshnessLimit_ms: undefined }],
    ['pending', { ...ENTRY, reading: { kind: 'pending' } as const }],
    [
      'failed',
      { ...ENTRY, reading: { kind: 'trouble', trouble: { code: 'X', message: 'm', hint: undefined } } as const },
    ],
  ])('%s', (expected, entry) => {
    expect(health(entry)).toBe(expected);
  });

  it('needs attention where something is stale, broken, differs or is put aside', () => {
    const attention = (entry: typeof ENTRY) => needsAttention(entry, NOW);
    expect(attention(ENTRY)).toBe(false);
    expect(attention(entryOf(viewWith({}, RUN)))).toBe(false);
    expect(attention(entryOf(viewWith({ quarantined: 1 })))).toBe(true);
    expect(attention(entryOf(viewWith({ notes: ['damaged'] })))).toBe(true);
    const stale = { ...VERIFIED, differences: { missing: 0, stale: 1, gone: 0 } };
    expect(attention(entryOf(viewWith({ verification: stale })))).toBe(true);
    expect(differs({ ...stale, repairedIn: 7 })).toBe(false);
    expect(attention(entryOf(viewWith({ lastCheck: undefined })))).toBe(true);
  });
});

describe('skew', () => {
  it('tells the largest beside the mean, and the empty ones', () => {
    const sizes = [10, 0, 40, 30].map((bytes) => ({ files: bytes > 0 ? 1 : 0, rows: bytes, bytes }));
    expect(skewOf(sizes)).toMatchObject({
      total: { files: 3, rows: 80, bytes: 80 },
      empty: 1,
      mean: 20,
      ratio: 2,
      largest: { partition: 2 },
    });
  });

  it('of nothing is nothing', () => {
    expect(skewOf([])).toMatchObject({ mean: 0, ratio: 0, largest: undefined });
    expect(skewOf([{ files: 0, rows: 0, bytes: 0 }])).toMatchObject({ ratio: 0, empty: 1 });
  });
});
