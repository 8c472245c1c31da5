import type { Difference } from '../domain/comparison.ts';
import type { TableContents } from '../domain/contents.ts';
import type { Job } from '../domain/job.ts';
import type { Counts } from '../domain/receipt.ts';
import type { StageDurations } from '../domain/stage.ts';

/** What a job handled: documents it read, bytes it read and wrote. */
export interface JobSummary {
  readonly rows: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** `handed_back`: the worker was told to stop, or lost the job's lock; another worker does it. */
export type JobResult = 'done' | 'failed' | 'handed_back';

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
  readonly counts: Counts;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly stagesMs: StageDurations;
}

/** A table, and how old it and its last verification may be; `undefined` where nothing says. Milliseconds. */
export interface TableLimits {
  readonly name: string;
  readonly freshnessLimit_ms: number | undefined;
  readonly verificationLimit_ms: number | undefined;
}

/** What a verification found, and whether it made that right. */
export interface VerificationFigures {
  readonly checkedAt: number;
  readonly differences: Readonly<Record<Difference, number>>;
  readonly isRepaired: boolean;
}

/** Told of what goes on within a run. No call throws or waits. */
export interface RunObserver {
  /** Whether this process has the table's lease from now on. */
  leaseHeld(isHeld: boolean): void;
  /** So many jobs were handed out again, since nothing was heard of them. */
  enqueuedAgain(jobs: number): void;
}

/** Told of a coordinator's tables and runs. No call throws or waits. What is said of a table that is not there is ignored. */
export interface CoordinatorMetrics {
  /** The tables there are now. What was known of others is forgotten. */
  tables(tables: readonly TableLimits[]): void;
  /** Hears what goes on within the runs of a table. */
  observer(table: string): RunObserver;
  /** `at` is epoch milliseconds. */
  runStarted(table: string, at: number): void;
  /** `at` is epoch milliseconds; `figures` of a run that ended well. */
  runEnded(table: string, outcome: RunOutcome, at: number, durationMs: number, figures?: RunFigures): void;
  /** Epoch milliseconds: what the source held at `checkedAt` is in the table. */
  fresh(table: string, freshness: { readonly checkedAt: number; readonly watermark: number | null }): void;
  /** What the last verification found that began at `checkedAt`, epoch milliseconds. */
  verified(table: string, found: VerificationFigures): void;
  /** What the newest version has that is known. */
  contents(table: string, contents: TableContents): void;
}
