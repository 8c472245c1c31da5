import { MongolakeError } from './errors.ts';
import { int32At } from './little-endian.ts';

/** Element types (bsonspec.org, version 1.1). */
export const BSON = {
  double: 0x01,
  string: 0x02,
  object: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  dbPointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  codeWithScope: 0x0f,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal128: 0x13,
  maxKey: 0x7f,
  minKey: 0xff,
} as const;

/** Binary subtype of a UUID (bsonspec.org, "subtype"). */
export const UUID_SUBTYPE = 4;

/** Smallest document: an int32 length and the terminating NUL (bsonspec.org, "document"). Bytes. */
export const MIN_DOCUMENT_BYTES = 5;

/** Levels of documents and arrays in each other; MongoDB allows 100, and no server of its reads more than 200 (`maxBSONDepth`). */
export const MAX_DEPTH = 200;

/** Raised while a document is walked; the caller adds which document it was. */
export function brokenDocument(reason: string): MongolakeError {
  return new MongolakeError('DOCUMENT_BROKEN', reason, {
    hint: 'Repair or remove the document in MongoDB, or exclude its collection.',
  });
}

/**
 * `brokenDocument` with the byte where it is: "`what` at byte `at` `rest`". The text is made here, since where several such texts are made of one
 * number in a function, V8 turns it into a string before it is known whether any of them is needed.
 */
export function brokenAt(what: string, at: number, rest = ''): MongolakeError {
  return brokenDocument(`${what} at byte ${at}${rest}`);
}

/** True for the error of a document that can't be read or stored. */
export function isBroken(error: unknown): error is MongolakeError {
  return error instanceof MongolakeError && error.code === 'DOCUMENT_BROKEN';
}

/** What `read` gives; `otherwise` where the document is broken. */
export function unlessBroken<T, U>(read: () => T, otherwise: U): T | U {
  try {
    return read();
  } catch (error) {
    if (isBroken(error)) return otherwise;
    throw error;
  }
}

function sizedEnd(bytes: Buffer, at: number, minimum: number, header: number): number {
  const length = int32At(bytes, at);
  if (length < minimum) throw brokenAt('a length that lies', at);
  return at + header + length;
}

function cstringEnd(bytes: Buffer, at: number): number {
  const nul = bytes.indexOf(0, at);
  if (nul < 0) throw brokenAt('an unterminated string', at);
  return nul + 1;
}

/**
 * Where the value of an element that starts at `at` ends (exclusive). Lengths are bounded by `limit`, the end of the
 * enclosing document. Throws `DOCUMENT_BROKEN`, also for a string without its terminator and a boolean that is neither.
 */
export function valueEnd(bytes: Buffer, type: number, at: number, limit: number): number {
  const end = unboundedEnd(bytes, type, at, limit);
  if (end > limit) throw brokenDocument(`a value of type 0x${type.toString(16)} reaches past its document`);
  if ((type === BSON.string || type === BSON.symbol || type === BSON.code) && bytes[end - 1] !== 0)
    throw brokenAt('a string', at, ' without its terminator');
  if (type === BSON.boolean && (bytes[at] as number) > 1)
    throw brokenAt('a boolean', at, ' that is neither true nor false');
  return end;
}

/** Bytes of the values of each type (bsonspec.org, "element"); −1 where they tell their length themselves. */
const FIXED_BYTES = new Int8Array(256).fill(-1);
for (const type of [BSON.null, BSON.undefined, BSON.minKey, BSON.maxKey]) FIXED_BYTES[type] = 0;
for (const type of [BSON.double, BSON.date, BSON.timestamp, BSON.int64]) FIXED_BYTES[type] = 8;
FIXED_BYTES[BSON.boolean] = 1;
FIXED_BYTES[BSON.int32] = 4;
FIXED_BYTES[BSON.objectId] = 12;
FIXED_BYTES[BSON.decimal128] = 16;

