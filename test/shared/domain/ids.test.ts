import { Binary, BSONSymbol, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseIdType,
  compareIds,
  type IdClass,
  idClass,
  idHash,
  idText,
  separator,
} from '../../../src/shared/domain/ids.ts';
import { idInteger } from '../../../src/shared/domain/numbers.ts';
import { decimal, double, int32, int64, text, value } from './arbitrary.ts';
import { placed } from './bson-bytes.ts';
import { mongoKey } from './numeric-identity.ts';

const CLASSES: readonly IdClass[] = ['objectId', 'string', 'uuid', 'long', 'other'];

function textOf(id: unknown, main: IdClass): string {
  const { bytes, type, at, end } = placed(id);
  return idText(bytes, type, at, end, main);
}
function hashOf(id: unknown): number {
  const { bytes, type, at, end } = placed(id);
  return idHash(bytes, type, at, end);
}
function classOf(id: unknown): IdClass {
  const { bytes, type, at } = placed(id);
  return idClass(bytes, type, at);
}

const OID = '0123456789abcdef01234567';
const U = '00112233-4455-6677-8899-aabbccddeeff';

describe('the class of an id', () => {
  test.each([
    [new ObjectId(OID), 'objectId'],
    ['x', 'string'],
    [new BSONSymbol('x'), 'string'],
    [new UUID(U), 'uuid'],
    [new Binary(Buffer.alloc(16), 3), 'other'],
    [new Binary(Buffer.alloc(15), 0), 'other'],
    [new Int32(1), 'long'],
    [Long.MAX_VALUE, 'long'],
    [new Double(1), 'long'],
    [new Double(-0), 'long'],
    [new Double(1.5), 'other'],
    [new Double(2 ** 63), 'other'],
    [new Double(-(2 ** 63)), 'long'],
    [new Double(Number.NaN), 'other'],
    [Decimal128.fromString('1.00'), 'long'],
    [Decimal128.fromString('9223372036854775807'), 'long'],
    [Decimal128.fromString('9223372036854775808'), 'other'],
    [Decimal128.fromString('1E+18'), 'long'],
    [Decimal128.fromString('1E+6000'), 'other'],
    [Decimal128.fromString('0E+6000'), 'long'],
    [Decimal128.fromString('NaN'), 'other'],
    [true, 'other'],
    [null, 'other'],
    [new Date(0), 'other'],
    [{ a: 1 }, 'other'],
  ])('%s is %s', (id, expected) => {
    expect(classOf(id)).toBe(expected);
  });
});

