import type { JsonValue } from './engine.ts';

/** An integer beyond 2^53 is a string of digits. */
export function integerJson(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** A decimal with all its places. It is text in JSON too, where a number would be read as a double. */
export function decimalOf(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const point = digits.length - scale;
  const fraction = scale === 0 ? '' : `.${digits.slice(point)}`;
  return `${units < 0n ? '-' : ''}${digits.slice(0, point)}${fraction}`;
}

/** NaN and infinities go by name. */
export function doubleJson(value: number): JsonValue {
  return Number.isFinite(value) ? value : String(value);
}

/** Microseconds since the epoch in ISO 8601, with microseconds only where there are any. */
export function timestampJson(micros: bigint): JsonValue {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((micros - rest) / 1000n)).toISOString();
  return rest === 0n ? iso : `${iso.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}

/** Binaries are base64. */
export function binaryJson(bytes: Uint8Array): JsonValue {
  return Buffer.from(bytes).toString('base64');
}
