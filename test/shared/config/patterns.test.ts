import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { literalNames, literalPattern, matchesPatterns } from '../../../src/shared/config/patterns.ts';

const DESIGN = ['notifications', 'booking*', '!*_tmp'];

describe('matchesPatterns', () => {
  test.each([
    [DESIGN, 'notifications', true],
    [DESIGN, 'notifications2', false],
    [DESIGN, 'my_notifications', false],
    [DESIGN, 'booking', true],
    [DESIGN, 'bookings.archive', true],
    [DESIGN, 'booking_tmp', false],
    [['!*_tmp', 'booking*'], 'booking_tmp', false],
    [['!*_tmp'], 'anything', true],
    [['!*_tmp'], 'a_tmp', false],
    [['a?c'], 'abc', true],
    [['a?c'], 'a😀c', true],
    [['a?c'], 'ac', false],
    [['a.c'], 'abc', false],
    [['a\\*'], 'a*', true],
    [['a\\*'], 'ab', false],
    [['\\!a'], '!a', true],
    [['*'], 'a\nb', true],
    [['*'], 'system.views', false],
    [['system.v*'], 'system.views', true],
    [['!x'], 'system.views', false],
    [[], 'anything', true],
  ])('%j, %j: %s', (patterns, name, expected) => {
    expect(matchesPatterns(patterns, name)).toBe(expected);
  });

  test('agrees with a regular expression', () => {
    const piece = fc.constantFrom('*', '?', 'a', 'b', '.');
    const word = fc.array(fc.constantFrom('a', 'b', '.')).map((chars) => chars.join(''));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), word, (pieces, name) => {
        const meaning = new Map([
          ['*', '.*'],
          ['?', '.'],
          ['.', '\\.'],
        ]);
        const source = pieces.map((one) => meaning.get(one) ?? one).join('');
        expect(matchesPatterns([pieces.join('')], name)).toBe(new RegExp(`^${source}$`).test(name));
      }),
    );
  });

  test('takes no exponential time', () => {
    expect(matchesPatterns([`${'*a'.repeat(60)}b`], 'a'.repeat(2000))).toBe(false);
  });

  test('a literal pattern matches its name and no other', () => {
    const name = fc.string({ unit: fc.constantFrom('*', '?', '\\', '!', 'a', '{'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(name, name, (one, other) => {
        expect(matchesPatterns([literalPattern(one)], other)).toBe(one === other);
        expect(literalNames([literalPattern(one)])).toEqual([one]);
      }),
    );
  });
});

describe('literalNames', () => {
  test('spelled out', () => expect(literalNames(['b', 'a', 'b', '!c'])).toEqual(['b', 'a']));
  test('taken away again', () => expect(literalNames(['a', 'a_tmp', '!*_tmp'])).toEqual(['a']));
  test('with a wildcard', () => expect(literalNames(['a', 'b*'])).toBeUndefined());
  test('only without', () => expect(literalNames(['!a'])).toBeUndefined());
});
