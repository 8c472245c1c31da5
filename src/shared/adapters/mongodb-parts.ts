import { serialize } from 'bson';
import { BSON } from '../domain/bson.ts';
import type { ExtractRange, ReadScope } from '../domain/job.ts';
import { type IdStretch, literalOf, pointOf, TYPE_AT, VALUE_AT } from './mongodb-ids.ts';
import { firstOfSecond, type Window } from './mongodb-window.ts';

/** The parts that a scope is cut into, as a plan keeps them: between two points of `_id` (base64), or between two times of the cursor. */

/** `null` is unbounded. */
interface Bounds<T> {
  readonly from: T | null;
  readonly to: T | null;
}

/** Cuts everything at points of `_id` that ascend in the server's order. */
export function idRanges(points: readonly Buffer[]): readonly ExtractRange[] {
  return between(points.map((point) => point.toString('base64'))).map((bounds) => rangeOf({ kind: 'full' }, bounds));
}

/** Cuts a window before times that ascend, epoch milliseconds within it. */
export function windowRanges(window: Window, times: readonly number[]): readonly ExtractRange[] {
  return between(times).map(({ from, to }) =>
    rangeOf(window, { from: from === null ? window.from : from - 1, to: to ?? window.to }),
  );
}

function between<T>(cuts: readonly T[]): readonly Bounds<T>[] {
  return [null, ...cuts].map((from, index) => ({ from, to: cuts[index] ?? null }));
}

function rangeOf<T>(scope: ReadScope, bounds: Bounds<T>): ExtractRange {
  return { scope, part: JSON.stringify(bounds) };
}

/** What a part of everything holds. */
export function stretchOf(part: string | null): IdStretch {
  const { from, to } = part === null ? { from: null, to: null } : (JSON.parse(part) as Bounds<string>);
  return { from: bytesOf(from), to: bytesOf(to) };
}

function bytesOf(text: string | null): Buffer | undefined {
  return text === null ? undefined : Buffer.from(text, 'base64');
}

/** The window that a part of a window is. */
export function windowOf(window: Window, part: string | null): Window {
  return part === null ? window : { ...window, ...(JSON.parse(part) as Bounds<number>) };
}

/** Longer ids make no bound: the plan holds up to a thousand. */
const BOUND_MAX_BYTES = 1024;

/** Bounds of `count` stretches that hold about as many of the sample each; the sample as points in the server's order. Fewer where it is small. */
export function sampledBounds(sample: readonly Buffer[], count: number): readonly Buffer[] {
  const usable = sample.filter((point) => point.length <= BOUND_MAX_BYTES && literalOf(point) !== undefined);
  const picked = Array.from({ length: count - 1 }, (_, n) => usable[Math.floor(((n + 1) * usable.length) / count)]);
  return picked.filter((point, n): point is Buffer => point !== undefined && !picked[n - 1]?.equals(point));
}

/**
 * Bounds of `count` stretches as long as each other between the smallest and the largest `_id`: by the seconds of ObjectIds, or by value
 * of whole numbers. `undefined` where they are neither both the one nor both the other.
 */
export function evenBounds(smallest: Buffer, largest: Buffer, count: number): readonly Buffer[] | undefined {
  if (smallest[TYPE_AT] === BSON.objectId && largest[TYPE_AT] === BSON.objectId) {
    const seconds = evenCuts(BigInt(smallest.readUInt32BE(VALUE_AT)), BigInt(largest.readUInt32BE(VALUE_AT)), count);
    return seconds.map((second) => Buffer.from(serialize({ '': firstOfSecond.objectId(Number(second)) })));
  }
  const [low, high] = [integerOf(smallest), integerOf(largest)];
  if (low === undefined || high === undefined) return undefined;
  return evenCuts(low, high, count).map(int64Point);
}

/** Where `low..high` is cut into `count` parts of about one length: ascending, above `low`, at most `high`. Fewer where they are near. */
export function evenCuts(low: bigint, high: bigint, count: number): readonly bigint[] {
  const cuts = Array.from({ length: count - 1 }, (_, n) => low + ((high - low) * BigInt(n + 1)) / BigInt(count));
  return cuts.filter((cut, n) => cut > (cuts[n - 1] ?? low));
}

function integerOf(point: Buffer): bigint | undefined {
  if (point[TYPE_AT] === BSON.int32) return BigInt(point.readInt32LE(VALUE_AT));
  return point[TYPE_AT] === BSON.int64 ? point.readBigInt64LE(VALUE_AT) : undefined;
}

function int64Point(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return pointOf(bytes, { type: BSON.int64, at: 0, end: bytes.length });
}
