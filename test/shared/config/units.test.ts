import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/shared/config/units.ts';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    ['7 d', 604_800_000],
    ['2w', 1_209_600_000],
    ['0s', 0],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each(['', '5', '5 minutes', '-5m', 'm', '5m5', '5M', '1e3s', ' 5m'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('what is formatted is read back', () => {
    fc.assert(fc.property(fc.nat(), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect(formatDuration(5_400_000)).toBe('90m');
  });
});

describe('sizes', () => {
  test.each([
    ['128MB', 128_000_000],
    ['128MiB', 134_217_728],
    ['1GiB', 1_073_741_824],
    ['512Mi', 536_870_912],
    ['1.5 kB', 1500],
    ['7B', 7],
  ])('%s is %d bytes', (text, expected) => {
    expect(parseSize(text)).toBe(expected);
  });

  test.each(['', '128', '128mb', '-1MB', 'MB', '1MB 2KB'])('%j is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  test('what is formatted is read back', () => {
    fc.assert(fc.property(fc.nat(), (bytes) => parseSize(formatSize(bytes)) === bytes));
    expect(formatSize(128_000_000)).toBe('128MB');
  });
});
