import { Decimal128, type Document, Double, deserialize, Int32, Long, ObjectId, serialize, Timestamp } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ALL_IDS } from '../../../src/shared/adapters/mongodb-ids.ts';
import { windowOf, windowRanges } from '../../../src/shared/adapters/mongodb-parts.ts';
import { orderOf } from '../../../src/shared/adapters/mongodb-resume.ts';
import { windowBounds, windowFilter, withoutCursorFilter } from '../../../src/shared/adapters/mongodb-window.ts';
import { CURSOR_TYPES, type CursorType, cursorReader } from '../../../src/shared/domain/cursor.ts';
import { floorDecimal } from '../../../src/shared/domain/numbers.ts';
import { inScope } from '../../../src/shared/domain/window.ts';
import { value as anyValue, date, decimal, double, int32, int64, objectId } from '../domain/arbitrary.ts';

const ms = (iso: string) => Date.parse(iso);
const AT = ms('2026-01-10T10:00:00.000Z');
const SECOND = AT / 1000;
const oid = (second: number) => new ObjectId(`${second.toString(16).padStart(8, '0')}0000000000000000`);
const ts = (t: number) => new Timestamp({ t, i: 0 });

describe('bounds', () => {
  test.each([
    ['date', AT, AT + 5, { $gt: new Date(AT), $lt: new Date(AT + 5) }],
    ['date', null, null, { $type: 9 }],
    ['timestamp', AT, AT + 1000, { $gte: ts(SECOND + 1), $lt: ts(SECOND + 1) }],
    ['timestamp', AT - 1, AT + 1, { $gte: ts(SECOND), $lt: ts(SECOND + 1) }],
    ['timestamp', AT + 999, null, { $gte: ts(SECOND + 1) }],
    ['timestamp', null, null, { $gte: ts(0) }],
    ['timestamp', -5000, 0, { $gte: ts(0), $lt: ts(0) }],
    ['timestamp', -1, 1, { $gte: ts(0), $lt: ts(1) }],
    ['timestamp', 4_294_967_294_999, null, { $gte: ts(4_294_967_295) }],
    ['timestamp', 4_294_967_295_000, null, { $lt: ts(0) }],
    ['timestamp', null, 4_294_967_295_001, { $gte: ts(0) }],
    ['objectId', AT, null, { $gte: oid(SECOND + 1) }],
    ['objectId', null, -1, { $gte: oid(0), $lt: oid(0) }],
    ['epochSeconds', AT, AT + 1001, { $gte: SECOND + 1, $lt: SECOND + 2 }],
    ['epochSeconds', -1, 1, { $gte: 0, $lt: 1 }],
    ['epochSeconds', -1001, null, { $gte: -1, $lt: 8.64e12 + 1 }],
    ['epochSeconds', null, null, { $gte: -8.64e12, $lt: 8.64e12 + 1 }],
    ['epochMilliseconds', AT, AT + 2, { $gte: AT + 1, $lt: AT + 2 }],
    ['epochMilliseconds', 8.64e15, null, { $gte: 8.64e15 + 1, $lt: 8.64e15 + 1 }],
  ] as const)('of %s from %s to %s', (type, from, to, expected) => {
    expect(windowBounds({ kind: 'window', cursor: { field: 'at', type }, from, to })).toEqual(expected);
  });
});

test('documents without the cursor are what is not at or above the lowest', () => {
  const of = (type: CursorType) => withoutCursorFilter({ field: 'a.b', type });
  expect(of('date')).toEqual({ 'a.b': { $not: { $gte: new Date(-8.64e15) } } });
  expect(of('timestamp')).toEqual({ 'a.b': { $not: { $gte: ts(0) } } });
  expect(of('objectId')).toEqual({ 'a.b': { $not: { $gte: oid(0) } } });
  expect(of('epochSeconds')).toEqual({
    $or: [{ 'a.b': { $not: { $gte: -8.64e12 } } }, { 'a.b': { $gte: 8.64e12 + 1 } }],
  });
});

/** What MongoDB says of a value: a comparison meets its own type only, numbers of all types being one. */
function matches(filter: Document, value: unknown): boolean {
  if (filter.$or !== undefined) return (filter.$or as Document[]).some((one) => matches(one, value));
  const condition = Object.values(filter)[0] as Document;
  return Object.entries(condition).every(([operator, operand]) => {
    if (operator === '$not') return !matches({ field: operand }, value);
    if (operator === '$type') return value instanceof Date;
    const order = compare(value, operand);
    if (order === undefined) return false;
    return operator === '$gt' ? order > 0 : operator === '$gte' ? order >= 0 : order < 0;
  });
}

function compare(a: unknown, b: unknown): number | undefined {
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  if (a instanceof ObjectId && b instanceof ObjectId) return Buffer.compare(a.id, b.id);
  if (a instanceof Timestamp && b instanceof Timestamp) return a.t - b.t || a.i - b.i;
  const [left, right] = [scaled(a), scaled(b)];
  if (left === undefined || right === undefined) return undefined;
  return left < right ? -1 : left > right ? 1 : 0;
}

const DIGITS = 40;

