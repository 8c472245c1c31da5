import { MongolakeError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import type { Delivery, JobProgress } from '../ports/queue.ts';

export type RunOutcome = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

/** One delivery in progress. */
export interface Run {
  /** How the handler ended. Never rejects. */
  readonly outcome: Promise<RunOutcome>;
  /** Resolves when the delivery is taken from the handler because the consumer stops. */
  readonly released: Promise<void>;
  isReleased(): boolean;
  isLost(): boolean;
  /** The consumer stops: abort, and hand the job back without waiting for the handler. */
  release(): void;
  /** The lock is gone: abort. The handler keeps its place until it ends, so that no more run at once than allowed. */
  lose(): void;
}

export interface RunInput {
  readonly job: Job;
  readonly attempt: number;
  progress(value: JobProgress): Promise<void>;
}

/** How long `drain` and `stop` wait for handlers after their signal was aborted. */
export const ABORT_GRACE_MS = 5_000;

/** Calls the handler with an AbortSignal of its own. */
export function startRun(handler: (delivery: Delivery) => Promise<void>, input: RunInput): Run {
  const controller = new AbortController();
  let tellReleased = () => {};
  const whenReleased = new Promise<void>((resolve) => {
    tellReleased = resolve;
  });
  let released = false;
  let lost = false;
  const delivery: Delivery = { ...input, signal: controller.signal };
  const outcome = Promise.resolve()
    .then(() => handler(delivery))
    .then(
      (): RunOutcome => ({ ok: true }),
      (error: unknown): RunOutcome => ({ ok: false, error }),
    );
  return {
    outcome,
    released: whenReleased,
    isReleased: () => released,
    isLost: () => lost,
    release: () => {
      released = true;
      controller.abort(
        new MongolakeError('INTERRUPTED', `the worker stops; job ${input.job.id} goes back to the queue`),
      );
      tellReleased();
    },
    lose: () => {
      lost = true;
      controller.abort(
        new MongolakeError('QUEUE_UNREACHABLE', `the lock on job ${input.job.id} is lost; another worker may have it`),
      );
    },
  };
}
