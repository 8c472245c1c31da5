import { afterEach, describe, expect, test, vi } from 'vitest';
import { firstTick, nextTick, retryTick, type Scheduled, takeDue } from '../../src/coordinator/schedule.ts';
import type { Schedule } from '../../src/shared/domain/schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const QUARTER: Schedule = { kind: 'every', every_ms: 15 * MINUTE };
const NIGHTLY: Schedule = { kind: 'cron', expression: '0 3 * * *' };
const NONE: Schedule = { kind: 'none' };
const NOON = Date.UTC(2026, 10, 22, 12);

afterEach(() => vi.unstubAllEnvs());

describe('the first tick', () => {
  test.each<[string, Schedule, number | undefined]>([
    ['an interval starts at once', QUARTER, NOON],
    ['a cron expression waits for its time', NIGHTLY, Date.UTC(2026, 10, 23, 3)],
    ['none never comes up', NONE, undefined],
  ])('%s', (_, schedule, expected) => {
    expect(firstTick(schedule, NOON)).toBe(expected);
  });

  test('a cron expression whose moment is now waits for the next', () => {
    expect(firstTick({ kind: 'cron', expression: '0 12 * * *' }, NOON)).toBe(NOON + 24 * HOUR);
  });
});

describe('the next tick of an interval', () => {
  test.each([
    ['looked at in time', 0, 1],
    ['looked at late', 14 * MINUTE, 1],
    ['looked at just before the next beat', 15 * MINUTE - 1, 1],
    ['looked at on the next beat, which is missed', 15 * MINUTE, 2],
    ['looked at hours later: missed beats are let go', 2 * HOUR + MINUTE, 9],
  ])('%s keeps the beat', (_, late_ms, beats) => {
    expect(nextTick(QUARTER, NOON, NOON + late_ms)).toBe(NOON + beats * 15 * MINUTE);
  });

  test('is always later than now', () => {
    for (const late_ms of [0, 1, 999, 1000, 1001, 86_400_000]) {
      expect(nextTick({ kind: 'every', every_ms: 1000 }, NOON, NOON + late_ms)).toBeGreaterThan(NOON + late_ms);
    }
  });
});

describe('the next tick of a cron expression', () => {
  test('is the first after now; those missed meanwhile are let go', () => {
    const due = Date.UTC(2026, 10, 23, 3);
    expect(nextTick(NIGHTLY, due, due)).toBe(due + 24 * HOUR);
    expect(nextTick(NIGHTLY, due, due + 49 * HOUR)).toBe(due + 72 * HOUR);
  });

  test('takes seconds as a sixth field in front', () => {
    expect(nextTick({ kind: 'cron', expression: '*/10 * * * * *' }, NOON, NOON + 1)).toBe(NOON + 10_000);
  });

  test.each([
    ['into summer time', Date.UTC(2026, 2, 27, 12)],
    ['out of summer time', Date.UTC(2026, 9, 23, 12)],
  ])('is in UTC: where the machine goes %s, a day has 24 hours', (_, start) => {
    vi.stubEnv('TZ', 'Europe/Berlin');
    expect(new Date(start).getTimezoneOffset()).not.toBe(0);
    const ticks: number[] = [];
    for (let now = start; ticks.length < 4; now = ticks.at(-1) as number) {
      ticks.push(nextTick({ kind: 'cron', expression: '30 2 * * *' }, now, now) as number);
    }
    const first = start + 14.5 * HOUR;
    expect(ticks).toEqual([first, first + 24 * HOUR, first + 48 * HOUR, first + 72 * HOUR]);
  });
});

describe('what is due', () => {
  const table = (name: string, dueAt: number | undefined, running = false): Scheduled => {
    return { name, schedule: QUARTER, dueAt, running };
  };

  test('starts, in the order of the tables; the others are left as they are', () => {
    const later = table('later', NOON + 1);
    const never = table('never', undefined);
    const { start, skip, next } = takeDue([table('now', NOON), later, never, table('late', NOON - 1)], NOON);
    expect(start).toEqual(['now', 'late']);
    expect(skip).toEqual([]);
    expect(next.map(({ dueAt }) => dueAt)).toEqual([NOON + 15 * MINUTE, NOON + 1, undefined, NOON - 1 + 15 * MINUTE]);
    expect(next[1]).toBe(later);
    expect(next[2]).toBe(never);
  });

  test('is tried again in between, without a change of the beat', () => {
    const again = { ...table('again', NOON + 5 * MINUTE), retryAt: retryTick(2, NOON) };
    expect(again.retryAt).toBe(NOON + 2 * MINUTE);
    expect(retryTick(9, NOON)).toBe(NOON + 15 * MINUTE);
    expect(takeDue([again], NOON + 2 * MINUTE - 1)).toMatchObject({ start: [], next: [again] });
    const tried = takeDue([again], NOON + 2 * MINUTE);
    expect(tried).toEqual({ start: ['again'], skip: [], next: [table('again', NOON + 5 * MINUTE)] });
    const both = takeDue([{ ...again, dueAt: NOON }], NOON + 2 * MINUTE);
    expect(both).toEqual({ start: ['again'], skip: [], next: [table('again', NOON + 15 * MINUTE)] });
  });

  test('is skipped where its run still goes on; the beat goes on as well', () => {
    const { start, skip, next } = takeDue([table('busy', NOON, true)], NOON);
    expect([start, skip]).toEqual([[], ['busy']]);
    expect(next).toEqual([table('busy', NOON + 15 * MINUTE, true)]);
  });
});