/** A number times 10^40, exactly enough for doubles and decimals near whole numbers; an infinity as itself. NaN compares with nothing. */
function scaled(value: unknown): bigint | number | undefined {
  if (value instanceof Int32) return scaled(value.value);
  if (value instanceof Double) return scaled(value.value);
  // A Timestamp is a Long to the driver, and no number to MongoDB.
  if (value instanceof Timestamp) return undefined;
  if (value instanceof Long) return value.toBigInt() * 10n ** BigInt(DIGITS);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return undefined;
    if (!Number.isFinite(value)) return value;
    const whole = Math.floor(value);
    return BigInt(whole) * 10n ** BigInt(DIGITS) + BigInt(Math.floor((value - whole) * 2 ** 53)) * 10n ** 24n;
  }
  if (!(value instanceof Decimal128)) return undefined;
  const text = value.toString();
  if (text === 'NaN') return undefined;
  if (/Infinity/.test(text)) return Number(text);
  const whole = floorDecimal(text);
  if (whole === undefined) return Number(text) * 10 ** DIGITS;
  // Only whether there is a fraction matters against a whole bound.
  return whole * 10n ** BigInt(DIGITS) + (floorDecimal(`-${text}`.replace('--', '')) === -whole ? 0n : 1n);
}

const near = fc.integer({ min: -3, max: 3 });
const edge = fc.constantFrom(0, AT, -AT, 4_294_967_295_000, 8.64e15, -8.64e15);
const bound = fc.oneof(
  fc.constant(null),
  fc.tuple(edge, near).map(([at, by]) => Math.max(-8.64e15, Math.min(8.64e15, at + by))),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
);
const second = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  near.map((by) => SECOND + by),
  fc.constantFrom(0, 1, 2 ** 32 - 1),
);
const closeNumber = fc
  .tuple(
    fc.constantFrom(0, SECOND, -SECOND, AT, -AT, 8.64e12, 8.64e15, -8.64e12, -8.64e15),
    near,
    fc.constantFrom(0, 0.5, 0.25),
  )
  .chain(([at, by, fraction]) =>
    fc.constantFrom<unknown>(
      new Double(at + by + fraction),
      Long.fromNumber(at + by),
      Decimal128.fromString(`${at + by}${at + by < 0 || fraction === 0 ? '' : '.999999999999999'}`),
    ),
  );
const values: fc.Arbitrary<unknown> = fc.oneof(
  second.map((t) => new Timestamp({ t, i: 7 })),
  second.map((t) => new ObjectId(`${t.toString(16).padStart(8, '0')}aaaaaaaaaaaaaaaa`)),
  objectId,
  date,
  near.map((by) => new Date(AT + by)),
  closeNumber,
  int32,
  int64,
  double,
  decimal,
  anyValue.filter((value) => !Array.isArray(value)),
);

test('the filter finds what is in scope, and the other one what has no cursor', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CURSOR_TYPES), bound, bound, values, (type, from, to, value) => {
      const window = { kind: 'window', cursor: { field: 'at', type }, from, to } as const;
      const document = Buffer.from(serialize({ at: value }));
      const time = cursorReader(window.cursor)(document, 0);
      // A driver's Date holds no more than JavaScript's does, so what is compared is what was written.
      const stored = deserialize(document, { promoteValues: false, bsonRegExp: true }).at as unknown;
      expect(matches(windowFilter(window), stored)).toBe(inScope(window, time));
      expect(matches(withoutCursorFilter(window.cursor), stored)).toBe(time === undefined);
    }),
    { numRuns: 20_000 },
  );
});

test('where it goes on after any document of it, that document and all after it are found', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CURSOR_TYPES), bound, bound, values, values, (type, from, to, last, next) => {
      const window = { kind: 'window', cursor: { field: 'at', type }, from, to } as const;
      const order = orderOf({ scope: window, part: null });
      const [read, other] = [last, next].map((value) => Buffer.from(serialize({ at: value }))) as [Buffer, Buffer];
      const [stored, later] = [read, other].map(
        (bytes) => deserialize(bytes, { promoteValues: false, bsonRegExp: true }).at as unknown,
      );
      const point = order.point(read);
      expect(point === undefined).toBe(cursorReader(window.cursor)(read, 0) === undefined);
      if (point === undefined || !matches(windowFilter(window), stored)) return;
      const again = order.filter(point, ALL_IDS);
      expect(matches(again, stored)).toBe(true);
      const follows = matches(windowFilter(window), later) && (compare(later, stored) ?? -1) >= 0;
      if (follows) expect(matches(again, later)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
});

const cuts = fc
  .uniqueArray(
    bound.filter((time) => time !== null),
    { minLength: 1, maxLength: 4 },
  )
  .map((times) => times.sort((a, b) => a - b));

test('cut at any times, it finds each document in exactly one part', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CURSOR_TYPES), bound, bound, cuts, values, (type, from, to, times, value) => {
      const window = { kind: 'window', cursor: { field: 'at', type }, from, to } as const;
      const inside = times.filter((time) => time > (from ?? -8.64e15) && time < (to ?? 8.64e15));
      const stored = deserialize(serialize({ at: value }), { promoteValues: false, bsonRegExp: true }).at as unknown;
      const parts = windowRanges(window, inside).map(({ part }) => windowOf(window, part));
      const found = parts.filter((part) => matches(windowFilter(part), stored)).length;
      expect(found).toBe(matches(windowFilter(window), stored) ? 1 : 0);
    }),
    { numRuns: 20_000 },
  );
});
