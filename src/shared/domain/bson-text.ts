import { isUtf8 } from 'node:buffer';
import { BSON, brokenAt, brokenDocument, documentEnd, MAX_DEPTH, walkElements } from './bson.ts';
import { int32At } from './little-endian.ts';

/** Texts up to so many bytes are looked at here: a call needs a view of them, and that costs more than the look. */
const SHORT = 256;

/** True where `[start, end)` is valid UTF-8. */
export function isText(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT) return isUtf8(bytes.subarray(start, end));
  return isAscii(bytes, start, end) || isWellFormed(bytes, start, end);
}

/** The bit of each of four bytes that no ASCII character has. */
const HIGH_BITS = 0x80808080;

function isAscii(bytes: Buffer, start: number, end: number): boolean {
  let all = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) all |= int32At(bytes, at);
  for (; at < end; at++) all |= bytes[at] as number;
  return (all & HIGH_BITS) === 0;
}

/** Well-formed byte sequences (Unicode Standard, table 3-7). */
function isWellFormed(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const width = widthOf(lead);
    if (width === 0 || at + width > end) return false;
    const second = bytes[at + 1] as number;
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let i = at + 2; i < at + width; i++) if (((bytes[i] as number) & 0xc0) !== 0x80) return false;
    at += width;
  }
  return true;
}

/** Bytes of the character that begins so; 0 where none that is not ASCII does. */
function widthOf(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** True where the string (or symbol, or code) whose value starts at `at` is valid UTF-8. */
export function isTextAt(bytes: Buffer, at: number): boolean {
  return isText(bytes, at + 4, at + 3 + int32At(bytes, at));
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
  if (!isText(bytes, start, end)) throw brokenAt('a field name', start, ' is not valid UTF-8');
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
  const length = int32At(bytes, at + 4);
  const scopeAt = at + 8 + length;
  if (length < 1 || scopeAt + 5 > end || bytes[scopeAt - 1] !== 0 || documentEnd(bytes, scopeAt) !== end)
    throw brokenDocument(`field "${name}" has code whose length lies`);
  checkDocument(bytes, BSON.object, scopeAt, name, depth + 1);
}
