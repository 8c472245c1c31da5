import { Cron } from 'croner';
import type { Deletes } from '../shared/domain/deletion.ts';
import type { Schedule } from '../shared/domain/schedule.ts';

/** One table as the scheduler sees it. All times are epoch milliseconds. */
export interface Scheduled {
  readonly name: string;
  readonly schedule: Schedule;
  /** `undefined` where it never comes up. */
  readonly dueAt: number | undefined;
  /** When it is tried once more before that. */
  readonly retryAt?: number;
  readonly running: boolean;
}

/** The first tick: an interval starts at once, a cron expression waits for its time. */
export function firstTick(schedule: Schedule, now: number): number | undefined {
  return schedule.kind === 'every' ? now : nextTick(schedule, now, now);
}

const DAY_MS = 24 * 60 * 60_000;

/** When a table is compared with its source: each day where that is how deletions are found, and nothing else is said. */
export function verificationSchedule(settings: {
  readonly deletes: Deletes;
  readonly verifySchedule: Schedule;
}): Schedule {
  const { deletes, verifySchedule } = settings;
  return deletes === 'reconcile' && verifySchedule.kind === 'none'
    ? { kind: 'every', every_ms: DAY_MS }
    : verifySchedule;
}

/** The times of a cron expression after `from`, as many as `most`, epoch milliseconds. */
function cronTicks(expression: string, from: number, most: number): readonly number[] {
  const cron = new Cron(expression, { mode: '5-or-6-parts', paused: true, timezone: 'UTC' });
  return cron.nextRuns(most, new Date(from)).map((tick) => tick.getTime());
}

/** The tick after the one due at `dueAt`: an interval keeps its beat, and lets go of beats that have passed. */
export function nextTick(schedule: Schedule, dueAt: number, now: number): number | undefined {
  switch (schedule.kind) {
    case 'none':
      return undefined;
    case 'every':
      return dueAt + Math.max(1, Math.ceil((now - dueAt + 1) / schedule.every_ms)) * schedule.every_ms;
    case 'cron':
      return cronTicks(schedule.expression, now, 1)[0];
  }
}

/** A Monday at the beginning of a leap year: from here on the gaps of a cron expression are the same whenever it is asked. */
const GAPS_FROM_MS = Date.UTC(2024, 0, 1);
/** Two weeks of a tick every three quarters of an hour. Each costs croner a fifth of a millisecond. */
const GAP_TICKS = 500;
const gaps = new Map<string, number | undefined>();

/**
 * The longest time between two ticks, milliseconds; `undefined` where there are no two. Of a cron expression as far as 500 ticks
 * tell, which are a day where they are three minutes apart.
 */
export function longestGap(schedule: Schedule): number | undefined {
  if (schedule.kind !== 'cron') return schedule.kind === 'every' ? schedule.every_ms : undefined;
  const { expression } = schedule;
  if (!gaps.has(expression)) {
    const ticks = cronTicks(expression, GAPS_FROM_MS, GAP_TICKS);
    const between = ticks.slice(1).map((tick, index) => tick - (ticks[index] as number));
    gaps.set(expression, between.length === 0 ? undefined : Math.max(...between));
  }
  return gaps.get(expression);
}

const RETRY_MS = 60_000;
const RETRY_MAX_MS = 15 * 60_000;

/**
 * When a table is tried again whose last `failures` runs in a row failed for a reason that passes: after a minute, two, four …, at most a
 * quarter of an hour. A nightly table must not wait for the next night.
 */
export function retryTick(failures: number, now: number): number {
  return now + Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MAX_MS);
}

/** What to do at `now`: which tables to start, which ticks to skip since their run still goes, and the tables with their next ticks. */
export function takeDue(
  tables: readonly Scheduled[],
  now: number,
): { readonly start: readonly string[]; readonly skip: readonly string[]; readonly next: readonly Scheduled[] } {
  const start: string[] = [];
  const skip: string[] = [];
  const next = tables.map((table) => {
    const { dueAt, retryAt = Number.POSITIVE_INFINITY } = table;
    const isDue = dueAt !== undefined && dueAt <= now;
    if (!isDue && retryAt > now) return table;
    (table.running ? skip : start).push(table.name);
    const { retryAt: _, ...rest } = table;
    return isDue ? { ...rest, dueAt: nextTick(table.schedule, dueAt, now) } : rest;
  });
  return { start, skip, next };
}
