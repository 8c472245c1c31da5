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

/** The tick after the one due at `dueAt`: an interval keeps its beat, and lets go of beats that have passed. */
export function nextTick(schedule: Schedule, dueAt: number, now: number): number | undefined {
  switch (schedule.kind) {
    case 'none':
      return undefined;
    case 'every':
      return dueAt + Math.max(1, Math.ceil((now - dueAt + 1) / schedule.every_ms)) * schedule.every_ms;
    case 'cron':
      return new Cron(schedule.expression, { mode: '5-or-6-parts', paused: true, timezone: 'UTC' })
        .nextRun(new Date(now))
        ?.getTime();
  }
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
