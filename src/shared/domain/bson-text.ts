import { isUtf8 } from 'node:buffer';
import { BSON, brokenDocument, documentEnd, MAX_DEPTH, walkElements } from './bson.ts';

/** Short texts are looked at here: most are ASCII, and a call costs more than the look. */
const SHORT = 48;

/** True where `[start, end)` is valid UTF-8. */
export function isText(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT) return isUtf8(bytes.subarray(start, end));
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) return isUtf8(bytes.subarray(start, end));
  return true;
}

/** True where the string (or symbol, or code) whose value starts at `at` is valid UTF-8. */
export function isTextAt(bytes: Buffer, at: number): boolean {
  return isText(bytes, at + 4, at + 3 + bytes.readInt32LE(at));
}

interface Name {
  readonly bytes: Buffer;
  readonly text: string;
}

const SLOTS = 8192;
const LONGEST_KEPT = 64;
const names: (Name | undefined)[] = new Array(SLOTS);

/**
 * A field's name. Documents repeat their names, so the text of each is kept in a table of fixed size: a string made anew, and hashed
 * anew by every `Map`, costs more than all else about a field. Throws `DOCUMENT_BROKEN` where it is not valid UTF-8.
 */
export function fieldName(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > LONGEST_KEPT) return newName(bytes, start, end);
  let hash = length;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  const slot = (hash ^ (hash >>> 13)) & (SLOTS - 1);
  const known = names[slot];
  if (known !== undefined && same(known.bytes, bytes, start, length)) return known.text;
  const text = newName(bytes, start, end);
  names[slot] = { bytes: Buffer.from(bytes.subarray(start, end)), text };
  return text;
}

function same(known: Buffer, bytes: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function newName(bytes: Buffer, start: number, end: number): string {
  if (!isText(bytes, start, end)) throw brokenDocument(`a field name at byte ${start} is not valid UTF-8`);
  return bytes.toString('utf8', start, end);
}

/**
 * Checks all that is inside a value that will be written as EJSON: names are UTF-8, lengths hold, depth is bounded. Texts need no
 * check: one that is not UTF-8 is written by its bytes. `name` is the field's, for messages. Throws `DOCUMENT_BROKEN`.
 */
export function checkValue(bytes: Buffer, type: number, at: number, end: number, name: string, depth: number): void {
  switch (type) {
    case BSON.dbPointer:
      if (bytes[end - 13] !== 0) throw brokenDocument(`field "${name}" has a string without its terminator`);
      break;
    case BSON.codeWithScope:
      checkScopedCode(bytes, at, end, name, depth);
      break;
    case BSON.object:
    case BSON.array:
      checkDocument(bytes, type, at, name, depth + 1);
  }
}

/** Throws `DOCUMENT_BROKEN` where documents and arrays lie in each other deeper than any server makes them. */
export function checkDepth(depth: number, name: string): void {
  if (depth > MAX_DEPTH) throw brokenDocument(`field "${name}" lies deeper than ${MAX_DEPTH} levels`);
}

/** The names that an array has in BSON mean nothing and are not looked at. */
function checkDocument(bytes: Buffer, container: number, at: number, name: string, depth: number): void {
  checkDepth(depth, name);
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    if (container === BSON.object && !isText(bytes, nameStart, nameEnd))
      throw brokenDocument(`a field name in "${name}" is not valid UTF-8`);
    checkValue(bytes, type, valueAt, end, name, depth);
    return true;
  });
}

/** int32 of the whole, a string, a document (bsonspec.org, "Code w/ scope"). */
function checkScopedCode(bytes: Buffer, at: number, end: number, name: string, depth: number): void {
  const length = bytes.readInt32LE(at + 4);
  const scopeAt = at + 8 + length;
  if (length < 1 || scopeAt + 5 > end || bytes[scopeAt - 1] !== 0 || documentEnd(bytes, scopeAt) !== end)
    throw brokenDocument(`field "${name}" has code whose length lies`);
  checkDocument(bytes, BSON.object, scopeAt, name, depth + 1);
}
