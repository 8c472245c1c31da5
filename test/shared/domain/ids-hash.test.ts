import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { HASH_VERSION, hash32, partitionOf } from '../../../src/shared/domain/hash.ts';
import { idHash } from '../../../src/shared/domain/ids.ts';
import { decimal, double, int32, int64, value } from './arbitrary.ts';
import { type Placed, placed, placedRaw, text } from './bson-bytes.ts';
import { mongoKey } from './numeric-identity.ts';
import { xxh32 } from './xxh32.ts';

const hashOf = ({ bytes, type, at, end }: Placed) => idHash(bytes, type, at, end);

/** An `_id`'s hash as docs/ids.md has it, from a value of the bson library. */
function documentedHash(id: unknown): number {
  if (id instanceof ObjectId) return xxh32(id.id, 7);
  if (typeof id === 'string' || id instanceof BSONSymbol) return xxh32(Buffer.from(id.valueOf(), 'utf8'), 2);
  if (isUuid(id)) return xxh32(id.buffer, 5);
  const integer = /^\{"\$numberLong":"(-?\d+)"\}$/.exec(identity(id))?.[1];
  if (integer !== undefined && isNumber(id)) return xxh32(littleEndian(BigInt(integer)), 18);
  return xxh32(Buffer.from(identity(id), 'utf8'), 3);
}

function isUuid(id: unknown): id is Binary {
  return id instanceof Binary && id.sub_type === 4 && id.position === 16;
}

function isNumber(id: unknown): boolean {
  return (
    id instanceof Int32 ||
    (id instanceof Long && !(id instanceof Timestamp)) ||
    id instanceof Double ||
    id instanceof Decimal128
  );
}

function littleEndian(integer: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(integer);
  return bytes;
}

/** The identity text of docs/ids.md. */
function identity(id: unknown): string {
  if (isNumber(id)) return numberText(id);
  if (typeof id === 'string' || id instanceof BSONSymbol) return JSON.stringify(id.valueOf());
  if (Array.isArray(id)) return `[${id.map(identity).join(',')}]`;
  if (id instanceof Map) {
    const object = `{${[...id].map(([name, child]) => `${JSON.stringify(name)}:${identity(child)}`).join(',')}}`;
    return [...id.keys()].some((name) => name.startsWith('$')) ? `{"$document":${object}}` : object;
  }
  if (id === null || typeof id === 'boolean') return String(id);
  return JSON.stringify(rareForm(id));
}

function rareForm(id: unknown): unknown {
  if (id instanceof ObjectId) return { $oid: id.toHexString() };
  if (id instanceof Date) return { $date: { $numberLong: String(id.getTime()) } };
  if (id instanceof Timestamp) return { $timestamp: { t: id.t, i: id.i } };
  if (id instanceof Binary)
    return { $binary: { base64: id.toString('base64'), subType: id.sub_type.toString(16).padStart(2, '0') } };
  if (id instanceof BSONRegExp) return { $regularExpression: { pattern: id.pattern, options: id.options } };
  if (id instanceof Code) {
    // The tests' scopes hold integers only.
    const scope = id.scope && Object.entries(id.scope).map(([name, each]) => [name, JSON.parse(identity(each))]);
    return { $code: id.code, ...(scope ? { $scope: Object.fromEntries(scope) } : {}) };
  }
  return id instanceof MinKey ? { $minKey: 1 } : { $maxKey: 1 };
}

/** By the exact fraction of numeric-identity.ts: a 64-bit integer, else a double that is exactly this number, else a decimal. */
function numberText(id: unknown): string {
  const { number: exact } = mongoKey(id) as { number: string };
  const [numerator = '', denominator = '1'] = exact.split('/');
  if (/^-?\d+$/.test(numerator) && denominator === '1') {
    const integer = BigInt(numerator);
    if (BigInt.asIntN(64, integer) === integer) return `{"$numberLong":"${integer}"}`;
  }
  const nearest = Number(String(id));
  const same = JSON.stringify(mongoKey(new Double(nearest))) === JSON.stringify({ number: exact });
  if (same) return `{"$numberDouble":"${nearest}"}`;
  const [mantissa = '', power = '0'] = String(id).split('E');
  const decimals = mantissa.split('.')[1] ?? '';
  const digits = mantissa.replace('.', '').replace(/0+$/, '');
  const zeros = mantissa.replace('.', '').length - digits.length;
  return `{"$numberDecimal":"${BigInt(digits)}E${Number(power) - decimals.length + zeros}"}`;
}