describe('the text of an id', () => {
  test('the main class is bare, any other canonical EJSON', () => {
    expect(textOf(new ObjectId(OID), 'objectId')).toBe(OID);
    expect(textOf(new ObjectId(OID), 'string')).toBe(`{"$oid":"${OID}"}`);
    expect(textOf('x', 'string')).toBe('x');
    expect(textOf('x', 'objectId')).toBe('"x"');
    expect(textOf(new UUID(U), 'uuid')).toBe(U);
    expect(textOf(new UUID(U), 'string')).toBe('{"$binary":{"base64":"ABEiM0RVZneImaq7zN3u/w==","subType":"04"}}');
    expect(textOf(new Double(7), 'long')).toBe('7');
    expect(textOf(new Int32(7), 'string')).toBe('{"$numberLong":"7"}');
    expect(textOf(new Double(0.5), 'other')).toBe('{"$numberDouble":"0.5"}');
    expect(textOf(true, 'string')).toBe('true');
  });

  test.each([
    ['true', '"true"'],
    ['false', '"false"'],
    ['null', '"null"'],
    ['{"a":1}', '"{\\"a\\":1}"'],
    ['[1]', '"[1]"'],
    ['"', '"\\""'],
    ['{', '"{"'],
    ['true ', 'true '],
    ['12', '12'],
    ['', ''],
  ])('the bare string %j is written %j', (id, expected) => {
    expect(textOf(id, 'string')).toBe(expected);
  });

  test('two ids share a text exactly where MongoDB holds them to be one id', () => {
    const pair = fc.oneof(
      fc.tuple(value, value),
      fc.tuple(fc.oneof(int32, int64, double, decimal), fc.oneof(int32, int64, double, decimal)),
      fc.tuple(text, text),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const same = JSON.stringify(mongoKey(a)) === JSON.stringify(mongoKey(b));
        for (const main of CLASSES) expect(textOf(a, main) === textOf(b, main), main).toBe(same);
        if (same) expect(hashOf(a)).toBe(hashOf(b));
      }),
      { numRuns: 3000 },
    );
  });

  test('a string never takes the text of another id', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(...CLASSES), (id, main) => {
        fc.pre(classOf(id) !== 'string' && classOf(id) !== 'long');
        // The text of the id, as a string id of the same table.
        expect(textOf(textOf(id, main), main)).not.toBe(textOf(id, main));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('numbers that MongoDB holds to be equal', () => {
  const GROUPS: readonly (readonly unknown[])[] = [
    [
      new Int32(1),
      Long.ONE,
      new Double(1),
      Decimal128.fromString('1'),
      Decimal128.fromString('1.00'),
      Decimal128.fromString('10E-1'),
    ],
    [
      new Int32(0),
      Long.ZERO,
      new Double(0),
      new Double(-0),
      Decimal128.fromString('-0'),
      Decimal128.fromString('0E+10'),
    ],
    [Long.fromString('9007199254740992'), new Double(2 ** 53), Decimal128.fromString('9007199254740992.0')],
    [Long.MIN_VALUE, new Double(-(2 ** 63)), Decimal128.fromString('-9223372036854775808')],
    [new Double(2 ** 63), Decimal128.fromString('9223372036854775808')],
    [new Double(0.5), Decimal128.fromString('0.5'), Decimal128.fromString('5.0E-1')],
    [new Double(1e22), Decimal128.fromString('1E+22')],
    [new Double(Number.NaN), Decimal128.fromString('NaN')],
    [new Double(Infinity), Decimal128.fromString('Infinity')],
    [new Double(-Infinity), Decimal128.fromString('-Infinity')],
    // Near misses: each is a group of its own.
    [Long.fromString('9007199254740993')],
    [new Double(0.1)],
    [Decimal128.fromString('0.1')],
    [Decimal128.fromString('1E+23')],
    [new Double(1e23)],
  ];

  test.each([['bare'], ['nested in a document']])('have one text and one hash: %s', (form) => {
    const wrap = (id: unknown) => (form === 'bare' ? id : { k: [id] });
    const texts = GROUPS.map((group) => new Set(group.map((id) => textOf(wrap(id), 'string'))));
    const hashes = GROUPS.map((group) => new Set(group.map((id) => hashOf(wrap(id)))));
    expect(texts.map((group) => group.size)).toEqual(GROUPS.map(() => 1));
    expect(hashes.map((group) => group.size)).toEqual(GROUPS.map(() => 1));
    expect(new Set(texts.flatMap((group) => [...group])).size).toBe(GROUPS.length);
    expect(new Set(hashes.flatMap((group) => [...group])).size).toBe(GROUPS.length);
  });

  test('idInteger is exact at both ends of 64 bits', () => {
    const integer = (id: unknown) => {
      const { bytes, type, at } = placed(id);
      return idInteger(bytes, type, at);
    };
    expect(integer(Long.MAX_VALUE)).toBe(2n ** 63n - 1n);
    expect(integer(Decimal128.fromString('-9223372036854775808'))).toBe(-(2n ** 63n));
    expect(integer(Decimal128.fromString('-9223372036854775809'))).toBeUndefined();
    expect(integer(new Double(-0))).toBe(0n);
    expect(integer('1')).toBeUndefined();
  });
});

test('fields of a compound id count in their order', () => {
  expect(textOf({ a: new Int32(1), b: new Int32(2) }, 'other')).not.toBe(
    textOf({ b: new Int32(2), a: new Int32(1) }, 'other'),
  );
});

test.each([
  [{}, 'string:objectId'],
  [{ long: 3 }, 'long'],
  [{ long: 3, other: 0 }, 'long'],
  [{ long: 3, other: 1 }, 'string:long'],
  [{ long: 1, string: 2 }, 'string:string'],
  [{ string: 2, objectId: 2 }, 'string:objectId'],
  [{ other: 5, uuid: 1 }, 'string:other'],
] as const)('a first load that saw %j has ids of type %s', (counts, expected) => {
  expect(chooseIdType(counts)).toBe(expected);
});

describe('the order of ids', () => {
  const ordered: readonly string[] = [
    '',
    'a',
    'aa',
    'b',
    'ä',
    '\ud7ff',
    '\ue000',
    '\ufffd',
    '\uffff',
    '😀',
    '\u{10ffff}',
  ];

  test('strings by their UTF-8 bytes: U+FFFD before an emoji', () => {
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries())
        expect(Math.sign(compareIds('string:string', a, b))).toBe(Math.sign(i - j));
  });

  test('integers by value, at any size', () => {
    const ids = [
      '-9223372036854775808',
      '-10',
      '-9',
      '0',
      '9',
      '10',
      '9007199254740992',
      '9007199254740993',
      '9223372036854775807',
    ];
    for (const [i, a] of ids.entries())
      for (const [j, b] of ids.entries()) expect(compareIds('long', a, b)).toBe(Math.sign(i - j));
  });
});

describe('a separator', () => {
  test.each([
    ['a', 'b', 'b'],
    ['apple', 'banana', 'b'],
    ['abcde', 'abxyz', 'abx'],
    ['ab', 'abcdef', 'abc'],
    ['', 'abc', 'a'],
    ['\ufffd', '😀x', '😀'],
    ['a😀', 'a😁x', 'a😁'],
    ['x😀', 'x😀😁y', 'x😀😁'],
  ])('between %j and %j is %j', (previous, next, expected) => {
    expect(separator('string:string', previous, next)).toBe(expected);
  });

  test('of integers is the next id', () => {
    expect(separator('long', '9', '1000')).toBe('1000');
  });

  test('parts any two neighbours in UTF-8 order, is a prefix of the next and never half a character', () => {
    const id = fc.oneof(
      text,
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('a', '😀', '😁', '\ufffd') }),
    );
    fc.assert(
      fc.property(id, id, (a, b) => {
        const order = compareIds('string:string', a, b);
        fc.pre(order !== 0);
        const [previous, next] = order < 0 ? [a, b] : [b, a];
        const bound = separator('string:string', previous, next);
        expect(compareIds('string:string', previous, bound)).toBeLessThan(0);
        expect(compareIds('string:string', bound, next)).toBeLessThanOrEqual(0);
        expect(next.startsWith(bound)).toBe(true);
        expect(Buffer.from(bound).toString()).toBe(bound);
      }),
      { numRuns: 2000 },
    );
  });

  test('of two ids of 16 MB is short', () => {
    expect(separator('string:string', `a${'x'.repeat(2 ** 24)}`, `b${'x'.repeat(2 ** 24)}`)).toBe('b');
  });
});
