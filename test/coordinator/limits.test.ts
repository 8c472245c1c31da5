import { expect, test } from 'vitest';
import { freshnessLimit, verificationLimit } from '../../src/coordinator/limits.ts';
import type { Schedule } from '../../src/shared/domain/schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const every = (every_ms: number): Schedule => ({ kind: 'every', every_ms });
const cron = (expression: string): Schedule => ({ kind: 'cron', expression });

test.each<[string, Schedule, number | undefined]>([
  ['three intervals', every(HOUR), 3 * HOUR],
  ['a quarter of an hour at least: a change stream is looked at every ten seconds', every(10_000), 15 * MINUTE],
  ['three nights', cron('0 3 * * *'), 3 * DAY],
  ['three weekends of a table of working days', cron('0 3 * * 1-5'), 9 * DAY],
  ['three nights and weekends of a table of working hours', cron('*/15 9-17 * * 1-5'), 3 * (63 * HOUR + 15 * MINUTE)],
  ['three times two months of a table of the 31st', cron('0 0 31 * *'), 3 * 61 * DAY],
  ['a quarter of an hour, of each minute', cron('* * * * *'), 15 * MINUTE],
  ['no limit without a schedule', { kind: 'none' }, undefined],
])('a table is stale after %s', (_, schedule, limit) => {
  expect(freshnessLimit({ schedule })).toBe(limit);
});

test('what is configured goes before, with a schedule and without', () => {
  expect(freshnessLimit({ staleAfter: 5000, schedule: every(HOUR) })).toBe(5000);
  expect(freshnessLimit({ staleAfter: 5000, schedule: { kind: 'none' } })).toBe(5000);
});

test('a verification is overdue after three gaps of its schedule, however short', () => {
  expect(verificationLimit(every(MINUTE))).toBe(3 * MINUTE);
  expect(verificationLimit(cron('0 3 * * 0'))).toBe(21 * DAY);
  expect(verificationLimit({ kind: 'none' })).toBeUndefined();
});