/** Known answers: a table's files lie where these say, so they never change while the version's name stays. */
const KNOWN: readonly (readonly [string, unknown, number])[] = [
  ['an ObjectId', new ObjectId('0123456789abcdef01234567'), 0xff083f56],
  ['a string', 'grüße', 0x930d4001],
  ['a symbol', new BSONSymbol('grüße'), 0x930d4001],
  ['an empty string', '', 0x7a109d92],
  ['a UUID', new UUID('00112233-4455-6677-8899-aabbccddeeff'), 0xf19f7166],
  ['an Int32', new Int32(7), 0x891d0973],
  ['an integer as double', new Double(7), 0x891d0973],
  ['an Int64', Long.fromString('9007199254740993'), 0xd3d26cd2],
  ['the smallest Int64', Long.MIN_VALUE, 0xb70ab20a],
  ['a fraction', new Double(0.5), 0xd6f74f0f],
  ['NaN', new Double(Number.NaN), 0x500829a9],
  ['a Decimal128', Decimal128.fromString('0.1'), 0xf6ee59ac],
  ['a Decimal128 past every double', Decimal128.fromString('1E+6000'), 0xf44b0890],
  ['a boolean', true, 0xdf159209],
  ['a date', new Date(-1), 0xeb2d6f5b],
  ['a binary', new Binary(Buffer.from('abc'), 5), 0xecdafa45],
  ['null', null, 0x6d1b23dc],
  [
    'a document',
    new Map<string, unknown>([
      ['a', new Int32(1)],
      ['b', [new Double(2), 'x']],
    ]),
    0x8b4534fe,
  ],
  ['a document that looks like a value', new Map([['$oid', 'x']]), 0xa4cb16cf],
  ['a Timestamp', new Timestamp({ t: 1, i: 2 }), 0x2fc355c4],
  ['a regex', new BSONRegExp('a', 'i'), 0x968fc8bd],
  ['code', new Code('f()'), 0xe7b6d71a],
  ['MinKey', new MinKey(), 0xb3939564],
  ['MaxKey', new MaxKey(), 0x7344b147],
];

describe('the hash of an id', () => {
  test('is named', () => {
    expect(HASH_VERSION).toBe('xxh32-1');
  });

  test.each(KNOWN)('of %s is a known answer, and what the documentation says', (_, id, expected) => {
    expect(hashOf(placed(id))).toBe(expected);
    expect(documentedHash(id)).toBe(expected);
  });

  test('of text that is not UTF-8 is that of its identity text', () => {
    const id = placedRaw(BSON.string, text(Buffer.from([0x61, 0xff])));
    expect(hashOf(id)).toBe(xxh32(Buffer.from('{"$invalidUtf8":"Yf8="}'), 3));
    expect(hashOf(id)).not.toBe(hashOf(placed('{"$invalidUtf8":"Yf8="}')));
  });

  test('is what the documentation says, of any value', () => {
    const numbers = fc.oneof(int32, int64, double, decimal);
    fc.assert(
      fc.property(fc.oneof(value, numbers), (id) => {
        expect(hashOf(placed(id))).toBe(documentedHash(id));
      }),
      { numRuns: 5000 },
    );
  });
});

test('XXH32 of the vectors in its specification, and of any bytes as the tests have it', () => {
  expect(hash32(Buffer.alloc(0), 0)).toBe(0x02cc5d05);
  expect(hash32(Buffer.from('abc'), 0)).toBe(0x32d153ff);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bytes, seed) => {
      expect(hash32(bytes, seed)).toBe(xxh32(bytes, seed));
    }),
  );
});

test('the partition is the low bits, so that doubling their number splits each in two', () => {
  expect(partitionOf(0xff083f56, 64)).toBe(0x16);
  expect(partitionOf(0xffffffff, 1)).toBe(0);
  for (const hash of [0, 1, 63, 64, 0x80000000, 0xffffffff])
    expect([partitionOf(hash, 64), partitionOf(hash, 64) + 64]).toContain(partitionOf(hash, 128));
});
