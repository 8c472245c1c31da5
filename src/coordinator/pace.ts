import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type HistoryEntry, readHistory } from './history.ts';

/** A run that is over: how much it had to do, in units of its kind, and how many milliseconds it took. */
export interface Past {
  readonly units: number;
  readonly ms: number;
}

/** How long something would take, roughly. */
export interface Duration {
  /** Milliseconds; `undefined` where it is not known how much there is to do. */
  readonly ms: number | undefined;
  /** The runs of this table that it is reckoned from; 0 where there is none, and `RATES` were taken. */
  readonly runs: number;
}

/** What a run takes where there is none to learn from, units a second: one worker with two cores near its store, which is a guess. */
export const RATES = {
  /** Documents read and merged. */
  read: 20_000,
  /** Documents compared by their cursors, or in every column. */
  compare: 50_000,
  compareDeep: 20_000,
  /** Bytes of table files written anew. */
  rewrite: 20e6,
} as const;

/** What every run takes where there is none to learn from, milliseconds. */
const LEAST_MS = 2_000;

/**
 * How long `units` would take, by what runs like it took: units go at the best rate that any of them had, and what they took beside that, by
 * the median, every run takes.
 */
export function estimateDuration(units: number | undefined, past: readonly Past[], perSecond: number): Duration {
  const known = past.filter(({ units: own, ms }) => own > 0 && ms > 0);
  const runs = known.length;
  if (units === undefined) return { ms: undefined, runs: 0 };
  if (runs === 0) return { ms: Math.round(LEAST_MS + (units / perSecond) * 1000), runs };
  const perMs = Math.max(...known.map(({ units: own, ms }) => own / ms));
  return { ms: Math.round(median(known.map(({ units: own, ms }) => ms - own / perMs)) + units / perMs), runs };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

const READINGS: ReadonlySet<string | undefined> = new Set(['SYNC', 'BACKFILL', 'REPLACE']);
const REWRITES: ReadonlySet<string | undefined> = new Set(['REPARTITION', 'COMPACT']);
/** Runs that tell how long the next one takes. */
const LAST_RUNS = 5;
/** Versions among which they are looked for. */
const LAST_VERSIONS = 20;

/** What runs of this table took, newest first. */
export interface PastRuns {
  /** In documents read. */
  readonly readings: readonly Past[];
  /** In bytes of the files that were written anew. */
  readonly rewrites: readonly Past[];
}

/** The last runs by their log entries; none where there is no table, or an entry is damaged that can be done without. Errors: the storage's. */
export async function readPastRuns(storage: Storage): Promise<PastRuns> {
  try {
    return pastRuns(await readHistory(storage, LAST_VERSIONS));
  } catch (error) {
    if (asMongolakeError(error).code !== 'TABLE_CORRUPT') throw error;
    return pastRuns([]);
  }
}

/** Of the versions, newest first, those that tell of runs of each kind. */
export function pastRuns(history: readonly HistoryEntry[]): PastRuns {
  const of = (operations: typeof READINGS, units: (entry: HistoryEntry) => number) =>
    history
      .filter(({ operation }) => operations.has(operation))
      .map((entry) => ({ units: units(entry), ms: entry.durationMs ?? 0 }))
      .filter((past) => past.units > 0 && past.ms > 0)
      .slice(0, LAST_RUNS);
  return {
    readings: of(READINGS, ({ counts }) => counts?.read ?? 0),
    rewrites: of(REWRITES, ({ bytesRemoved }) => bytesRemoved),
  };
}
