/**
 * A place in a change stream: a BSON timestamp as the decimal digits of its 64 bits, of which the upper half are seconds since 1970 and the lower
 * half counts the writes of that second (bsonspec.org, type 0x11). A string, since JSON's numbers are not exact that far.
 */
export type Position = string & { readonly brand: 'position' };

const COUNTER_BITS = 32n;

/** The position with these bits. */
export function positionOf(bits: bigint): Position {
  return String(bits) as Position;
}

/** Its 64 bits. */
export function positionBits(position: Position): bigint {
  return BigInt(position);
}

/** Its second, in epoch milliseconds. */
export function positionTime(position: Position): number {
  return Number(positionBits(position) >> COUNTER_BITS) * 1000;
}

/** The one after it. */
export function nextPosition(position: Position): Position {
  return positionOf(positionBits(position) + 1n);
}

/** The one before it. */
export function previousPosition(position: Position): Position {
  return positionOf(positionBits(position) - 1n);
}

/** Whether a position comes before another one. */
export function isBefore(a: Position, b: Position): boolean {
  return positionBits(a) < positionBits(b);
}

/** The later of two; of one and none the one. */
export function laterPosition(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null) return a ?? b;
  return isBefore(a, b) ? b : a;
}

/** Epoch milliseconds; `null` where there is no position. */
export function positionTimeOrNull(position: Position | null): number | null {
  return position === null ? null : positionTime(position);
}

/** Of a `txn`: there is a position no more. */
export const NO_POSITION = 0n;
