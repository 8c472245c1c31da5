import type { Job } from '../domain/job.ts';

/** A job as a worker receives it. */
export interface Delivery {
  readonly job: Job;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Aborted when the lock on the job is lost or the worker is told to stop at once: another worker may have it by then. */
  readonly signal: AbortSignal;
  /** Tells how far the job is; best effort, shown in dashboards. At most a few hundred bytes of JSON. */
  progress(value: JobProgress): Promise<void>;
}

export interface JobProgress {
  /** Documents (extract) or rows (merge) done so far. */
  readonly done: number;
  readonly bytes: number;
}

export type JobState =
  /** Not known to the queue: never enqueued, or the queue lost its memory. Enqueue again. */
  | { readonly state: 'unknown' }
  | { readonly state: 'waiting' }
  | { readonly state: 'active'; readonly progress?: JobProgress }
  | { readonly state: 'done' }
  /** Out of tries. `error` is redacted and carries the code of the last failure. */
  | { readonly state: 'failed'; readonly error: JobError };

export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly retryable: boolean;
}

export interface QueueDepth {
  readonly waiting: number;
  readonly prioritized: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

/** Runs deliveries. Stop it with `drain` (finish what runs, take nothing new) or `stop` (abort what runs, hand it back). */
export interface Consumer {
  drain(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ConsumeOptions {
  /** Jobs run at once by this consumer. */
  readonly concurrency: number;
  /**
   * Told that the consumer's loop goes on: with each job that it takes, and while it has room for more at least every half minute,
   * also while the queue's server is away. A queue without a loop, as the local one, tells of jobs only. Must not throw.
   */
  readonly onLook?: (() => void) | undefined;
}

/**
 * A queue of jobs that holds no truth: it may lose, repeat or reorder jobs at any time, and only receipts in object
 * storage tell what is done. Delivery is at least once, also twice at the same time. A handler that throws a retryable error
 * is tried again with back-off (bounded tries); another error fails the job at once.
 * Errors: `QUEUE_UNREACHABLE` (retryable), in bounded time, from every producer call.
 */
export interface Queue {
  /** Adds jobs; idempotent by `job.id` while the queue remembers it. Higher priority (a smaller number) is taken first. */
  enqueue(jobs: readonly Job[]): Promise<void>;
  /** Where each job is, in the order of `ids`. */
  states(ids: readonly string[]): Promise<readonly JobState[]>;
  /** Forgets jobs that are not running, so that an id can be enqueued anew. Running ones are left. */
  forget(ids: readonly string[]): Promise<void>;
  consume(handler: (delivery: Delivery) => Promise<void>, options: ConsumeOptions): Promise<Consumer>;
  depth(): Promise<QueueDepth>;
  /** Resolves when some job may have finished since the call, or after `timeoutMs`: a hint to look at the receipts. */
  waitForHint(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
