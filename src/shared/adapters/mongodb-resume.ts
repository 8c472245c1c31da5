import { deserialize, serialize } from 'bson';
import type { Document } from 'mongodb';
import { BSON, type Element, findElement, unlessBroken, walkElements } from '../domain/bson.ts';
import { cursorPath, cursorValue, DATE_MAX_MS } from '../domain/cursor.ts';
import type { ReadScope } from '../domain/job.ts';
import { windowBounds, windowFilter } from './mongodb-window.ts';

/**
 * How a scope is asked for and where it goes on after a dead cursor. `after` is the last point read, `undefined` at first.
 * Reading again from a point may give documents again, never leaves one out.
 */
export interface ReadOrder {
  readonly sort: Document;
  filter(after: Buffer | undefined, types: readonly number[]): Document;
  /** The point a document stands at, as BSON `{"": value}`; `undefined` where it has none, so that the last one stays. */
  point(document: Buffer): Buffer | undefined;
}

/** Every type that an `_id` can have, as the numbers of `$type`, by MongoDB's sort order (manual, "Comparison/Sort Order"). */
const BRACKETS: readonly (readonly number[])[] = [
  [-1], // MinKey
  [BSON.undefined, BSON.null],
  [BSON.double, BSON.int32, BSON.int64, BSON.decimal128],
  [BSON.string, BSON.symbol],
  [BSON.object],
  [BSON.array],
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

export const ALL_TYPES: readonly number[] = BRACKETS.flat();

/** The types FerretDB 1.x stores; it refuses `$type` with any other. */
export const FERRETDB_TYPES: readonly number[] = ALL_TYPES.filter(
  (type) =>
    type !== -1 &&
    type !== BSON.maxKey &&
    type !== BSON.undefined &&
    type !== BSON.decimal128 &&
    type !== BSON.symbol &&
    type !== BSON.dbPointer &&
    type !== BSON.code &&
    type !== BSON.codeWithScope,
);

/** Types whose values `$gte` compares in full and in sort order. Of the others the whole bracket is read again. */
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

/** How a scope is read: a window by its cursor field, everything by `_id`. */
export function orderOf(scope: ReadScope): ReadOrder {
  return scope.kind === 'full' ? byId() : byCursor(scope);
}

function byCursor(window: Extract<ReadScope, { kind: 'window' }>): ReadOrder {
  const { cursor } = window;
  const path = cursorPath(cursor);
  return {
    sort: { [cursor.field]: 1 },
    filter(after) {
      const last = after === undefined ? undefined : lastValue(after);
      if (last === undefined) return windowFilter(window);
      const { $lt } = windowBounds(window);
      return { [cursor.field]: { $gte: last, ...($lt === undefined ? {} : { $lt }) } };
    },
    point(document) {
      const element = elementOf(document, path);
      if (element === undefined || cursorValue(cursor.type, document, element) === undefined) return undefined;
      return pointOf(document, element);
    },
  };
}

/** Where a window goes on, its type kept: numbers are compared by MongoDB. `undefined` where it can only begin again. */
function lastValue(point: Buffer): unknown {
  const value = literalOf(point);
  if (value !== undefined || point[TYPE_AT] !== BSON.date) return value;
  // After JavaScript's last date it goes on there; before the first there is nothing to ask for.
  return point.readBigInt64LE(VALUE_AT) > 0n ? new Date(DATE_MAX_MS) : undefined;
}

function byId(): ReadOrder {
  return {
    sort: { _id: 1 },
    filter: (after, types) => (after === undefined ? {} : idsFrom(after, types)),
    point(document) {
      const element = elementOf(document, ['_id']);
      return element === undefined ? undefined : pointOf(document, element);
    },
  };
}

/**
 * A filter for every `_id` at or after a point, in MongoDB's sort order. A comparison operator meets only the values of its
 * own type bracket, so the later brackets are asked for by type.
 */
export function idsFrom(point: Buffer, types: readonly number[]): Document {
  const type = (point[TYPE_AT] ?? 0) === BSON.minKey ? -1 : (point[TYPE_AT] ?? 0);
  const bracket = Math.max(
    BRACKETS.findIndex((each) => each.includes(type)),
    0,
  );
  const from = (index: number) =>
    BRACKETS.slice(index)
      .flat()
      .filter((each) => types.includes(each));
  const last = literalOf(point);
  if (last === undefined) return { _id: { $type: from(bracket) } };
  // No comparable type is the last of all, so there is always a later one.
  return { $or: [{ _id: { $gte: last } }, { _id: { $type: from(bracket + 1) } }] };
}

/** A point is a document with one element without a name: int32 length, type, NUL, value, NUL. */
const TYPE_AT = 4;
const VALUE_AT = 6;

function pointOf(document: Buffer, { type, at, end }: Element): Buffer {
  const point = Buffer.alloc(VALUE_AT + (end - at) + 1);
  point.writeInt32LE(point.length);
  point[TYPE_AT] = type;
  document.copy(point, VALUE_AT, at, end);
  return point;
}

/** A document that can't be walked has no point; the extractor judges it. */
function elementOf(document: Buffer, path: readonly string[]): Element | undefined {
  return unlessBroken(() => findElement(document, 0, path), undefined);
}

/**
 * The point's value as the driver will send it, `undefined` where it can't stand in a comparison: a type outside
 * `COMPARABLE`, a NaN (which `$gte` holds to be equal only to itself, though it sorts before all numbers), and whatever the
 * driver would not send back byte for byte (invalid UTF-8, a date beyond JavaScript's).
 */
function literalOf(point: Buffer): unknown {
  const type = point[TYPE_AT] ?? 0;
  if (!COMPARABLE.has(type)) return undefined;
  const value = readValue(point);
  if (String(value) === 'NaN') return type === BSON.string ? value : undefined;
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
