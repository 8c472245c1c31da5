import { ObjectId, Timestamp } from 'bson';
import type { Document } from 'mongodb';
import { BSON } from '../domain/bson.ts';
import { type Cursor, cursorUnit_ms, DATE_MAX_MS } from '../domain/cursor.ts';
import type { ReadScope } from '../domain/job.ts';

export type Window = Extract<ReadScope, { kind: 'window' }>;

/** The last second of the two types that hold it in 32 bits, unsigned. */
const SECOND_MAX = 2 ** 32 - 1;

/**
 * The window's filter: `from < cursor < to`, both exclusive, in the terms of the cursor's type. A comparison meets only values of its own
 * type (manual, "Comparison/Sort Order"; all numeric types are one), so what is of another is not found. Of an array MongoDB compares
 * the elements: one may be found that has no cursor.
 */
export function windowFilter(window: Window): Document {
  return { [window.cursor.field]: windowBounds(window) };
}

/** The condition on the cursor field: at most a lower (`$gt`, `$gte`) and an upper bound (`$lt`). */
export function windowBounds({ cursor, from, to }: Window): Document {
  if (cursor.type === 'date') return dateBounds(from, to);
  // floor(v) · unit > from means v ≥ floor(from / unit) + 1, and floor(v) · unit < to means v < ceil(to / unit).
  const unit = cursorUnit_ms(cursor.type);
  const first = from === null ? Number.NEGATIVE_INFINITY : Math.floor(from / unit) + 1;
  const end = to === null ? Number.POSITIVE_INFINITY : Math.ceil(to / unit);
  if (cursor.type === 'timestamp' || cursor.type === 'objectId')
    return secondBounds(firstOfSecond[cursor.type], first, end);
  const furthest = DATE_MAX_MS / unit;
  // Bounded on both sides: beyond lie infinities and numbers that are no time.
  return { $gte: Math.max(first, -furthest), $lt: Math.min(end, furthest + 1) };
}

/** Dates go further than what the driver can send, so nothing but `$type` finds all of them. */
function dateBounds(from: number | null, to: number | null): Document {
  if (from === null && to === null) return { $type: BSON.date };
  return { ...(from === null ? {} : { $gt: new Date(from) }), ...(to === null ? {} : { $lt: new Date(to) }) };
}

/** The first value of a second. */
export const firstOfSecond = {
  timestamp: (second: number) => new Timestamp({ t: second, i: 0 }),
  objectId: (second: number) => new ObjectId(`${second.toString(16).padStart(8, '0')}0000000000000000`),
} as const;

function secondBounds(startOf: (second: number) => unknown, first: number, end: number): Document {
  // Nothing is below the first value of all.
  if (first > SECOND_MAX) return { $lt: startOf(0) };
  const upper = end > SECOND_MAX ? {} : { $lt: startOf(Math.max(end, 0)) };
  return { $gte: startOf(Math.max(first, 0)), ...upper };
}

/**
 * Every document that no window meets: without the cursor field, or with a value of another type. Written as what is not at or above the
 * lowest cursor: the planner turns that into the two ranges of the index on either side of the type.
 */
export function withoutCursorFilter({ field, type }: Cursor): Document {
  switch (type) {
    case 'date':
      return { [field]: { $not: { $gte: new Date(-DATE_MAX_MS) } } };
    case 'timestamp':
    case 'objectId':
      return { [field]: { $not: { $gte: firstOfSecond[type](0) } } };
    default: {
      const furthest = DATE_MAX_MS / cursorUnit_ms(type);
      return { $or: [{ [field]: { $not: { $gte: -furthest } } }, { [field]: { $gte: furthest + 1 } }] };
    }
  }
}
