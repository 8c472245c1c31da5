import { BSON, type Element, stringBytes, UUID_SUBTYPE, uuidText } from './bson.ts';
import { isTextAt } from './bson-text.ts';
import { identityJson } from './ejson.ts';
import { MongolakeError } from './errors.ts';
import { hash32 } from './hash.ts';
import { int32At } from './little-endian.ts';
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
  return bytes[at + 4] === UUID_SUBTYPE && int32At(bytes, at) === 16;
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
      return isBareText(text) ? text : JSON.stringify(text);
    }
    case 'other':
      return identityJson(bytes, type, at, end);
  }
}

/** An `_id` as it stands in messages and lists: written bare where it can be, at most 100 characters. */
export function idExample(bytes: Buffer, { type, at, end }: Element): string {
  return idText(bytes, type, at, end, idClass(bytes, type, at)).slice(0, 100);
}

/** True where an id's text is written as it is: it could not be read as EJSON. */
export function isBareText(text: string): boolean {
  return !/^["{[]/.test(text) && text !== 'true' && text !== 'false' && text !== 'null';
}

/** 32-bit hash of an `_id`, the same for all that MongoDB holds to be equal. Fixed by `HASH_VERSION`. */
export function idHash(bytes: Buffer, type: number, at: number, end: number): number {
  switch (idClass(bytes, type, at)) {
    case 'objectId':
      return hashOf.objectId(copyOf(bytes, at, 12));
    case 'string':
      return hashOf.string(copyOf(bytes, at + 4, int32At(bytes, at) - 1));
    case 'uuid':
      return hashOf.uuid(copyOf(bytes, at + 5, 16));
    case 'long':
      return hashOf.long(idInteger(bytes, type, at) ?? 0n);
    case 'other':
      return hashOf.other(Buffer.from(identityJson(bytes, type, at, end), 'utf8'));
  }
}

const scratch = Buffer.alloc(8);

/** Longest bytes of an id that are copied; there is one copy of each length, good until the next. */
const LONGEST_COPIED = 64;
const copies = Array.from({ length: LONGEST_COPIED + 1 }, (_, length) => new Uint8Array(length));

/** Some bytes of their own: short ones are copied, which costs a tenth of making a view. */
function copyOf(bytes: Buffer, at: number, length: number): Uint8Array {
  const copy = copies[length];
  if (copy === undefined) return bytes.subarray(at, at + length);
  for (let i = 0; i < length; i++) copy[i] = bytes[at + i] as number;
  return copy;
}

/** The hash of an id of each class. */
const hashOf = {
  objectId: (bytes: Uint8Array) => hash32(bytes, BSON.objectId),
  /** Of the text's UTF-8. */
  string: (bytes: Uint8Array) => hash32(bytes, BSON.string),
  uuid: (bytes: Uint8Array) => hash32(bytes, BSON.binary),
  long: (integer: bigint) => {
    scratch.writeBigInt64LE(integer);
    return hash32(scratch, BSON.int64);
  },
  /** Of the identity text's UTF-8. */
  other: (bytes: Uint8Array) => hash32(bytes, BSON.object),
};

/**
 * `idHash` of an id as its table stores it: an integer, or the UTF-8 of what `idText` made of it. Throws `TABLE_CORRUPT` where no id of
 * the type is written so.
 */
export function storedIdHash(id: bigint | Buffer, idType: IdType): number {
  if (typeof id === 'bigint') return hashOf.long(id);
  const text = id.toString('utf8');
  if (!isBareText(text)) return jsonIdHash(id, text);
  switch (mainClass(idType)) {
    case 'objectId':
      if (/^[0-9a-f]{24}$/.test(text)) return hashOf.objectId(Buffer.from(text, 'hex'));
      break;
    case 'string':
      return hashOf.string(id);
    case 'uuid':
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
        return hashOf.uuid(Buffer.from(text.replaceAll('-', ''), 'hex'));
      break;
    case 'long':
      if (/^-?\d+$/.test(text)) return hashOf.long(BigInt(text));
  }
  throw new MongolakeError('TABLE_CORRUPT', `_id ${text.slice(0, 100)} is no id of a table of ${idType}`, {
    hint: 'Another writer changed the table. Load the collection into a new one.',
  });
}

const OBJECT_ID_JSON = /^\{"\$oid":"([0-9a-f]{24})"\}$/;
const LONG_JSON = /^\{"\$numberLong":"(-?\d+)"\}$/;
/** Of 16 bytes. */
const UUID_JSON = /^\{"\$binary":\{"base64":"([A-Za-z0-9+/]{22}==)","subType":"04"\}\}$/;

/** The hash of an id that is written as `identityJson`: no document is written like a value, so its text tells its class. */
function jsonIdHash(bytes: Buffer, text: string): number {
  if (text.startsWith('"')) return hashOf.string(Buffer.from(JSON.parse(text) as string, 'utf8'));
  const objectId = OBJECT_ID_JSON.exec(text)?.[1];
  if (objectId !== undefined) return hashOf.objectId(Buffer.from(objectId, 'hex'));
  const long = LONG_JSON.exec(text)?.[1];
  if (long !== undefined) return hashOf.long(BigInt(long));
  const uuid = UUID_JSON.exec(text)?.[1];
  return uuid === undefined ? hashOf.other(bytes) : hashOf.uuid(Buffer.from(uuid, 'base64'));
}

/** The class whose ids a string table writes bare; a table of integers holds nothing but `long`. */
export function mainClass(idType: IdType): IdClass {
  return idType === 'long' ? 'long' : (idType.slice('string:'.length) as IdClass);
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
