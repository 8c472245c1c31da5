import { deserialize, EJSON } from 'bson';
import { BSON, stringBytes, UUID_SUBTYPE, uuidText, walkElements } from './bson.ts';
import { hash32 } from './hash.ts';

/**
 * What kind of value an `_id` is. Numbers that MongoDB holds to be equal (1, 1L, 1.0, NumberDecimal("1")) are all `long`.
 * `other` is everything that has no bare form: documents, dates, fractions, booleans.
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
      return 'string';
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

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The `_id` as an integer of 64 bits, whatever numeric type it has in BSON; `undefined` where it is none. */
export function idInteger(bytes: Buffer, type: number, at: number): bigint | undefined {
  switch (type) {
    case BSON.int32:
      return BigInt(bytes.readInt32LE(at));
    case BSON.int64:
      return bytes.readBigInt64LE(at);
    case BSON.double: {
      const value = bytes.readDoubleLE(at);
      return Number.isInteger(value) ? within64(BigInt(value)) : undefined;
    }
    case BSON.decimal128: {
      const decimal = parseDecimal(bytes, at);
      return decimal === undefined || decimal.exponent < 0 || decimal.exponent > 19
        ? undefined
        : within64(decimal.digits * 10n ** BigInt(decimal.exponent));
    }
    default:
      return undefined;
  }
}

function within64(value: bigint): bigint | undefined {
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** A finite Decimal128 as digits × 10^exponent, without trailing zeros in the digits; `undefined` for NaN and infinities. */
function parseDecimal(bytes: Buffer, at: number): Decimal | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(decimalText(bytes, at));
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  let digits = BigInt(whole + fraction);
  let exponent = Number(power) - fraction.length;
  if (digits === 0n) return { digits, exponent: 0 };
  while (digits % 10n === 0n) {
    digits /= 10n;
    exponent++;
  }
  return { digits: sign === '-' ? -digits : digits, exponent };
}

function decimalText(bytes: Buffer, at: number): string {
  return String(elementValue(bytes, BSON.decimal128, at, at + 16));
}

/** True where the double is exactly the decimal, so that MongoDB holds them to be equal. */
function equalsDouble(decimal: Decimal, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  let mantissa = value;
  let power = 0;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    power++;
  }
  const left = decimal.digits * 10n ** BigInt(Math.max(decimal.exponent, 0)) * 2n ** BigInt(power);
  return left === BigInt(mantissa) * 10n ** BigInt(Math.max(-decimal.exponent, 0));
}

/** A number in canonical EJSON, one text for all that MongoDB holds to be equal. */
function numberJson(bytes: Buffer, type: number, at: number): string {
  const integer = idInteger(bytes, type, at);
  if (integer !== undefined) return `{"$numberLong":"${integer}"}`;
  if (type === BSON.double) return doubleJson(bytes.readDoubleLE(at));
  const decimal = parseDecimal(bytes, at);
  const text = decimalText(bytes, at);
  if (decimal === undefined) return doubleJson(Number(text));
  const nearest = Number(text);
  return equalsDouble(decimal, nearest)
    ? doubleJson(nearest)
    : `{"$numberDecimal":"${decimal.digits}E${decimal.exponent}"}`;
}

function doubleJson(value: number): string {
  return `{"$numberDouble":"${value}"}`;
}

/** The value alone, as the bson library reads it, with nothing promoted. */
function elementValue(bytes: Buffer, type: number, at: number, end: number): unknown {
  const document = Buffer.alloc(end - at + 8);
  document.writeInt32LE(document.length, 0);
  document[4] = type;
  document[5] = 0x76;
  bytes.copy(document, 7, at, end);
  return deserialize(document, { promoteValues: false, promoteBuffers: false, bsonRegExp: true }).v;
}

/** Any value in canonical EJSON (MongoDB Extended JSON v2), as text. */
export function canonicalJson(bytes: Buffer, type: number, at: number, end: number): string {
  return EJSON.stringify(elementValue(bytes, type, at, end), { relaxed: false });
}

/** An `_id` in canonical EJSON with every number in its one text, at any depth: equal in MongoDB means equal here. */
function identityJson(bytes: Buffer, type: number, at: number, end: number): string {
  switch (type) {
    case BSON.double:
    case BSON.int32:
    case BSON.int64:
    case BSON.decimal128:
      return numberJson(bytes, type, at);
    case BSON.string:
    case BSON.symbol:
      return JSON.stringify(stringBytes(bytes, at).toString('utf8'));
    case BSON.object:
    case BSON.array: {
      const parts: string[] = [];
      walkElements(bytes, at, (childType, nameStart, nameEnd, valueAt, childEnd) => {
        const value = identityJson(bytes, childType, valueAt, childEnd);
        parts.push(
          type === BSON.array ? value : `${JSON.stringify(bytes.toString('utf8', nameStart, nameEnd))}:${value}`,
        );
        return true;
      });
      return type === BSON.array ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
    }
    default:
      return canonicalJson(bytes, type, at, end);
  }
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
  const a = [...previous];
  const b = [...next];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  return b.slice(0, same + 1).join('');
}
