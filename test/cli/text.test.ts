import { describe, expect, it } from 'vitest';
import { alignRows, counted, cut, duration, printable, timeText, widthOf } from '../../src/cli/text.ts';

describe('what a terminal would act on', () => {
  it('is shown instead', () => {
    expect(printable('a\nb\tc\r')).toBe('a\\nb\\tc\\r');
    expect(printable('\u001b[31mred\u001b]0;title\u0007')).toBe('\\u001b[31mred\\u001b]0;title\\u0007');
    expect(printable('\u202eright\u2066to left\u009b1m')).toBe('\\u202eright\\u2066to left\\u009b1m');
  });

  it('other text stays as it is', () => {
    expect(printable('Zoë さくら 👩‍👩‍👧 “x”')).toBe('Zoë さくら 👩‍👩‍👧 “x”');
  });
});

describe('width', () => {
  it.each([
    ['abc', 3],
    ['', 0],
    ['さくら', 6],
    ['😀', 2],
    ['e\u0301', 1],
    ['\u001b[1mbold\u001b[22m', 4],
  ])('of %j is %i', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  it('is never passed by a cut', () => {
    expect(cut('abcdef', 6)).toBe('abcdef');
    expect(cut('abcdefg', 6)).toBe('abcde…');
    expect(cut('さくらさ', 6)).toBe('さく…');
  });
});

it('rows are aligned by what is seen', () => {
  expect(alignRows([['name', 'n'], ['\u001b[1mさ\u001b[22m', '10'], ['only']], ['left', 'right'])).toEqual([
    'name   n',
    '\u001b[1mさ\u001b[22m    10',
    'only',
  ]);
  expect(alignRows([])).toEqual([]);
});

it.each([
  [0, '0 s'],
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [119_999, '1 min'],
  [3_600_000, '1 h'],
  [3_660_000, '1 h 1 min'],
  [90_000_000, '1 d 1 h'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it('times are to the second, in UTC', () => {
  expect(timeText(Date.parse('2026-01-31T02:03:04.999Z'))).toBe('2026-01-31 02:03:04Z');
  expect(timeText(null)).toBe('–');
});

it('counts agree with their nouns', () => {
  expect([counted(1, 'file'), counted(1200, 'file'), counted(2, 'query', 'queries')]).toEqual([
    '1 file',
    '1,200 files',
    '2 queries',
  ]);
});
