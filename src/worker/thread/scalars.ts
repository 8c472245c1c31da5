import { BSON, stringBytes, uuidText } from '../../shared/domain/bson.ts';
import { canonicalJson } from '../../shared/domain/ejson.ts';
import { doubleAt, int32At } from '../../shared/domain/little-endian.ts';
import { decimalText, readInt64Number } from '../../shared/domain/numbers.ts';
import type { ScalarKind } from '../../shared/domain/schema.ts';

/** How columns read the BSON values that they accept: the same for every engine. */

export function readLong(bytes: Buffer, type: number, at: number): bigint {
  if (type === BSON.int64) return bytes.readBigInt64LE(at);
  return BigInt(type === BSON.int32 ? int32At(bytes, at) : doubleAt(bytes, at));
}

export function readDouble(bytes: Buffer, type: number, at: number): number {
  if (type === BSON.double) return doubleAt(bytes, at);
  return type === BSON.int32 ? int32At(bytes, at) : readInt64Number(bytes, at);
}

/** A date in microseconds since the epoch. */
export function readMicros(bytes: Buffer, _type: number, at: number): bigint {
  return bytes.readBigInt64LE(at) * 1000n;
}

/** Kinds that are stored as bytes or text. */
export type BytesKind = Exclude<ScalarKind, 'long' | 'double' | 'boolean' | 'timestamp'>;

export type ReadBytes = (bytes: Buffer, type: number, at: number, end: number) => Buffer;

const json: ReadBytes = (bytes, type, at, end) => Buffer.from(canonicalJson(bytes, type, at, end), 'utf8');

/** Strings and binaries are views into the bytes that they came from. */
export const READ_BYTES: Readonly<Record<BytesKind, ReadBytes>> = {
  string: (bytes, _type, at) => stringBytes(bytes, at),
  objectId: (bytes, _type, at) => Buffer.from(bytes.toString('hex', at, at + 12), 'latin1'),
  uuid: (bytes, _type, at) => Buffer.from(uuidText(bytes, at + 5), 'latin1'),
  decimal: (bytes, _type, at) => Buffer.from(decimalText(bytes, at), 'latin1'),
  binary: (bytes, _type, at, end) => bytes.subarray(binaryStart(bytes, at, end), end),
  object: json,
  json,
};

/** Subtype 2 ("old binary") repeats the length inside; where that lies, all of it is taken as it is. */
function binaryStart(bytes: Buffer, at: number, end: number): number {
  const old = bytes[at + 4] === 2 && end - at >= 9 && int32At(bytes, at + 5) === end - at - 9;
  return old ? at + 9 : at + 5;
}
