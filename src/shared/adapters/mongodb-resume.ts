import type { Document } from 'mongodb';
import { BSON, type Element, findElement, unlessBroken } from '../domain/bson.ts';
import { cursorPath, cursorValue, DATE_MAX_MS } from '../domain/cursor.ts';
import type { ExtractRange } from '../domain/job.ts';
import { type IdStretch, idFilter, type KnownIds, literalOf, pointOf, TYPE_AT, VALUE_AT } from './mongodb-ids.ts';
import { stretchOf, windowOf } from './mongodb-parts.ts';
import { type Window, windowBounds, windowFilter } from './mongodb-window.ts';

/**
 * How a range is asked for and where it goes on after a dead cursor. `after` is the last point read, `undefined` at first.
 * Reading again from a point may give documents again, never leaves one out, and stays within the range.
 */
export interface ReadOrder {
  readonly sort: Document;
  filter(after: Buffer | undefined, known: KnownIds): Document;
  /** The point a document stands at, as BSON `{"": value}`; `undefined` where it has none, so that the last one stays. */
  point(document: Buffer): Buffer | undefined;
}

/** How a range is read: a window by its cursor field, everything by `_id`. */
export function orderOf({ scope, part }: ExtractRange): ReadOrder {
  return scope.kind === 'full' ? byId(stretchOf(part)) : byCursor(windowOf(scope, part));
}

function byCursor(window: Window): ReadOrder {
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

function byId(stretch: IdStretch): ReadOrder {
  return {
    sort: { _id: 1 },
    filter: (after, known) => idFilter(stretch, after, known),
    point(document) {
      const element = elementOf(document, ['_id']);
      return element === undefined ? undefined : pointOf(document, element);
    },
  };
}

/** A document that can't be walked has no point; the extractor judges it. */
function elementOf(document: Buffer, path: readonly string[]): Element | undefined {
  return unlessBroken(() => findElement(document, 0, path), undefined);
}
