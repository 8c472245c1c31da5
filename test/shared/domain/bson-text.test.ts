import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { checkValue, fieldName, isText, isTextAt } from '../../../src/shared/domain/bson-text.ts';
import { documentOf, element, int32, nestedArrays, type Placed, placed, placedRaw, text } from './bson-bytes.ts';

const BAD = Buffer.from([0x61, 0xff]);

function check({ bytes, type, at, end }: Placed, depth = 1): void {
  checkValue(bytes, type, at, end, 'f', depth);
}

const broken = expect.objectContaining({ code: 'DOCUMENT_BROKEN' });

describe('isText', () => {
  test.each([
    ['', true],
    ['a', true],
    ['grüße 😀', true],
    ['x'.repeat(1000), true],
    [`${'x'.repeat(1000)}ß`, true],
  ])('%j', (value, expected) => {
    const bytes = Buffer.from(`ÿ${value}ÿ`, 'utf8');
    expect(isText(bytes, 2, bytes.length - 2)).toBe(expected);
  });

  test.each([
    ['a lone continuation byte', [0x80]],
    ['a cut sequence', [0xf0, 0x9f, 0x98]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ])('%s is none, short or long', (_, bad) => {
    const short = Buffer.from(bad);
    const long = Buffer.concat([Buffer.alloc(100, 'x'), short]);
    expect(isText(short, 0, short.length)).toBe(false);
    expect(isText(long, 0, long.length)).toBe(false);
  });
});

test('isTextAt looks at a string and not around it', () => {
  const { bytes, at } = placedRaw(BSON.string, text('grüße'));
  expect(isTextAt(bytes, at)).toBe(true);
  const bad = placedRaw(BSON.string, text(BAD));
  expect(isTextAt(bad.bytes, bad.at)).toBe(false);
});

describe('fieldName', () => {
  const name = (bytes: Buffer) =>
    fieldName(Buffer.concat([Buffer.from('ü'), bytes, Buffer.from('ü')]), 2, 2 + bytes.length);

  test.each([
    '',
    'a',
    '__proto__',
    'ä',
    '😀',
    '\ufeffbom',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(65),
    'y'.repeat(10_000),
  ])('%j, again and again', (value) => {
    for (let i = 0; i < 3; i++) expect(name(Buffer.from(value))).toBe(value);
  });

  test('of a hundred thousand names none is taken for another', () => {
    const wrong: string[] = [];
    for (let i = 0; i < 200_000; i++) {
      const text = `f${i % 100_000}`;
      if (name(Buffer.from(text)) !== text) wrong.push(text);
    }
    expect(wrong).toEqual([]);
  });

  test('keeps no view of the bytes it was given', () => {
    const bytes = Buffer.from('volatile');
    expect(fieldName(bytes, 0, 8)).toBe('volatile');
    bytes.fill('x');
    expect(fieldName(Buffer.from('volatile'), 0, 8)).toBe('volatile');
    expect(fieldName(bytes, 0, 8)).toBe('xxxxxxxx');
  });

  test('refuses what is not UTF-8', () => {
    expect(() => name(BAD)).toThrow(broken);
    expect(() => name(Buffer.concat([Buffer.alloc(100, 'x'), BAD]))).toThrow(broken);
  });
});

describe('checkValue', () => {
  const scoped = (code: Buffer, scope: Buffer) =>
    placedRaw(BSON.codeWithScope, Buffer.concat([int32(4 + code.length + scope.length), code, scope]));

  test.each([
    ['a string', placed('grüße')],
    ['a number', placed(1)],
    ['an object', placed({ a: [{ b: 'x' }] })],
    ['a regex', placed(/grüße/i)],
    ['code', placedRaw(BSON.code, text('ü'))],
    ['code with scope', scoped(text('ü'), documentOf([element(BSON.string, 'ü', text('ü'))]))],
    ['a pointer', placedRaw(BSON.dbPointer, Buffer.concat([text('ü'), Buffer.alloc(12, 0xff)]))],
    ['a binary that is no text', placed(BAD)],
    ['a string that is not UTF-8', placedRaw(BSON.string, text(BAD))],
    ['a pattern that is not UTF-8', placedRaw(BSON.regex, Buffer.concat([BAD, Buffer.from([0, 0])]))],
    ['a pointer that is not UTF-8', placedRaw(BSON.dbPointer, Buffer.concat([text(BAD), Buffer.alloc(12)]))],
    ['scoped code that is not UTF-8', scoped(text(BAD), documentOf([element(BSON.string, 'a', text(BAD))]))],
  ])('passes %s', (_, value) => {
    expect(() => check(value)).not.toThrow();
  });

  test.each([
    ['a scope', scoped(text('x'), documentOf([element(BSON.null, BAD, Buffer.alloc(0))]))],
    ['an object', placedRaw(BSON.object, documentOf([element(BSON.null, BAD, Buffer.alloc(0))]))],
  ])('refuses a name in %s that is not UTF-8', (_, value) => {
    expect(() => check(value)).toThrow(broken);
    expect(() => check(value)).toThrow('not valid UTF-8');
  });

  test.each([
    [
      'a pointer without a terminator',
      placedRaw(BSON.dbPointer, Buffer.concat([text('x', undefined, 1), Buffer.alloc(12)])),
    ],
    ['code whose scope is cut', scoped(text('x'), documentOf([], 9))],
    ['code whose scope ends early', scoped(text('x'), Buffer.concat([documentOf([]), Buffer.alloc(3)]))],
    ['code whose text is too long', scoped(text('x', 100), documentOf([]))],
    ['code whose text is of negative length', scoped(text('x', -4), documentOf([]))],
    ['code whose text has no terminator', scoped(text('x', undefined, 1), documentOf([]))],
  ])('refuses %s', (_, value) => {
    expect(() => check(value)).toThrow(broken);
  });

  test('refuses what lies deeper than a server would make it, without a deep stack', () => {
    expect(() => check(placedRaw(BSON.array, nestedArrays(199)))).not.toThrow();
    expect(() => check(placedRaw(BSON.array, nestedArrays(200)))).toThrow('field "f" lies deeper than 200 levels');
    expect(() => check(placedRaw(BSON.array, nestedArrays(100_000)))).toThrow(broken);
  });
});

/** Bytes that begin, go on and break characters are as likely as letters. */
const byte = fc.oneof(
  fc.integer({ min: 0x00, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0xbf }),
  fc.constantFrom(0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff),
);

test('texts of any length are UTF-8 where Node says so, whatever stands around them', () => {
  const pieces = fc.array(fc.oneof({ weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) }, byte), {
    maxLength: 12,
  });
  const bytesOf = (piece: string | number) => (typeof piece === 'number' ? Buffer.of(piece) : Buffer.from(piece));
  fc.assert(
    fc.property(pieces, fc.array(byte, { maxLength: 4 }), fc.constantFrom(1, 40), (parts, after, times) => {
      const text = Buffer.concat(Array.from({ length: times }, () => parts.map(bytesOf)).flat());
      const bytes = Buffer.concat([Buffer.of(0xc3), text, Buffer.from(after)]);
      expect(isText(bytes, 1, 1 + text.length)).toBe(isUtf8(text));
    }),
    { numRuns: 5000 },
  );
});

test('every character of one to four bytes, and every pair of bytes that begins none', () => {
  for (let lead = 0x80; lead <= 0xff; lead++)
    for (let second = 0; second <= 0xff; second++)
      for (const rest of [[], [0x80], [0x80, 0xbf], [0xbf, 0x41]]) {
        const bytes = Buffer.from([lead, second, ...rest]);
        if (isText(bytes, 0, bytes.length) !== isUtf8(bytes)) expect.fail(bytes.toString('hex'));
      }
});
