import { describe, expect, test } from 'vitest';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { decideWindow, inScope, type WindowInput } from '../../../src/shared/domain/window.ts';

const MINUTE = 60_000;
const CURSOR = { field: 'updateTime', type: 'date' } as const;
const NOW = Date.UTC(2026, 10, 1, 12);
const LATENESS = 5 * MINUTE;

function live(over: Partial<WindowInput> = {}): WindowInput {
  return {
    mode: 'sync',
    from: null,
    to: null,
    watermark: NOW - 60 * MINUTE,
    source: { kind: 'live', serverTime: NOW, lastMajorityWrite: NOW },
    now: NOW,
    allowedLatenessMs: LATENESS,
    cursor: CURSOR,
    ...over,
  };
}

function dump(startedAt: number | undefined, over: Partial<WindowInput> = {}): WindowInput {
  return live({ source: { kind: 'dump', serverTime: startedAt, lastMajorityWrite: undefined }, ...over });
}

const from = (watermark: number) => ({ kind: 'window', cursor: CURSOR, from: watermark, to: null });

describe('a sync of a live collection', () => {
  test('reads everything past the watermark, to the end, and moves it to S − allowedLateness', () => {
    expect(decideWindow(live())).toEqual({ scope: from(NOW - 60 * MINUTE), nextWatermark: NOW - LATENESS });
  });

  test('without a watermark compares the whole collection', () => {
    expect(decideWindow(live({ watermark: null }))).toEqual({
      scope: { kind: 'full' },
      nextWatermark: NOW - LATENESS,
    });
  });

  test('never moves the watermark back, whatever the clocks say', () => {
    const watermark = NOW + 60 * MINUTE;
    expect(decideWindow(live({ watermark }))).toEqual({ scope: from(watermark), nextWatermark: watermark });
  });

  test.each([
    ["the server's clock", { serverTime: NOW - 2000, lastMajorityWrite: NOW - 1000 }, NOW, NOW - 2000],
    ['the last majority write', { serverTime: NOW - 1000, lastMajorityWrite: NOW - 3000 }, NOW, NOW - 3000],
    ['our own clock', { serverTime: NOW, lastMajorityWrite: NOW }, NOW - 4000, NOW - 4000],
    [
      'what a server tells that knows no majority write',
      { serverTime: NOW - 1, lastMajorityWrite: undefined },
      NOW,
      NOW - 1,
    ],
    ['our own clock, where a server tells nothing', { serverTime: undefined, lastMajorityWrite: undefined }, NOW, NOW],
  ])('S is the earliest: %s', (_, clocks, now, s) => {
    const { nextWatermark } = decideWindow(live({ source: { kind: 'live', ...clocks }, now }));
    expect(nextWatermark).toBe(s - LATENESS);
  });

  test('a quiet collection, last written long ago, keeps its watermark at that time', () => {
    const lastMajorityWrite = NOW - 2 * 60 * MINUTE;
    const source = { kind: 'live', serverTime: NOW, lastMajorityWrite } as const;
    expect(decideWindow(live({ source, watermark: null })).nextWatermark).toBe(lastMajorityWrite - LATENESS);
    expect(decideWindow(live({ source })).nextWatermark).toBe(NOW - 60 * MINUTE);
  });

  test.each([LATENESS + 1, -LATENESS - 1])('a server %i ms off our clock is refused', (skew) => {
    const source = { kind: 'live', serverTime: NOW + skew, lastMajorityWrite: undefined } as const;
    const attempt = () => decideWindow(live({ source }));
    expect(attempt).toThrow(MongolakeError);
    expect(attempt).toThrow('differ by 300 s, more than allowedLateness (300 s)');
  });

  test.each([LATENESS, -LATENESS])('a server %i ms off is within allowedLateness', (skew) => {
    const source = { kind: 'live', serverTime: NOW + skew, lastMajorityWrite: undefined } as const;
    expect(decideWindow(live({ source })).nextWatermark).toBe(NOW + Math.min(skew, 0) - LATENESS);
  });
});

describe('a backfill', () => {
  test('reads everything and moves the watermark as a sync does', () => {
    expect(decideWindow(live({ mode: 'backfill' }))).toEqual({
      scope: { kind: 'full' },
      nextWatermark: NOW - LATENESS,
    });
  });
});

describe('a dump', () => {
  const startedAt = NOW - 10 * MINUTE;

  test('counts as read when it was started', () => {
    expect(decideWindow(dump(startedAt))).toEqual({
      scope: from(NOW - 60 * MINUTE),
      nextWatermark: startedAt - LATENESS,
    });
  });

  test('older than the watermark leaves it where it is', () => {
    expect(decideWindow(dump(NOW - 90 * MINUTE)).nextWatermark).toBe(NOW - 60 * MINUTE);
  });

  test('may be years old: its clock is not compared with ours', () => {
    expect(decideWindow(dump(0, { watermark: null })).nextWatermark).toBe(-LATENESS);
  });

  test('that claims to be started in the future counts as started now', () => {
    expect(decideWindow(dump(NOW + 60 * MINUTE)).nextWatermark).toBe(NOW - LATENESS);
  });

  test('that does not tell its start is compared whole, and no watermark moves', () => {
    expect(decideWindow(dump(undefined))).toEqual({ scope: { kind: 'full' }, nextWatermark: NOW - 60 * MINUTE });
    expect(decideWindow(dump(undefined, { watermark: null }))).toEqual({
      scope: { kind: 'full' },
      nextWatermark: null,
    });
  });

  test('that does not tell its start moves no watermark within explicit bounds either', () => {
    const watermark = NOW - 60 * MINUTE;
    const bounds = { from: watermark, to: NOW };
    expect(decideWindow(dump(undefined, bounds))).toEqual({
      scope: { kind: 'window', cursor: CURSOR, from: watermark, to: NOW },
      nextWatermark: watermark,
    });
    expect(decideWindow(dump(undefined, { ...bounds, from: null, watermark: null })).nextWatermark).toBeNull();
  });
});

