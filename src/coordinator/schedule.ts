import { Cron } from 'croner';
import type { Schedule } from '../shared/domain/schedule.ts';

/** One table as the scheduler sees it. All times are epoch milliseconds. */
export interface Scheduled {
  readonly name: string;
  readonly schedule: Schedule;
  /** `undefined` where it never comes up. */
  readonly dueAt: number | undefined;
  readonly running: boolean;
}

/** The first tick: an interval starts at once, a cron expression waits for its time. */
export function firstTick(schedule: Schedule, now: number): number | undefined {
  return schedule.kind === 'every' ? now : nextTick(schedule, now, now);
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

/** What to do at `now`: which tables to start, which ticks to skip since their run still goes, and the tables with their next ticks. */
export function takeDue(
  tables: readonly Scheduled[],
  now: number,
): { readonly start: readonly string[]; readonly skip: readonly string[]; readonly next: readonly Scheduled[] } {
  const start: string[] = [];
  const skip: string[] = [];
  const next = tables.map((table) => {
    if (table.dueAt === undefined || table.dueAt > now) return table;
    (table.running ? skip : start).push(table.name);
    return { ...table, dueAt: nextTick(table.schedule, table.dueAt, now) };
  });
  return { start, skip, next };
}
