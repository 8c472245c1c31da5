import pMap from 'p-map';
import type { TableContents } from '../shared/domain/contents.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { CoordinatorObserver, RunEnd, TableLimits } from '../shared/ports/metrics.ts';
import type { RunResult } from './carry-out.ts';
import { type DaemonTable, isSkipped } from './daemon.ts';
import type { Freshness } from './freshness.ts';
import { freshnessLimit, verificationLimit } from './limits.ts';
import type { Verification } from './verification.ts';
import type { Verified } from './verify.ts';

/** A table whose standing can be told before its first run here. */
export interface ObservedTable extends DaemonTable {
  /** As configured: how old it may be before it is stale, milliseconds. */
  readonly staleAfter?: number | undefined;
  readonly readNotes: () => Promise<Notes>;
  /** What its newest version has; `undefined` where there is none. */
  readonly readContents: () => Promise<TableContents | undefined>;
}

/** What runs and verifications left beside the table; `undefined` where there was none. */
export interface Notes {
  readonly freshness: Freshness | undefined;
  readonly verification: Verification | undefined;
}

export interface ObserveContext {
  readonly observers: readonly CoordinatorObserver[];
  readonly clock: Clock;
  readonly logger: Logger;
}

type Checked = Pick<Freshness, 'checkedAt' | 'watermark'>;

interface Observing extends Omit<ObserveContext, 'observers'> {
  readonly observer: CoordinatorObserver;
  /** The newest check known, by table. */
  readonly checks: Map<string, number>;
  /** The newest version known, by table. */
  readonly versions: Map<string, number>;
  /** Tables of which all is known that was left of them. */
  readonly known: Set<string>;
}

const READS_AT_ONCE = 8;

/** Wraps a daemon's `resolve`: the observers hear of the tables, of how they stood before, and of each run. */
export function observed(
  resolve: () => Promise<readonly ObservedTable[]>,
  context: ObserveContext,
): () => Promise<readonly DaemonTable[]> {
  const observing = {
    ...context,
    observer: all(context.observers),
    checks: new Map<string, number>(),
    versions: new Map<string, number>(),
    known: new Set<string>(),
  };
  const { observer, checks, versions, known } = observing;
  let reading = false;
  return async () => {
    const tables = await resolve();
    const names = new Set(tables.map(({ name }) => name));
    observer.tables(tables.map(limitsOf));
    for (const kept of [checks, versions, known])
      for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
    // Not waited for: a store that is slow or away holds up no schedule. Nor is it asked again before it has answered.
    if (!reading) {
      reading = true;
      const unread = tables.filter(({ name }) => !known.has(name));
      void pMap(unread, (table) => read(table, observing), { concurrency: READS_AT_ONCE }).finally(() => {
        reading = false;
      });
    }
    return tables.map((table) => ({
      ...table,
      sync: (signal) => sync(table, signal, observing),
      verify: (signal) => verify(table, signal, observing),
    }));
  };
}

/** Tells each of them. */
function all(observers: readonly CoordinatorObserver[]): CoordinatorObserver {
  const each =
    <Args extends unknown[]>(tell: (observer: CoordinatorObserver) => (...args: Args) => void) =>
    (...args: Args) => {
      for (const observer of observers) tell(observer)(...args);
    };
  return {
    tables: each((one) => one.tables),
    runStarted: each((one) => one.runStarted),
    runEnded: each((one) => one.runEnded),
    fresh: each((one) => one.fresh),
    verified: each((one) => one.verified),
    contents: each((one) => one.contents),
  };
}

function limitsOf({ name, staleAfter, schedule, verifySchedule }: ObservedTable): TableLimits {
  return {
    name,
    freshnessLimit_ms: freshnessLimit({ staleAfter, schedule }),
    verificationLimit_ms: verificationLimit(verifySchedule),
  };
}

function noteCheck(table: string, checked: Checked, { observer, checks }: Observing): void {
  // A note that was read while a run ended is older than that run.
  if (checked.checkedAt < (checks.get(table) ?? Number.NEGATIVE_INFINITY)) return;
  checks.set(table, checked.checkedAt);
  observer.fresh(table, checked);
}

function noteContents(table: string, contents: TableContents, { observer, versions }: Observing): void {
  versions.set(table, contents.version);
  observer.contents(table, contents);
}

/** Tells of what was left of the table before. Where something can't be read, it is asked for again with the next list of tables. */
async function read({ name, readNotes, readContents }: ObservedTable, observing: Observing): Promise<void> {
  const { observer, logger, checks, versions, known } = observing;
  try {
    const [notes, contents] = await Promise.allSettled([readNotes(), readContents()]);
    if (notes.status === 'fulfilled') {
      const { freshness, verification } = notes.value;
      if (verification !== undefined) observer.verified(name, verification, false);
      if (freshness !== undefined) noteCheck(name, freshness, observing);
    }
    // As for the check: a run may have ended meanwhile.
    const newest = versions.get(name);
    if (contents.status === 'fulfilled') {
      const found = contents.value;
      if (found === undefined && newest === undefined) observer.contents(name, undefined);
      if (found !== undefined && found.version >= (newest ?? 0)) noteContents(name, found, observing);
    }
    for (const what of [notes, contents]) if (what.status === 'rejected') throw what.reason;
    // Until there is one, another process may make the table.
    if (checks.has(name)) known.add(name);
  } catch (error) {
    logger.debug('how the table stands could not be read', { table: name, code: asMongolakeError(error).code });
  }
}

async function sync(table: ObservedTable, signal: AbortSignal, observing: Observing): Promise<RunResult> {
  const { observer, clock } = observing;
  const started = clock.monotonic();
  const ended = (end: Pick<RunEnd, 'outcome' | 'figures' | 'error'>) =>
    observer.runEnded(table.name, { ...end, at: clock.now(), durationMs: clock.monotonic() - started });
  observer.runStarted(table.name, clock.now());
  try {
    const result = await table.sync(signal);
    ended({ outcome: result.version === null ? 'unchanged' : 'committed', figures: result });
    noteCheck(table.name, result, observing);
    if (result.contents !== undefined) noteContents(table.name, result.contents, observing);
    return result;
  } catch (error) {
    const known = asMongolakeError(error);
    const { code } = known;
    ended({ outcome: isSkipped(known) ? 'skipped' : 'failed', error: known });
    // Another process does this table's runs: what it left is what there is to know.
    if (code === 'LEASE_HELD') void read(table, observing);
    throw error;
  }
}

async function verify(table: ObservedTable, signal: AbortSignal, observing: Observing): Promise<Verified | undefined> {
  try {
    const result = await table.verify(signal);
    if (result === undefined) return undefined;
    const { repaired } = result;
    observing.observer.verified(table.name, { ...result, repairedIn: repaired?.version ?? null }, true);
    if (repaired?.contents !== undefined) noteContents(table.name, repaired.contents, observing);
    return result;
  } catch (error) {
    // What it found before it failed, as where a repair was refused, is noted beside the table.
    void read(table, observing);
    throw error;
  }
}