describe('explicit bounds', () => {
  const watermark = NOW - 60 * MINUTE;
  const to = NOW - 30 * MINUTE;

  test('are the scope, as given', () => {
    expect(decideWindow(live({ from: 5, to: 9 })).scope).toEqual({
      kind: 'window',
      cursor: CURSOR,
      from: 5,
      to: 9,
    });
    expect(decideWindow(live({ mode: 'backfill', from: 5 })).scope).toMatchObject({ from: 5, to: null });
  });

  test.each([
    ['from at the watermark continues it', { from: watermark, to }, to - 1],
    ['from below the watermark continues it', { from: watermark - 1, to }, to - 1],
    ['from above the watermark leaves a gap, and it stays', { from: watermark + 1, to }, watermark],
    ['no from reads from the beginning', { from: null, to }, to - 1],
    ['no to reads to the end, so S bounds it', { from: watermark, to: null }, NOW - LATENESS],
    ['to past S − allowedLateness is bounded by that', { from: watermark, to: NOW }, NOW - LATENESS],
    ['to below the watermark does not move it back', { from: null, to: watermark - MINUTE }, watermark],
  ])('%s', (_, bounds, expected) => {
    expect(decideWindow(live(bounds)).nextWatermark).toBe(expected);
  });

  test.each([
    ['with from there is still none', { from: 0, to }, null],
    ['without from everything up to `to` is read', { from: null, to }, to - 1],
  ])('of a table without a watermark: %s', (_, bounds, expected) => {
    expect(decideWindow(live({ ...bounds, watermark: null })).nextWatermark).toBe(expected);
  });

  test.each([
    [7, 7],
    [8, 7],
  ])('from %i to %i is refused', (first, last) => {
    expect(() => decideWindow(live({ from: first, to: last }))).toThrow(
      '--to (1970-01-01T00:00:00.007Z) must be later',
    );
  });
});

describe('a cursor that counts in seconds', () => {
  const second = { field: 'updateTime', type: 'timestamp' } as const;
  const at = (s: number): WindowInput['source'] => ({ kind: 'live', serverTime: s, lastMajorityWrite: s });

  test.each([
    // S, the watermark of a date, and that of a timestamp: 999 ms less.
    [LATENESS + 5_000, 5_000, 4_001],
    [LATENESS + 5_001, 5_001, 4_002],
    [LATENESS + 5_999, 5_999, 5_000],
    [LATENESS + 6_000, 6_000, 5_001],
  ])('at S = %i', (s, dates, seconds) => {
    const from = { ...second, type: 'date' } as const;
    expect(decideWindow(live({ watermark: null, now: s, source: at(s), cursor: from })).nextWatermark).toBe(dates);
    for (const type of ['timestamp', 'epochSeconds', 'objectId'] as const) {
      const input = live({ watermark: null, now: s, source: at(s), cursor: { ...second, type } });
      expect(decideWindow(input).nextWatermark).toBe(seconds);
    }
  });

  test('whatever was written after S − allowedLateness is in the next window, and 998 ms would not do', () => {
    let closest = Number.POSITIVE_INFINITY;
    for (let s = LATENESS + 10_000; s < LATENESS + 12_000; s++) {
      const watermark = decideWindow(live({ watermark: null, now: s, source: at(s), cursor: second }))
        .nextWatermark as number;
      const firstUnseen = s - LATENESS + 1;
      closest = Math.min(closest, Math.floor(firstUnseen / 1000) * 1000 - watermark);
    }
    expect(closest).toBe(1);
  });

  test('is bounded by an explicit end as it is given', () => {
    const watermark = NOW - 60 * MINUTE;
    const to = watermark + 1_500;
    expect(decideWindow(live({ from: watermark, to, cursor: second })).nextWatermark).toBe(to - 1);
  });
});

describe('inScope', () => {
  const scope = { kind: 'window', cursor: CURSOR, from: 10, to: 20 } as const;

  test('both ends are exclusive', () => {
    expect([9n, 10n, 11n, 19n, 20n, 21n].map((cursor) => inScope(scope, cursor))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  test('an end that is not given does not bound', () => {
    expect(inScope({ ...scope, from: null }, -(2n ** 63n))).toBe(true);
    expect(inScope({ ...scope, to: null }, 2n ** 63n - 1n)).toBe(true);
  });

  test('a document without a cursor belongs to a full scope only', () => {
    expect(inScope(scope, undefined)).toBe(false);
    expect(inScope({ kind: 'full' }, undefined)).toBe(true);
  });
});
