import { Binary, BSONSymbol, Decimal128, Double, Int32, Long, Timestamp } from 'bson';

/**
 * A key of a value, equal for two values exactly where MongoDB holds them to be equal: written apart from the code under test, with
 * every number as a fraction in lowest terms.
 */
export function mongoKey(value: unknown): unknown {
  if (value instanceof Int32) return fraction(BigInt(value.value), 1n);
  // A Timestamp is a Long to JavaScript.
  if (value instanceof Long && !(value instanceof Timestamp)) return fraction(value.toBigInt(), 1n);
  if (value instanceof Double) return doubleKey(value.value);
  if (value instanceof Decimal128) return decimalKey(value.toString());
  if (value instanceof BSONSymbol) return { string: value.value };
  if (typeof value === 'string') return { string: value };
  if (Array.isArray(value)) return { array: value.map(mongoKey) };
  if (value instanceof Map) return { object: [...value].map(([name, child]) => [name, mongoKey(child)]) };
  if (value instanceof Date) return { date: value.getTime() };
  // Its JSON leaves the subtype out.
  if (value instanceof Binary) return { binary: value.sub_type, bytes: value.toString('hex') };
  if (value === null || typeof value === 'boolean') return { literal: value };
  return { type: (value as { _bsontype: string })._bsontype, inspected: JSON.stringify(value) };
}

function doubleKey(value: number): unknown {
  if (!Number.isFinite(value)) return { number: String(value) };
  let denominator = 1n;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return fraction(BigInt(scaled), denominator);
}

function decimalKey(text: string): unknown {
  const [mantissa = '', power = '0'] = text.split('E');
  if (!/^-?[\d.]+$/.test(mantissa)) return { number: String(Number(text)) };
  const [whole = '', decimals = ''] = mantissa.split('.');
  const exponent = Number(power) - decimals.length;
  const digits = BigInt(whole + decimals);
  return exponent < 0 ? fraction(digits, 10n ** BigInt(-exponent)) : fraction(digits * 10n ** BigInt(exponent), 1n);
}

function fraction(numerator: bigint, denominator: bigint): unknown {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b !== 0n) [a, b] = [b, a % b];
  return { number: a === 0n ? '0' : `${numerator / a}/${denominator / a}` };
}
