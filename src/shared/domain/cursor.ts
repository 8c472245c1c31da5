import { BSON, type Element, findElement } from './bson.ts';
import { uint32At } from './little-endian.ts';
import { floorInteger, readInt64Number } from './numbers.ts';

/** How the values of a cursor field tell a time; docs/cursors.md says when to choose which. */
export const CURSOR_TYPES = ['date', 'timestamp', 'epochSeconds', 'epochMilliseconds', 'objectId'] as const;

export type CursorType = (typeof CURSOR_TYPES)[number];

/** The field by which changes are found, and how its values are read: neither means anything without the other. */
export interface Cursor {
  /** Dotted where it reaches into an object. */
  readonly field: string;
  readonly type: CursorType;
}

/** The cursor of a table's settings. */
export function cursorOf(settings: { readonly cursorField: string; readonly cursorType: CursorType }): Cursor {
  return { field: settings.cursorField, type: settings.cursorType };
}

/** As a table remembers it: `updateTime:date`. */
export function cursorText({ field, type }: Cursor): string {
  return `${field}:${type}`;
}

/** The furthest that a JavaScript Date reaches, milliseconds either way (ECMA-262, "Time Values and Time Range"). */
export const DATE_MAX_MS = 8.64e15;

/** What a table is told its watermark is where it has none any more: a millisecond that no Date can tell. */
export const NO_WATERMARK = -DATE_MAX_MS - 1;

const UNIT_MS = { date: 1, timestamp: 1000, epochSeconds: 1000, epochMilliseconds: 1, objectId: 1000 } as const;

/** What a cursor of this type counts in, milliseconds. Its value may be up to that, less one, earlier than the write it stamps. */
export function cursorUnit_ms(type: CursorType): number {
  return UNIT_MS[type];
}

/** `a.b` as the names on the way. */
export function cursorPath({ field }: Cursor): readonly string[] {
  return field.split('.');
}

/** Whether the cursor is the `_id`, or within it: then rows have no column of it, and a document never gets another one. */
export function isWithinId(cursor: Cursor): boolean {
  return cursorPath(cursor)[0] === '_id';
}

/** The cursor's value of the document at `at` in epoch milliseconds; `undefined` where it is missing or of another type. */
export type CursorReader = (bytes: Buffer, at: number) => bigint | undefined;

/** What reads the cursor of documents. A path through an array leads nowhere. Its errors: `DOCUMENT_BROKEN`. */
export function cursorReader(cursor: Cursor): CursorReader {
  const path = cursorPath(cursor);
  return (bytes, at) => {
    const element = findElement(bytes, at, path);
    return element === undefined ? undefined : cursorValue(cursor.type, bytes, element);
  };
}

/** A value as a cursor of this type, in epoch milliseconds; `undefined` where it is none. */
export function cursorValue(cursor: CursorType, bytes: Buffer, { type, at }: Element): bigint | undefined {
  switch (cursor) {
    case 'date':
      return type === BSON.date ? bytes.readBigInt64LE(at) : undefined;
    case 'timestamp':
      // The second half is an ordinal within the second, and tells no time.
      return type === BSON.timestamp ? BigInt(uint32At(bytes, at + 4)) * 1000n : undefined;
    case 'objectId':
      // Its first four bytes are seconds, unsigned, big-endian (MongoDB manual, "ObjectId").
      return type === BSON.objectId ? BigInt(bytes.readUInt32BE(at)) * 1000n : undefined;
    default:
      return epochMilliseconds(cursor, floorInteger(bytes, type, at));
  }
}

/** As `cursorValue`, as a number: of a date beyond ±2^53 the nearest one. */
export function cursorNumber(cursor: CursorType, bytes: Buffer, element: Element): number | undefined {
  if (cursor === 'date') return element.type === BSON.date ? readInt64Number(bytes, element.at) : undefined;
  const value = cursorValue(cursor, bytes, element);
  return value === undefined ? undefined : Number(value);
}

/** A whole number of the cursor's units in milliseconds; `undefined` past what a Date can tell. */
export function epochMilliseconds(
  type: 'epochSeconds' | 'epochMilliseconds',
  units: bigint | undefined,
): bigint | undefined {
  if (units === undefined) return undefined;
  const value = units * BigInt(UNIT_MS[type]);
  return value >= -DATE_MAX_MS && value <= DATE_MAX_MS ? value : undefined;
}
