import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  serialize,
  Timestamp,
} from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL_IDS, FERRETDB_IDS, idFilter, literalOf } from '../../../src/shared/adapters/mongodb-ids.ts';
import { evenBounds, idRanges, sampledBounds, stretchOf } from '../../../src/shared/adapters/mongodb-parts.ts';

/** The type brackets by MongoDB's sort order (manual, "Comparison/Sort Order"), as the numbers of `$type`. */
const BRACKETS = [
  [-1],
  [6, 10],
  [1, 16, 18, 19],
  [2, 14],
  [3],
  [5],
  [7],
  [8],
  [9],
  [17],
  [11],
  [12],
  [13],
  [15],
  [127],
];

const pointOf = (value: unknown) => Buffer.from(serialize({ '': value }));
const typeOf = (point: Buffer) => (point[4] === 0xff ? -1 : (point[4] ?? 0));
const bracketOf = (point: Buffer) => BRACKETS.findIndex((types) => types.includes(typeOf(point)));

/** A value as something that JavaScript compares: numbers as numbers, a NaN as the smallest, strings by their bytes. */
function keyOf(value: unknown): number | bigint | Buffer {
  if (value instanceof Timestamp) return BigInt(value.t) * 2n ** 32n + BigInt(value.i);
  if (value instanceof Long) return value.toBigInt();
  if (value instanceof Decimal128 || value instanceof Double || value instanceof Int32) return Number(value.toString());
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof ObjectId) return Buffer.from(value.id);
  // By length first, then by bytes.
  if (value instanceof Binary) return Buffer.concat([Buffer.from([value.length()]), value.value() as Buffer]);
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof BSONSymbol) return Buffer.from(value.value);
  // Of one field, a number: enough to have an order.
  if (value instanceof Map) return Number(String([...value.values()][0]));
  return 0;
}

/** Of values of one bracket. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [keyOf(a), keyOf(b)];
  if (Buffer.isBuffer(left) && Buffer.isBuffer(right)) return Buffer.compare(left, right);
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** What MongoDB says: `$gte` and `$lt` meet their own bracket and no NaN, `$eq` is only ever asked for a NaN. */
function matches(filter: Document, id: unknown): boolean {
  if (filter.$or !== undefined) return (filter.$or as Document[]).some((one) => matches(one, id));
  const point = pointOf(id);
  return Object.entries((filter._id ?? {}) as Document).every(([operator, operand]) => {
    if (operator === '$type') return (operand as number[]).includes(typeOf(point));
    if (operator === '$eq') return Number.isNaN(operand) && Number.isNaN(keyOf(id));
    if (bracketOf(pointOf(operand)) !== bracketOf(point) || Number.isNaN(keyOf(id))) return false;
    return operator === '$gte' ? compare(id, operand) >= 0 : compare(id, operand) < 0;
  });
}

const small = fc.integer({ min: -4, max: 4 });
const bytes = fc.uint8Array({ maxLength: 3 });
const id: fc.Arbitrary<unknown> = fc.oneof(
  small.map((n) => new Int32(n)),
  small.map((n) => new Double(n + 0.5)),
  small.map((n) => Long.fromNumber(n * 1e15)),
  small.map((n) => Decimal128.fromString(`${n}.25`)),
  fc.constantFrom(new Double(Number.NaN), Decimal128.fromString('NaN'), new Double(Number.POSITIVE_INFINITY)),
  fc.string({ maxLength: 3 }),
  fc.constantFrom('NaN', new BSONSymbol('m')),
  small.map((n) => new Map([['1', new Int32(n)]])),
  bytes.map((value) => new Binary(value)),
  fc.uint8Array({ minLength: 12, maxLength: 12 }).map((value) => new ObjectId(value)),
  fc.boolean(),
  small.map((n) => new Date(n * 1e12)),
  small.map((n) => new Timestamp({ t: n + 4, i: 1 })),
  fc.constantFrom(null, new BSONRegExp('a'), new Code('f'), new Code('f', { x: 1 }), new MinKey(), new MaxKey()),
);
const sorted = (ids: readonly unknown[]) =>
  [...ids].sort((a, b) => bracketOf(pointOf(a)) - bracketOf(pointOf(b)) || compare(a, b));

/** What one after the other of the ranges asks for at first. */
const filtersOf = (bounds: readonly Buffer[]) =>
  idRanges(bounds).map(({ part }) => idFilter(stretchOf(part), undefined, ALL_IDS));

