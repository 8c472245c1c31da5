import type { Schedule } from '../shared/domain/schedule.ts';
import { longestGap } from './schedule.ts';

/** After how many ticks without one that ended well something counts as overdue. */
const TICKS = 3;
/** A table is not called stale for less, however short its interval: a run may take minutes. */
const FRESHNESS_LEAST_MS = 15 * 60_000;

/**
 * How old a table may be before it is stale, milliseconds: as configured, else three times the longest gap between two ticks of its
 * schedule, at least a quarter of an hour. `undefined` where it has neither.
 */
export function freshnessLimit({
  staleAfter,
  schedule,
}: {
  readonly staleAfter?: number | undefined;
  readonly schedule: Schedule;
}): number | undefined {
  if (staleAfter !== undefined) return staleAfter;
  const gap = longestGap(schedule);
  return gap && Math.max(TICKS * gap, FRESHNESS_LEAST_MS);
}

/** How old a table's last verification may be, milliseconds; `undefined` where it is verified on no schedule. */
export function verificationLimit(schedule: Schedule): number | undefined {
  const gap = longestGap(schedule);
  return gap && TICKS * gap;
}
