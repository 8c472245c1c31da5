import { BSON, type Element, stringBytes, UUID_SUBTYPE, uuidText } from './bson.ts';
import { isTextAt } from './bson-text.ts';
import { identityJson } from './ejson.ts';
import { hash32 } from './hash.ts';
import { idInteger } from './numbers.ts';

/**
 * What kind of value an `_id` is. Numbers that MongoDB holds to be equal (1, 1L, 1.0, NumberDecimal("1")) are all `long`.
 * `other` is everything that has no bare form: documents, dates, fractions, booleans, strings that are not UTF-8.
 */
export type IdClass = 'objectId' | 'string' | 'uuid' | 'long' | 'other';

/** A table's id type, fixed at its first load: a 64-bit integer column, or a string column whose main class is written bare. */
export type IdType = 'long' | `string:${IdClass}`;

/** The class of the `_id` whose value starts at `at`. */
export function idClass(bytes: Buffer, type: number, at: number): IdClass {
  switch (type) {
    case BSON.objectId:
      return 'objectId';
    case BSON.string:
    case BSON.symbol:
      return isTextAt(bytes, at) ? 'string' : 'other';
    case BSON.int32:
    case BSON.int64:
      return 'long';
    case BSON.double:
    case BSON.decimal128:
      return idInteger(bytes, type, at) === undefined ? 'other' : 'long';
    case BSON.binary:
      return isUuid(bytes, at) ? 'uuid' : 'other';
    default:
      return 'other';
  }
}

function isUuid(bytes: Buffer, at: number): boolean {
  return bytes[at + 4] === UUID_SUBTYPE && bytes.readInt32LE(at) === 16;
}

/**
 * The `_id` as the text of a string table. The main class is written bare, any other in canonical EJSON; a bare string that
 * could be read as EJSON is written as EJSON too, so two ids never share a text.
 */
export function idText(bytes: Buffer, type: number, at: number, end: number, main: IdClass): string {
  const own = idClass(bytes, type, at);
  if (own !== main) return identityJson(bytes, type, at, end);
  switch (own) {
    case 'objectId':
      return bytes.toString('hex', at, at + 12);
    case 'uuid':
      return uuidText(bytes, at + 5);
    case 'long':
      return String(idInteger(bytes, type, at));
    case 'string': {
      const text = stringBytes(bytes, at).toString('utf8');
      return looksLikeJson(text) ? JSON.stringify(text) : text;
    }
    case 'other':
      return identityJson(bytes, type, at, end);
  }
}

/** An `_id` as it stands in messages and lists: written bare where it can be, at most 100 characters. */
export function idExample(bytes: Buffer, { type, at, end }: Element): string {
  return idText(bytes, type, at, end, idClass(bytes, type, at)).slice(0, 100);
}

function looksLikeJson(text: string): boolean {
  return /^["{[]/.test(text) || text === 'true' || text === 'false' || text === 'null';
}

const scratch = Buffer.alloc(8);

/** 32-bit hash of an `_id`, the same for all that MongoDB holds to be equal. Fixed by `HASH_VERSION`. */
export function idHash(bytes: Buffer, type: number, at: number, end: number): number {
  switch (idClass(bytes, type, at)) {
    case 'objectId':
      return hash32(bytes.subarray(at, at + 12), BSON.objectId);
    case 'string':
      return hash32(stringBytes(bytes, at), BSON.string);
    case 'uuid':
      return hash32(bytes.subarray(at + 5, at + 21), BSON.binary);
    case 'long':
      scratch.writeBigInt64LE(idInteger(bytes, type, at) ?? 0n);
      return hash32(scratch, BSON.int64);
    case 'other':
      return hash32(Buffer.from(identityJson(bytes, type, at, end), 'utf8'), BSON.object);
  }
}

/** The id type that a first load fixes, from how often each class was seen: integers only → long; else the commonest class is written bare. */
export function chooseIdType(counts: Readonly<Partial<Record<IdClass, number>>>): IdType {
  const seen = (Object.entries(counts) as [IdClass, number][]).filter(([, count]) => count > 0);
  if (seen.length === 1 && seen[0]?.[0] === 'long') return 'long';
  const order: IdClass[] = ['objectId', 'string', 'uuid', 'long', 'other'];
  const main = seen.sort((a, b) => b[1] - a[1] || order.indexOf(a[0]) - order.indexOf(b[0]))[0]?.[0];
  return `string:${main ?? 'objectId'}`;
}

/** Order of two ids as their table stores and sorts them: integers by value, strings by their UTF-8 bytes. */
export function compareIds(idType: IdType, a: string, b: string): number {
  if (idType !== 'long') return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * A short id that parts two neighbours: `previous < separator ≤ next`. For strings the shortest prefix of `next` by code
 * points that is still greater, so a bound never carries a 16 MB id into the log.
 */
export function separator(idType: IdType, previous: string, next: string): string {
  if (idType === 'long') return next;
  let same = 0;
  while (same < previous.length && previous[same] === next[same]) same++;
  // Never half a character: a pair of surrogates is taken whole, whichever of the two differs.
  const end = isHighSurrogate(next.charCodeAt(same)) ? same + 2 : same + 1;
  return next.slice(0, end);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
