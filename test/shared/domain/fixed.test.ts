import { Decimal128, Double, Int32, Long } from 'bson';
import { describe, expect, test } from 'vitest';
import { fixedText, fixedUnits, parseFixed } from '../../../src/shared/domain/fixed.ts';
import { placed } from './bson-bytes.ts';

const unitsOf = (value: unknown, precision: number, scale: number) => {
  const { bytes, type, at } = placed(value);
  return fixedUnits(bytes, type, at, { precision, scale });
};
const dec = (text: string) => Decimal128.fromString(text);

describe('what a decimal column holds', () => {
  test.each([
    ['an integer', new Int32(-7), 3, 2, -700n],
    ['a long', Long.MIN_VALUE, 38, 0, -(2n ** 63n)],
    ['a whole double', new Double(2 ** 60), 20, 1, 2n ** 60n * 10n],
    ['trailing zeros past the scale', dec('1.2300'), 3, 2, 123n],
    ['a power of ten', dec('1E+3'), 6, 2, 100_000n],
    ['zero of any exponent', dec('0E+6000'), 1, 1, 0n],
    ['zero', new Double(0), 1, 1, 0n],
    ['the most digits', dec('9999999999999999999999999999999999'), 38, 4, 10n ** 38n - 10_000n],
    ['the greatest', dec('99.99'), 4, 2, 9999n],
    ['the least', dec('-99.99'), 4, 2, -9999n],
  ])('%s', (_, value, precision, scale, units) => {
    expect(unitsOf(value, precision, scale)).toBe(units);
  });

  test.each([
    ['one digit too many before the point', dec('100'), 4, 2],
    ['one too many below zero', new Int32(-100), 4, 2],
    ['one digit too many after it', dec('0.001'), 4, 2],
    ['no room before the point', new Int32(1), 2, 2],
    ['a fraction as a double', new Double(0.5), 4, 2],
    ['a huge double', new Double(1e300), 38, 0],
    ['negative zero, a decimal', dec('-0.00'), 4, 2],
    ['negative zero, a double', new Double(-0), 4, 2],
    ['NaN', dec('NaN'), 4, 2],
    ['an infinity', dec('-Infinity'), 4, 2],
    ['NaN, a double', new Double(Number.NaN), 4, 2],
    ['a text', '1', 4, 2],
    ['a boolean', true, 4, 2],
  ])('not %s', (_, value, precision, scale) => {
    expect(unitsOf(value, precision, scale)).toBeUndefined();
  });
});

test('the type as text, and back', () => {
  const type = { kind: 'fixed', precision: 10, scale: 2 } as const;
  expect(parseFixed(fixedText(type))).toEqual(type);
  for (const other of ['decimal', 'decimal(10)', 'decimal(10, 2)', 'xdecimal(1,2)'])
    expect(parseFixed(other)).toBeUndefined();
});
