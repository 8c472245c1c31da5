import { describe, expect, it } from 'vitest';
import { differs, healthOf, isLate, needsAttention, skewOf } from '../../../src/cli/overview/state.ts';
import { ENTRY, entryOf, NOW, RUN, VERIFIED, viewWith } from './views.ts';

const MINUTE = 60_000;
const quarterly = { kind: 'every', every_ms: 15 * MINUTE } as const;

describe('lateness', () => {
  it('is when the schedule came up twice since the last check, and a run had its minute', () => {
    expect(isLate(quarterly, NOW - 31 * MINUTE, NOW)).toBe(false);
    expect(isLate(quarterly, NOW - 31 * MINUTE - 1, NOW)).toBe(true);
  });

  it('of a cron expression goes by its times', () => {
    const nightly = { kind: 'cron', expression: '0 3 * * *' } as const;
    const checkedAt = Date.parse('2026-03-01T03:00:20Z');
    expect(isLate(nightly, checkedAt, Date.parse('2026-03-03T03:00:59Z'))).toBe(false);
    expect(isLate(nightly, checkedAt, Date.parse('2026-03-03T03:01:01Z'))).toBe(true);
  });

  it('is never of what has no schedule', () => {
    expect(isLate({ kind: 'none' }, 0, NOW)).toBe(false);
  });
});

describe('how a table is doing', () => {
  const health = (entry: typeof ENTRY) => healthOf(entry, NOW);
  it.each([
    ['fresh', ENTRY],
    ['late', entryOf(viewWith({ lastCheck: { at: NOW - 90 * MINUTE, run: 'r', version: 1 } }))],
    ['late', entryOf(viewWith({ lastCheck: undefined }))],
    ['missing', entryOf(viewWith({ table: undefined, lastCheck: undefined }))],
    ['running', entryOf(viewWith({}, RUN))],
    ['unfinished', entryOf(viewWith({}, { ...RUN, state: 'silent' }))],
    ['unfinished', entryOf(viewWith({}, { ...RUN, state: 'unfinished' }))],
    ['idle', { ...ENTRY, schedule: { kind: 'none' } as const }],
    ['pending', { ...ENTRY, reading: { kind: 'pending' } as const }],
    [
      'failed',
      { ...ENTRY, reading: { kind: 'trouble', trouble: { code: 'X', message: 'm', hint: undefined } } as const },
    ],
  ])('%s', (expected, entry) => {
    expect(health(entry)).toBe(expected);
  });

  it('needs attention where something is late, broken, differs or is put aside', () => {
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
