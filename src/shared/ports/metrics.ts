import type { Difference } from '../domain/comparison.ts';
import type { TableContents } from '../domain/contents.ts';
import type { MongolakeError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import type { Counts } from '../domain/receipt.ts';
import type { StageDurations } from '../domain/stage.ts';

/** What a job handled: documents it read, bytes it read and wrote. */
export interface JobSummary {
  readonly rows: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/**
 * `handed_back`: the worker was told to stop, or lost the job's lock; another worker does it. `other_version`: the run was planned by another
 * version of mongolake than the worker is of, as in a rollout.
 */
export type JobResult = 'done' | 'failed' | 'handed_back' | 'other_version';

/** Told of a worker's jobs. No call throws or waits. */
export interface WorkerMetrics {
  /** `attempt` is 1 for the first try. */
  jobStarted(kind: Job['kind'], attempt: number): void;
  /** `summary` of a job that is done. */
  jobEnded(kind: Job['kind'], result: JobResult, durationMs: number, summary?: JobSummary): void;
}

/** `skipped`: another run held the lease, or the coordinator was told to stop; nothing is wrong. */
export type RunOutcome = 'committed' | 'unchanged' | 'failed' | 'skipped';

/** Figures of a run that ended well. */
export interface RunFigures {
  /** `null` where nothing was committed. */
  readonly version: number | null;
  readonly counts: Counts;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly stagesMs: StageDurations;
  /** What the table has after it, where that is known. */
  readonly contents?: TableContents;
  /** Documents that it put on the list of what can't be stored. */
  readonly newlyQuarantined?: number;
}

/** A table, and how old it and its last verification may be; `undefined` where nothing says. Milliseconds. */
export interface TableLimits {
  readonly name: string;
  readonly freshnessLimit_ms: number | undefined;
  readonly verificationLimit_ms: number | undefined;
}

/** Told of what goes on within a run. No call throws or waits. */
export interface RunObserver {
  /** Whether this process has the table's lease from now on. */
  leaseHeld(isHeld: boolean): void;
  /** So many jobs were handed out again, since nothing was heard of them. */
  enqueuedAgain(jobs: number): void;
}

/** How a run ended. Times are milliseconds, `at` since the epoch. */
export interface RunEnd {
  readonly outcome: RunOutcome;
  readonly at: number;
  readonly durationMs: number;
  /** Of a run that ended well. */
  readonly figures?: RunFigures | undefined;
  /** Of one that failed, or was skipped. */
  readonly error?: MongolakeError | undefined;
}

/** What a verification found that began at `checkedAt`, epoch milliseconds. */
export interface FoundDifferences {
  readonly checkedAt: number;
  readonly differences: Readonly<Record<Difference, number>>;
  /** The version that made it right; `null` where none was made. */
  readonly repairedIn: number | null;
}

/** Told of a coordinator's tables and runs. No call throws or waits. What is said of a table that is not there is ignored. */
export interface CoordinatorObserver {
  /** The tables there are now. What was known of others is forgotten. */
  tables(tables: readonly TableLimits[]): void;
  /** `at` is epoch milliseconds. */
  runStarted(table: string, at: number): void;
  runEnded(table: string, end: RunEnd): void;
  /** Epoch milliseconds: what the source held at `checkedAt` is in the table. */
  fresh(table: string, freshness: { readonly checkedAt: number; readonly watermark: number | null }): void;
  /** What the last verification found; `isNew` where this process has just done it. */
  verified(table: string, found: FoundDifferences, isNew: boolean): void;
  /** What the newest version has that is known; `undefined` where there is no table yet. */
  contents(table: string, contents: TableContents | undefined): void;
}

export interface CoordinatorMetrics extends CoordinatorObserver {
  /** Hears what goes on within the runs of a table. */
  observer(table: string): RunObserver;
}