function unboundedEnd(bytes: Buffer, type: number, at: number, limit: number): number {
  const fixed = FIXED_BYTES[type] as number;
  if (fixed >= 0) return at + fixed;
  if (type === BSON.regex) return cstringEnd(bytes, cstringEnd(bytes, at));
  if (at + 4 > limit) throw brokenDocument(`a value of type 0x${type.toString(16)} is cut off`);
  switch (type) {
    case BSON.string:
    case BSON.symbol:
    case BSON.code:
      return sizedEnd(bytes, at, 1, 4);
    case BSON.object:
    case BSON.array:
      return sizedEnd(bytes, at, 5, 0);
    case BSON.codeWithScope:
      return sizedEnd(bytes, at, 14, 0);
    case BSON.binary:
      return sizedEnd(bytes, at, 0, 5);
    case BSON.dbPointer:
      return sizedEnd(bytes, at, 1, 16);
    default:
      throw brokenAt('an unknown BSON type', at);
  }
}

/** Called for each element; return `false` to stop the walk. */
export type ElementVisitor = (
  type: number,
  nameStart: number,
  nameEnd: number,
  valueAt: number,
  end: number,
) => boolean;

/** Where the document at `at` ends (exclusive). Throws `DOCUMENT_BROKEN` where its length can't be right. */
export function documentEnd(bytes: Buffer, at: number): number {
  const length = at + MIN_DOCUMENT_BYTES > bytes.length ? 0 : int32At(bytes, at);
  if (length < MIN_DOCUMENT_BYTES || at + length > bytes.length)
    throw brokenAt('a document', at, ' with a length that lies');
  if (bytes[at + length - 1] !== 0) throw brokenAt('a document', at, ' without its terminator');
  return at + length;
}

/** Where the name that begins at `at` has its terminator: within a document there is always one. */
export function nameEndOf(bytes: Buffer, at: number): number {
  let end = at;
  while (bytes[end] !== 0) end++;
  return end;
}

/** Walks the elements of the document at `at`, in order. Throws `DOCUMENT_BROKEN` where its lengths lie. */
export function walkElements(bytes: Buffer, at: number, visit: ElementVisitor): void {
  const end = documentEnd(bytes, at) - 1;
  let position = at + 4;
  while (position < end) {
    const type = bytes[position] as number;
    const nameStart = position + 1;
    const nameEnd = nameEndOf(bytes, nameStart);
    const valueAt = nameEnd + 1;
    if (valueAt > end) throw brokenAt('a field name', nameStart, ' reaches past its document');
    const next = valueEnd(bytes, type, valueAt, end);
    if (!visit(type, nameStart, nameEnd, valueAt, next)) return;
    position = next;
  }
}

/** One element found by name. */
export interface Element {
  readonly type: number;
  readonly at: number;
  readonly end: number;
}

/** The element at a path of field names, the document's first of that name; `undefined` where it is missing or passes through an array. */
export function findElement(bytes: Buffer, at: number, path: readonly string[]): Element | undefined {
  let found: Element | undefined;
  const name = path[0] ?? '';
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    if (!nameEquals(bytes, nameStart, nameEnd, name)) return true;
    found = { type, at: valueAt, end };
    return false;
  });
  if (found === undefined || path.length === 1) return found;
  return found.type === BSON.object ? findElement(bytes, found.at, path.slice(1)) : undefined;
}

function nameEquals(bytes: Buffer, start: number, end: number, name: string): boolean {
  // UTF-8 never has fewer bytes than UTF-16 has units.
  if (end - start < name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit > 0x7f) return bytes.toString('utf8', start, end) === name;
    if (bytes[start + i] !== unit) return false;
  }
  return end - start === name.length;
}

/** A string value's bytes, without length and terminator: a view. */
export function stringBytes(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + 4, at + 3 + int32At(bytes, at));
}

/** The 8-4-4-4-12 form of 16 bytes at `at` (RFC 9562). */
export function uuidText(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
