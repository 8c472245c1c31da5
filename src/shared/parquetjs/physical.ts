import type { LeafType } from './fields.ts';

/** How values of a leaf are stored (Parquet LogicalTypes.md). */
export interface Physical {
  /** A key of Parquet's `Type`. */
  readonly type: 'BOOLEAN' | 'INT32' | 'INT64' | 'DOUBLE' | 'BYTE_ARRAY' | 'FIXED_LEN_BYTE_ARRAY';
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly length?: number;
  /** From a value to what the library's codec takes, and back; absent where they are the same. */
  readonly encode?: (value: unknown) => unknown;
  readonly decode?: (stored: unknown) => unknown;
}

/** Digits that 32 and 64 bits hold. */
const INT32_DIGITS = 9;
const INT64_DIGITS = 18;
const FIXED_BYTES = 16;

/** The physical type of a leaf. Decimals are stored as Spark and DuckDB do: 32 bits, 64 bits or 16 bytes, by their precision. */
export function physical(type: LeafType): Physical {
  switch (type.kind) {
    case 'utf8':
    case 'binary':
      return { type: 'BYTE_ARRAY' };
    case 'int':
      return { type: 'INT32' };
    case 'long':
    case 'timestamp':
      return { type: 'INT64' };
    case 'double':
      return { type: 'DOUBLE' };
    case 'boolean':
      return { type: 'BOOLEAN' };
    case 'decimal':
      if (type.precision <= INT32_DIGITS) return { type: 'INT32', encode: Number, decode: (n) => BigInt(n as number) };
      if (type.precision <= INT64_DIGITS) return { type: 'INT64' };
      return { type: 'FIXED_LEN_BYTE_ARRAY', length: FIXED_BYTES, encode: toFixed, decode: fromFixed };
  }
}

/** Two's complement, the most significant byte first. */
function toFixed(value: unknown): Buffer {
  const bytes = Buffer.allocUnsafe(FIXED_BYTES);
  bytes.writeBigInt64BE((value as bigint) >> 64n, 0);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value as bigint), 8);
  return bytes;
}

function fromFixed(stored: unknown): bigint {
  const bytes = stored as Buffer;
  return (bytes.readBigInt64BE(0) << 64n) | bytes.readBigUInt64BE(8);
}
