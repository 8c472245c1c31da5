import pMap from 'p-map';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { CoordinatorMetrics, RunOutcome } from '../shared/ports/metrics.ts';
import type { RunResult } from './carry-out.ts';
import type { DaemonTable } from './daemon.ts';
import type { Freshness } from './freshness.ts';
import type { Verification } from './verification.ts';

/** A table whose freshness and last verification can be told before its first run here, as `readNotes` does. */
export interface ObservedTable extends DaemonTable {
  readonly readNotes: () => Promise<Notes>;
}

/** What runs and verifications left beside the table; `undefined` where there was none. */
export interface Notes {
  readonly freshness: Freshness | undefined;
  readonly verification: Verification | undefined;
}

export interface ObserveContext {
  readonly metrics: CoordinatorMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Checked = Pick<Freshness, 'checkedAt' | 'watermark'>;

const READS_AT_ONCE = 8;

/** Wraps a daemon's `resolve`: the metrics hear of the tables, of their freshness as it was left, and of each run. */
export function observed(
  resolve: () => Promise<readonly ObservedTable[]>,
  { metrics, clock, logger }: ObserveContext,
): () => Promise<readonly DaemonTable[]> {
  /** The newest check known, by table. */
  const checks = new Map<string, number>();
  const note = (table: string, checked: Checked) => {
    // A note that was read while a run ended is older than that run.
    if (checked.checkedAt < (checks.get(table) ?? Number.NEGATIVE_INFINITY)) return;
    checks.set(table, checked.checkedAt);
    metrics.fresh(table, checked);
  };
  const read = async ({ name, readNotes }: ObservedTable) => {
    try {
      const { freshness, verification } = await readNotes();
      if (verification !== undefined) metrics.verified(name, verification);
      if (freshness !== undefined) note(name, freshness);
    } catch (error) {
      // Asked again with the next list of tables.
      logger.debug('the notes beside the table could not be read', { table: name, code: asMongolakeError(error).code });
    }
  };
  const sync = async (table: ObservedTable, signal: AbortSignal) => {
    const started = clock.monotonic();
    const ended = (outcome: RunOutcome, result?: RunResult) =>
      metrics.runEnded(table.name, outcome, clock.now(), clock.monotonic() - started, result);
    metrics.runStarted(table.name);
    try {
      const result = await table.sync(signal);
      ended(result.version === null ? 'unchanged' : 'committed', result);
      note(table.name, result);
      return result;
    } catch (error) {
      const { code } = asMongolakeError(error);
      ended(code === 'LEASE_HELD' || code === 'INTERRUPTED' ? 'skipped' : 'failed');
      // Another process does this table's runs: what it left is what there is to know.
      if (code === 'LEASE_HELD') void read(table);
      throw error;
    }
  };
  const verify = async (table: ObservedTable, signal: AbortSignal) => {
    const result = await table.verify(signal);
    if (result !== undefined) metrics.verified(table.name, result);
    return result;
  };
  let reading = false;
  return async () => {
    const tables = await resolve();
    const names = new Set(tables.map(({ name }) => name));
    metrics.tables([...names]);
    for (const name of checks.keys()) if (!names.has(name)) checks.delete(name);
    // Not waited for: a store that is slow or away holds up no schedule. Nor is it asked again before it has answered.
    if (!reading) {
      reading = true;
      const unread = tables.filter(({ name }) => !checks.has(name));
      void pMap(unread, read, { concurrency: READS_AT_ONCE }).finally(() => {
        reading = false;
      });
    }
    return tables.map((table) => ({
      ...table,
      sync: (signal) => sync(table, signal),
      verify: (signal) => verify(table, signal),
    }));
  };
}