test('ranges by any sample hold each _id once, whatever its type, and in order', () => {
  fc.assert(
    fc.property(
      fc.array(id, { maxLength: 12 }),
      fc.array(id, { maxLength: 20 }),
      fc.integer({ min: 2, max: 6 }),
      (sample, ids, count) => {
        const bounds = sampledBounds(sorted(sample).map(pointOf), count);
        expect(bounds.length).toBeLessThan(count);
        const filters = filtersOf(bounds);
        const homes = sorted([...ids, ...sample]).map((one) => {
          const home = filters.flatMap((filter, n) => (matches(filter, one) ? [n] : []));
          expect(home).toHaveLength(1);
          return home[0] as number;
        });
        expect(homes).toEqual([...homes].sort((a, b) => a - b));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('after a dead cursor it goes on within the range, with all that is left of it', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 6 }), fc.array(id, { minLength: 1 }), fc.nat(), (sample, ids, seed) => {
      const ranges = idRanges(sampledBounds(sorted(sample).map(pointOf), 4)).map(({ part }) => stretchOf(part));
      const all = sorted(ids);
      const last = all[seed % all.length];
      for (const range of ranges) {
        const first = idFilter(range, undefined, ALL_IDS);
        if (!matches(first, last)) continue;
        const again = idFilter(range, pointOf(last), ALL_IDS);
        for (const [n, one] of all.entries()) {
          if (matches(again, one)) expect(matches(first, one)).toBe(true);
          else if (n >= seed % all.length) expect(matches(first, one)).toBe(false);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('after an _id that can’t be sent back it reads its type again, within the range', () => {
  const broken = pointOf('ab');
  broken.writeUInt16LE(0xfeff, broken.indexOf('ab'));
  const ranges = idRanges(['B', 7].map(pointOf).reverse()).map(({ part }) => stretchOf(part));
  const filters = ranges.map((range) => idFilter(range, broken, ALL_IDS));
  expect(filters[2]).toEqual({ $or: [{ _id: { $gte: 'B' } }, { _id: { $type: BRACKETS.slice(4).flat() } }] });
  expect(filters[1]).toEqual({ _id: { $lt: 'B' } });
});

describe('bounds', () => {
  const oid = (second: number, rest = '00') =>
    pointOf(new ObjectId(second.toString(16).padStart(8, '0') + rest.repeat(8)));

  test('are taken of a sample at equal distances, of what can be sent back only', () => {
    const sample = Array.from({ length: 100 }, (_, n) => pointOf(new Int32(n)));
    expect(sampledBounds(sample, 4)).toEqual([25, 50, 75].map((n) => pointOf(new Int32(n))));
    expect(sampledBounds([pointOf(null), pointOf(Number.NaN), pointOf('x'.repeat(2000)), pointOf(7)], 3)).toEqual([
      pointOf(7),
    ]);
    expect(sampledBounds([], 3)).toEqual([]);
  });

  test('cut the seconds of ObjectIds evenly, also past the year 2038', () => {
    const far = 2 ** 32 - 96;
    expect(evenBounds(oid(far, 'aa'), oid(far + 90, 'bb'), 3)).toEqual([oid(far + 30), oid(far + 60)]);
    expect(evenBounds(oid(7, 'aa'), oid(7, 'bb'), 3)).toEqual([]);
  });

  test('cut whole numbers evenly, of both types and exactly', () => {
    const bounds = evenBounds(pointOf(new Int32(-4)), pointOf(Long.MAX_VALUE), 2) ?? [];
    expect(bounds.map((point) => String(literalOf(point)))).toEqual([String((2n ** 63n - 1n + 4n) / 2n - 4n)]);
    const near = evenBounds(pointOf(new Int32(0)), pointOf(new Int32(2)), 1024) ?? [];
    expect(near.map((point) => Number(literalOf(point)))).toEqual([1]);
  });

  test.each([
    ['text', 'a', 'b'],
    ['mixed types', new ObjectId(), true],
    ['fractions', new Double(1.5), new Int32(7)],
  ])('are none of %s', (_, smallest, largest) => {
    expect(evenBounds(pointOf(smallest), pointOf(largest), 4)).toBeUndefined();
  });
});

test('FerretDB is asked neither for a type that it does not store nor for a NaN', () => {
  const ranges = idRanges([pointOf(new Int32(5)), pointOf('a')]).map(({ part }) => stretchOf(part));
  expect(ranges.map((range) => idFilter(range, undefined, FERRETDB_IDS))).toEqual([
    { $or: [{ _id: { $type: [10] } }, { _id: { $lt: new Int32(5) } }] },
    { $or: [{ _id: { $gte: new Int32(5) } }, { _id: { $lt: 'a' } }] },
    { $or: [{ _id: { $gte: 'a' } }, { _id: { $type: [3, 5, 7, 8, 9, 17, 11] } }] },
  ]);
});

test('within one type a range is one stretch of the index', () => {
  const [, middle] = idRanges([pointOf(new Int32(5)), pointOf(Long.fromNumber(9))]).map(({ part }) => stretchOf(part));
  expect(middle && idFilter(middle, undefined, ALL_IDS)).toEqual({
    _id: { $gte: new Int32(5), $lt: Long.fromNumber(9) },
  });
});
