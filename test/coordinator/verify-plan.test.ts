import { expect, it } from 'vitest';
import { verificationSchedule } from '../../src/coordinator/schedule.ts';
import { sampled } from '../../src/coordinator/verify-plan.ts';

it('a sample is so much of the ranges, in their order, and at least one', () => {
  const ranges = Array.from({ length: 10 }, (_, i) => i);
  const lots = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4, 0.5, 0.0];
  const random = () => {
    let next = 0;
    return () => lots[next++] as number;
  };
  expect(sampled(ranges, 0.3, random())).toEqual([1, 3, 9]);
  expect(sampled(ranges, 0.001, random())).toEqual([9]);
  expect(sampled(ranges, 1, random())).toEqual(ranges);
  expect(sampled([], 1, random())).toEqual([]);
});

it('deletions that are found by comparing are looked for each day where nothing else is said', () => {
  const none = { kind: 'none' } as const;
  const hourly = { kind: 'every', every_ms: 3_600_000 } as const;
  expect(verificationSchedule({ deletes: 'reconcile', verifySchedule: none })).toEqual({
    kind: 'every',
    every_ms: 86_400_000,
  });
  expect(verificationSchedule({ deletes: 'reconcile', verifySchedule: hourly })).toEqual(hourly);
  expect(verificationSchedule({ deletes: 'none', verifySchedule: none })).toEqual(none);
});
