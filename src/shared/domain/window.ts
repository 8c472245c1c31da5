import { type Cursor, cursorUnit_ms } from './cursor.ts';
import { MongolakeError } from './errors.ts';
import type { ReadScope } from './job.ts';

/** `incremental` finds changes by a cursor; `full` reads the whole collection at each run, which replaces the table. */
export const TABLE_MODES = ['incremental', 'full'] as const;

/** How a source tells what changed: by a cursor field of its documents, or by events. */
export const SOURCE_MODES = ['cursor', 'changestream'] as const;

/** How a table is kept in step; with `changestream` by the events of its source. */
export type TableMode = (typeof TABLE_MODES)[number] | 'changestream';

/** What decides a run's window. All times are epoch milliseconds, UTC. */
export interface WindowInput {
  /** `sync` reads from the watermark on, `backfill` everything. */
  readonly mode: 'sync' | 'backfill';
  /** Explicit exclusive bounds (`--from`, `--to`); `null` where not given. */
  readonly from: number | null;
  readonly to: number | null;
  /** The table's watermark: every document with a smaller or equal cursor is in the table. `null` where there is none. */
  readonly watermark: number | null;
  readonly source: {
    readonly kind: 'live' | 'dump';
    readonly serverTime: number | undefined;
    readonly lastMajorityWrite: number | undefined;
  };
  /** Our own clock. */
  readonly now: number;
  readonly allowedLatenessMs: number;
  readonly cursor: Cursor;
}

export interface Window {
  readonly scope: ReadScope;
  /** The watermark after this run, never below the one before; `null` where there is none yet and none can be said. */
  readonly nextWatermark: number | null;
}

/**
 * Decides what a run reads and where the watermark stands after it. A run reads everything past the watermark, to the end, future-dated
 * documents included; the watermark then moves to S − allowedLateness, where S is the earliest of the clocks that could have stamped a
 * document which this run did not see. Explicit bounds move it only where they continue it, never past `to − 1 ms`.
 * Throws `CLOCK_SKEW`, `USAGE`.
 */
export function decideWindow(input: WindowInput): Window {
  const { from, to, watermark, cursor } = input;
  if (from !== null && to !== null && to <= from) {
    throw new MongolakeError('USAGE', `--to (${iso(to)}) must be later than --from (${iso(from)})`);
  }
  const safe = safeTime(input);
  const reached = safe === null ? null : safe - input.allowedLatenessMs - lag_ms(cursor);
  if (from !== null || to !== null) {
    const scope: ReadScope = { kind: 'window', cursor, from, to };
    const continues = from === null || (watermark !== null && from <= watermark);
    const bound = reached === null ? null : to === null ? reached : Math.min(reached, to - 1);
    return { scope, nextWatermark: continues ? later(watermark, bound) : watermark };
  }
  const whole = input.mode === 'backfill' || watermark === null || safe === null;
  const scope: ReadScope = whole ? { kind: 'full' } : { kind: 'window', cursor, from: watermark, to: null };
  return { scope, nextWatermark: later(watermark, reached) };
}

/**
 * How much lower the watermark must be because a cursor that counts in seconds is cut to one. What this run did not see was written at
 * w ≥ S − allowedLateness + 1, and its cursor is at least floor(w / 1000) · 1000: 999 ms below w at most. Less 999 ms the watermark is
 * below every such cursor, and with 998 ms it would be equal to that of the last millisecond of a second.
 */
function lag_ms({ type }: Cursor): number {
  return cursorUnit_ms(type) - 1;
}

/** S: the earliest time at which a document may be written that this run does not see; `null` for a dump that does not tell its start. */
function safeTime(input: WindowInput): number | null {
  const { source, now } = input;
  // A start in the future is a wrong one; taken at its word, it would leave documents behind for ever.
  if (source.kind === 'dump') return source.serverTime === undefined ? null : Math.min(source.serverTime, now);
  const serverTime = source.serverTime ?? now;
  const skew = Math.abs(serverTime - now);
  if (skew > input.allowedLatenessMs) {
    throw new MongolakeError(
      'CLOCK_SKEW',
      `MongoDB's clock and this machine's differ by ${Math.round(skew / 1000)} s, more than allowedLateness (${input.allowedLatenessMs / 1000} s)`,
      { hint: 'Set both clocks by NTP, or raise allowedLateness above the difference.' },
    );
  }
  return Math.min(serverTime, source.lastMajorityWrite ?? serverTime, now);
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** True where a document with this cursor belongs to the scope; a dump is filtered by it. */
export function inScope(scope: ReadScope, cursor: bigint | undefined): boolean {
  if (scope.kind === 'full') return true;
  if (cursor === undefined) return false;
  return (scope.from === null || cursor > BigInt(scope.from)) && (scope.to === null || cursor < BigInt(scope.to));
}
