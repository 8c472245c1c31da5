import type { IdType } from '../../shared/domain/ids.ts';
import type { Value } from './rows.ts';

const SIGN = 1n << 63n;

/** An id as bytes whose order is that of ids: `compareIds` in `Buffer.compare`. */
export function sortKey(id: Value | string): Buffer {
  if (typeof id === 'string') return Buffer.from(id, 'utf8');
  if (typeof id !== 'bigint') return id as Buffer;
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, id) ^ SIGN);
  return bytes;
}

/** The id as its table's bounds write it. */
export function idOfKey(key: Buffer, idType: IdType): string {
  if (idType !== 'long') return key.toString('utf8');
  return String(BigInt.asIntN(64, key.readBigUInt64BE() ^ SIGN));
}

/** A bound of a file's range as such bytes; `undefined` is unbounded. */
export function boundKey(bound: string | null, idType: IdType): Buffer | undefined {
  if (bound === null) return undefined;
  return sortKey(idType === 'long' ? BigInt(bound) : bound);
}
