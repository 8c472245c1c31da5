import type { RunResult } from '../../src/coordinator/carry-out.ts';
import type { Freshness } from '../../src/coordinator/freshness.ts';
import { type ObservedTable, observed } from '../../src/coordinator/observe.ts';
import { NO_COUNTS } from '../../src/shared/domain/books.ts';
import type { CoordinatorObserver } from '../../src/shared/ports/metrics.ts';
import { RESULT } from './daemon-house.ts';
import { fakeClock, settle } from './fake-clock.ts';
import { silent } from './table-harness.ts';

/** A run that began at `checkedAt`. */
export const result = (version: number | null, checkedAt: number): RunResult => ({
  ...RESULT,
  version,
  watermark: checkedAt - 5,
  checkedAt,
});

/** The note of a run before. */
export const freshness = (checkedAt: number): Freshness => ({
  formatVersion: 1,
  run: 'before',
  checkedAt,
  version: 3,
  watermark: checkedAt - 5,
  counts: NO_COUNTS,
});

/** Metrics that keep what they are told, one line each. */
export function observation() {
  const told: string[] = [];
  const missing: string[] = [];
  const observer: CoordinatorObserver = {
    tables: (tables) => told.push(`tables ${tables.map(({ name }) => name).join(' ')}`),
    contents: (table, contents) => {
      if (contents === undefined) missing.push(table);
      else told.push(`contents ${table} ${contents.version}: ${contents.quarantined} aside`);
    },
    runStarted: (table) => told.push(`started ${table}`),
    runEnded: (table, { outcome, at, durationMs, figures, error }) =>
      told.push(
        `${outcome} ${table} at ${at} after ${durationMs}${figures === undefined ? `: ${error?.message}` : ' with figures'}`,
      ),
    verified: (table, { checkedAt, differences, repairedIn }, isNew) =>
      told.push(
        `verified ${table} ${checkedAt}: ${Object.values(differences).join(' ')}${isNew ? ' now' : ''}${repairedIn === null ? '' : ` repaired in ${repairedIn}`}`,
      ),
    fresh: (table, { checkedAt, watermark }) => told.push(`fresh ${table} ${checkedAt} ${watermark}`),
  };
  const clock = fakeClock(1000);
  const tables: ObservedTable[] = [];
  const table = (
    name: string,
    sync: () => Promise<RunResult>,
    readFreshness: () => Promise<Freshness | undefined>,
    more: Partial<ObservedTable> = {},
  ) =>
    tables.push({
      name,
      schedule: { kind: 'none' },
      sync,
      verifySchedule: { kind: 'none' },
      verify: async () => undefined,
      readNotes: async () => ({ freshness: await readFreshness(), verification: undefined }),
      readContents: async () => undefined,
      ...more,
    });
  const resolve = observed(async () => tables, { observers: [observer], clock, logger: silent });
  return {
    told,
    /** Tables of which it was said that they are not there yet. */
    missing,
    clock,
    tables,
    table,
    async resolve() {
      const resolved = await resolve();
      await settle();
      return resolved;
    },
  };
}
