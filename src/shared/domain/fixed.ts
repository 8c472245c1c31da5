import { BSON } from './bson.ts';
import { doubleAt, int32At } from './little-endian.ts';
import { type Decimal, decimalText, parseDecimal } from './numbers.ts';

/** A decimal of fixed digits, where it is configured: what is not exactly one has a column of its own type beside it. */
export interface FixedType {
  readonly kind: 'fixed';
  /** Digits in all, 1 to 38. */
  readonly precision: number;
  /** Digits after the point, at most as many. */
  readonly scale: number;
}

/** `decimal(10,2)`: how Delta and SQL write the type, and the class of the values that it holds. */
export function fixedText({ precision, scale }: Pick<FixedType, 'precision' | 'scale'>): FixedText {
  return `decimal(${precision},${scale})`;
}

/** `decimal(10,2)`. */
export type FixedText = `decimal(${number},${number})`;

/** Reads `decimal(10,2)`; `undefined` where it is no such text. */
export function parseFixed(text: string): FixedType | undefined {
  const match = /^decimal\((\d{1,2}),(\d{1,2})\)$/.exec(text);
  return match === null ? undefined : { kind: 'fixed', precision: Number(match[1]), scale: Number(match[2]) };
}

/**
 * The number times 10^scale, where the decimal type holds it exactly; otherwise `undefined`. No such type holds NaN, an infinity, a
 * negative zero, or a double with a fraction: 19.99 as a double is not 19.99.
 */
export function fixedUnits(
  bytes: Buffer,
  type: number,
  at: number,
  { precision, scale }: Pick<FixedType, 'precision' | 'scale'>,
): bigint | undefined {
  const decimal = exactDecimal(bytes, type, at);
  if (decimal === undefined) return undefined;
  const power = decimal.exponent + scale;
  // Digits have no trailing zeros, and the type has at most 38 of them.
  if (power < 0 || power > precision) return decimal.digits === 0n ? 0n : undefined;
  const units = decimal.digits * 10n ** BigInt(power);
  const bound = 10n ** BigInt(precision);
  return units < bound && units > -bound ? units : undefined;
}

function exactDecimal(bytes: Buffer, type: number, at: number): Decimal | undefined {
  switch (type) {
    case BSON.int32:
      return { digits: BigInt(int32At(bytes, at)), exponent: 0 };
    case BSON.int64:
      return { digits: bytes.readBigInt64LE(at), exponent: 0 };
    case BSON.double: {
      const value = doubleAt(bytes, at);
      return Number.isInteger(value) && !Object.is(value, -0) ? { digits: BigInt(value), exponent: 0 } : undefined;
    }
    case BSON.decimal128: {
      const text = decimalText(bytes, at);
      const decimal = parseDecimal(text);
      return decimal?.digits === 0n && text.startsWith('-') ? undefined : decimal;
    }
    default:
      return undefined;
  }
}
