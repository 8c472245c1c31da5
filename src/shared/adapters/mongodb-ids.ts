import { deserialize, serialize } from 'bson';
import type { Document } from 'mongodb';
import { BSON, type Element, walkElements } from '../domain/bson.ts';

/**
 * The order of a collection's `_id` values, and the filters that ask for a stretch of it. A comparison operator meets only values of its own
 * type bracket, so whole brackets are asked for by type.
 */

/** Which values of `_id` a server knows. */
export interface KnownIds {
  /** Types that `$type` may name. */
  readonly types: readonly number[];
  /** Whether a filter may name a NaN. */
  readonly nan: boolean;
}

/**
 * Every type that an `_id` can have, as the numbers of `$type`, by MongoDB's sort order (manual, "Comparison/Sort Order"). Servers refuse an
 * array as `_id`, and asking for the type would cost a scan: an index holds arrays by their elements.
 */
const BRACKETS: readonly (readonly number[])[] = [
  [-1], // MinKey
  [BSON.undefined, BSON.null],
  [BSON.double, BSON.int32, BSON.int64, BSON.decimal128],
  [BSON.string, BSON.symbol],
  [BSON.object],
  [BSON.binary],
  [BSON.objectId],
  [BSON.boolean],
  [BSON.date],
  [BSON.timestamp],
  [BSON.regex],
  [BSON.dbPointer],
  [BSON.code],
  [BSON.codeWithScope],
  [BSON.maxKey],
];

const NUMBERS = BRACKETS.findIndex((types) => types.includes(BSON.double));

export const ALL_IDS: KnownIds = { types: BRACKETS.flat(), nan: true };

/** What FerretDB 1.x stores: it refuses `$type` with anything else, and hangs up on a NaN. */
export const FERRETDB_IDS: KnownIds = {
  types: [
    BSON.null,
    BSON.double,
    BSON.int32,
    BSON.int64,
    BSON.string,
    BSON.object,
    BSON.binary,
    BSON.objectId,
    BSON.boolean,
    BSON.date,
    BSON.timestamp,
    BSON.regex,
  ],
  nan: false,
};

/** Types whose values `$gte` and `$lt` compare in full and in sort order. */
const COMPARABLE = new Set<number>([
  BSON.double,
  BSON.int32,
  BSON.int64,
  BSON.decimal128,
  BSON.string,
  BSON.object,
  BSON.binary,
  BSON.objectId,
  BSON.boolean,
  BSON.date,
  BSON.timestamp,
]);

/** `from <= _id < to` in MongoDB's sort order; the bounds are points that have a literal, `undefined` where it is unbounded. */
export interface IdStretch {
  readonly from: Buffer | undefined;
  readonly to: Buffer | undefined;
}

/** Where a stretch begins: at a value, or at the first one of its bracket. */
interface Start {
  readonly bracket: number;
  readonly value: unknown;
}

const BEGINNING: Start = { bracket: 0, value: undefined };

/**
 * The filter of a stretch. Where stretches meet, every `_id` whatever its type is in exactly one of them. From `after` on, a point of the
 * stretch, it finds that and all that follows; earlier ones only where `after` can't stand in a comparison.
 */
export function idFilter({ from, to }: IdStretch, after: Buffer | undefined, { types, nan }: KnownIds): Document {
  const start = startOf(from, after);
  const end = to === undefined ? undefined : startAt(to);
  if (start === BEGINNING && end === undefined) return {};
  if (start.value !== undefined && start.bracket === end?.bracket)
    return { _id: { $gte: start.value, $lt: end.value } };
  const whole = BRACKETS.slice(start.value === undefined ? start.bracket : start.bracket + 1, end?.bracket)
    .flat()
    .filter((type) => types.includes(type));
  const parts: Document[] = [];
  if (start.value !== undefined) parts.push({ _id: { $gte: start.value } });
  if (whole.length > 0) parts.push({ _id: { $type: whole } });
  if (end !== undefined) parts.push({ _id: { $lt: end.value } });
  // It sorts before all numbers, and `$lt` finds it below none.
  if (end?.bracket === NUMBERS && nan) parts.push({ _id: { $eq: Number.NaN } });
  return parts.length === 1 ? (parts[0] as Document) : { $or: parts };
}

function startOf(from: Buffer | undefined, after: Buffer | undefined): Start {
  const first = from === undefined ? BEGINNING : startAt(from);
  if (after === undefined) return first;
  const last = startAt(after);
  return last.value === undefined && last.bracket === first.bracket ? first : last;
}

function startAt(point: Buffer): Start {
  const type = point[TYPE_AT] === BSON.minKey ? -1 : (point[TYPE_AT] ?? 0);
  const bracket = BRACKETS.findIndex((types) => types.includes(type));
  return { bracket: Math.max(bracket, 0), value: literalOf(point) };
}

/** A point is a document with one element without a name: int32 length, type, NUL, value, NUL. */
export const TYPE_AT = 4;
export const VALUE_AT = 6;

/** A value of a document as a point. */
export function pointOf(document: Buffer, { type, at, end }: Element): Buffer {
  const point = Buffer.alloc(VALUE_AT + (end - at) + 1);
  point.writeInt32LE(point.length);
  point[TYPE_AT] = type;
  document.copy(point, VALUE_AT, at, end);
  return point;
}

/**
 * The point's value as the driver will send it, `undefined` where it can't stand in a comparison: a type outside
 * `COMPARABLE`, a NaN (which `$gte` holds to be equal only to itself, though it sorts before all numbers), and whatever the
 * driver would not send back byte for byte (invalid UTF-8, a date beyond JavaScript's).
 */
export function literalOf(point: Buffer): unknown {
  const type = point[TYPE_AT] ?? 0;
  if (!COMPARABLE.has(type)) return undefined;
  const value = readValue(point);
  if (String(value) === 'NaN') return type === BSON.string ? value : undefined;
  return Buffer.from(serialize({ '': value })).equals(point) ? value : undefined;
}

/** Types that no filter can name as a value: a regular expression is a pattern there, and the other two are refused. */
const NO_VALUES = new Set<number>([BSON.regex, BSON.undefined, BSON.dbPointer]);

/** The point's value as the driver will send it in an equality; `undefined` where that is not the same value any more, or can't be asked for. */
export function equalityOf(point: Buffer): unknown {
  if (NO_VALUES.has(point[TYPE_AT] ?? 0)) return undefined;
  const value = readValue(point);
  return Buffer.from(serialize({ '': value })).equals(point) ? value : undefined;
}

/** The one value of a document. Objects become Maps: in a JavaScript object, keys like "1" would jump the queue. */
function readValue(point: Buffer): unknown {
  if (point[TYPE_AT] === BSON.object || point[TYPE_AT] === BSON.array) return nested(point, VALUE_AT, point[TYPE_AT]);
  return deserialize(point, { promoteValues: false, bsonRegExp: true, validation: { utf8: false } })[''];
}

function nested(bytes: Buffer, at: number, type: number): unknown {
  const entries: [string, unknown][] = [];
  walkElements(bytes, at, (childType, nameStart, nameEnd, valueAt, end) => {
    const child = pointOf(bytes, { type: childType, at: valueAt, end });
    entries.push([bytes.toString('utf8', nameStart, nameEnd), readValue(child)]);
    return true;
  });
  return type === BSON.array ? entries.map(([, value]) => value) : new Map(entries);
}
