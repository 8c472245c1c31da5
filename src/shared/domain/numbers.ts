import { Decimal128 } from 'bson';
import { BSON } from './bson.ts';
import { doubleAt, int32At, uint32At } from './little-endian.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const HIGH_UNIT = 2 ** 32;

/** A 64-bit integer as a double: exact within ±2^53, and never within it where the integer is not. */
export function readInt64Number(bytes: Buffer, at: number): number {
  return int32At(bytes, at + 4) * HIGH_UNIT + uint32At(bytes, at);
}

/** True where the 64-bit integer at `at` is within ±2^53, and so exact as a double. */
export function isDoubleExact(bytes: Buffer, at: number): boolean {
  const high = int32At(bytes, at + 4);
  if (high >= -0x200000 && high < 0x200000) return true;
  return high === 0x200000 && uint32At(bytes, at) === 0;
}

/** The number as an integer of 64 bits, whatever numeric type it has in BSON; `undefined` where it is none. */
export function idInteger(bytes: Buffer, type: number, at: number): bigint | undefined {
  switch (type) {
    case BSON.int32:
      return BigInt(int32At(bytes, at));
    case BSON.int64:
      return bytes.readBigInt64LE(at);
    case BSON.double: {
      const value = doubleAt(bytes, at);
      return Number.isInteger(value) ? within64(BigInt(value)) : undefined;
    }
    case BSON.decimal128: {
      const decimal = parseDecimal(decimalText(bytes, at));
      return decimal === undefined || decimal.exponent < 0 || decimal.exponent > 19
        ? undefined
        : within64(decimal.digits * 10n ** BigInt(decimal.exponent));
    }
    default:
      return undefined;
  }
}

/** The number rounded down to a whole one; `undefined` for NaN, infinities, what is beyond 64 bits, and what is no number. */
export function floorInteger(bytes: Buffer, type: number, at: number): bigint | undefined {
  const integer = idInteger(bytes, type, at);
  if (integer !== undefined) return integer;
  if (type === BSON.double) {
    const value = Math.floor(doubleAt(bytes, at));
    return Number.isFinite(value) ? within64(BigInt(value)) : undefined;
  }
  return type === BSON.decimal128 ? floorDecimal(decimalText(bytes, at)) : undefined;
}

/** The decimal rounded down to a whole number of 64 bits; `undefined` where there is none. */
export function floorDecimal(text: string): bigint | undefined {
  const decimal = parseDecimal(text);
  if (decimal === undefined || decimal.exponent > 19) return undefined;
  const { digits, exponent } = decimal;
  if (exponent >= 0) return within64(digits * 10n ** BigInt(exponent));
  const unit = 10n ** BigInt(-exponent);
  // BigInt division rounds towards zero, and a decimal without trailing zeros is no whole number here.
  return within64(digits / unit - (digits < 0n ? 1n : 0n));
}

function within64(value: bigint): bigint | undefined {
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** The Decimal128 at `at` as the BSON specification writes it: all its digits, with their trailing zeros. */
export function decimalText(bytes: Buffer, at: number): string {
  return new Decimal128(bytes.subarray(at, at + 16)).toString();
}

/** digits × 10^exponent. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** A finite Decimal128 as digits × 10^exponent, without trailing zeros in the digits; `undefined` for NaN and infinities. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/.exec(text);
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
export function numberIdentity(bytes: Buffer, type: number, at: number): string {
  const integer = idInteger(bytes, type, at);
  if (integer !== undefined) return `{"$numberLong":"${integer}"}`;
  if (type === BSON.double) return doubleIdentity(doubleAt(bytes, at));
  const text = decimalText(bytes, at);
  const decimal = parseDecimal(text);
  const nearest = Number(text);
  if (decimal === undefined || equalsDouble(decimal, nearest)) return doubleIdentity(nearest);
  return `{"$numberDecimal":"${decimal.digits}E${decimal.exponent}"}`;
}

function doubleIdentity(value: number): string {
  return `{"$numberDouble":"${value}"}`;
}
