import { expect, it } from 'vitest';
import { shadeOf } from '../../../src/cli/overview/heat-map.ts';
import { compact, linearAxis, logAxis, roundedUp } from '../../../src/cli/overview/scale.ts';

it('an axis ends at a round number', () => {
  expect([0, 1, 7, 60_600, 100, 101].map(roundedUp)).toEqual([1, 1, 8, 80_000, 100, 150]);
  const axis = linearAxis(60_600);
  expect(axis.ticks.map(({ text }) => text)).toEqual(['0', '40K', '80K']);
  expect([0, 40_000, 80_000, 90_000, -1].map(axis.place)).toEqual([0, 0.5, 1, 1, 0]);
  expect(linearAxis(1).ticks.map(({ text }) => text)).toEqual(['0', '1']);
});

it('on a log axis each step is ten times the one before', () => {
  const axis = logAxis(1, 950, [
    [1, '1'],
    [10, '10'],
    [1000, '1K'],
    [10_000, '10K'],
  ]);
  expect(axis.ticks.map(({ at, text }) => [Number(at.toFixed(2)), text])).toEqual([
    [0, '1'],
    [0.33, '10'],
    [1, '1K'],
  ]);
  expect(axis.place(0)).toBe(0);
});

it('numbers are short', () => {
  expect([0, 950, 1234, 4e6].map(compact)).toEqual(['0', '950', '1.2K', '4M']);
});

it('shades go from few to many, and nothing has none', () => {
  expect([0, 1, 20, 21, 99, 100].map((value) => shadeOf(value, 100))).toEqual([0, 1, 1, 2, 5, 5]);
  expect(shadeOf(5, 0)).toBe(0);
});
