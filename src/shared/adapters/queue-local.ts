import { MongolakeError } from '../domain/errors.ts';
import { fractionOf } from '../domain/fraction.ts';
import type { Job } from '../domain/job.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  ConsumeOptions,
  Consumer,
  Delivery,
  JobError,
  JobProgress,
  JobState,
  Queue,
  QueueDepth,
} from '../ports/queue.ts';
import { within } from '../within.ts';
import { isRetryable, jobErrorOf } from './queue-failure.ts';
import { createHints, type Hints } from './queue-hints.ts';
import { backoffDelayMs, checkJobs, RETRY_DEFAULTS, type RetryPolicy } from './queue-job.ts';
import { ABORT_GRACE_MS, type Run, type RunOutcome, startRun } from './queue-run.ts';

export interface LocalQueueOptions {
  /** Tries in all that may end in an error. */
  readonly attempts?: number;
  /** Rest after the first failed try, milliseconds; doubles with each. */
  readonly backoffMs?: number;
  /** Done and failed jobs that are remembered; the oldest are forgotten first. */
  readonly keep?: number;
}

type Stage = 'waiting' | 'delayed' | 'active' | 'done' | 'failed';

interface Entry {
  readonly job: Job;
  stage: Stage;
  deliveries: number;
  failures: number;
  progress: JobProgress | undefined;
  error: JobError | undefined;
}

interface LocalConsumer {
  readonly handler: (delivery: Delivery) => Promise<void>;
  readonly concurrency: number;
  readonly onLook: (() => void) | undefined;
  readonly runs: Set<Run>;
  open: boolean;
}

interface State {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly keep: number;
  readonly hints: Hints;
  readonly entries: Map<string, Entry>;
  /** Waiting jobs by priority, in the order in which they came. */
  readonly waiting: Map<number, Set<Entry>>;
  /** Ids of done and failed jobs, oldest first. */
  readonly finished: Set<string>;
  readonly consumers: Set<LocalConsumer>;
  /** Aborted by `close`: ends the rests between tries. */
  readonly closing: AbortController;
}

/**
 * A queue in this process, for `queue: { kind: local }`: nothing outlives the process, and nothing needs to. Never rejects with
 * `QUEUE_UNREACHABLE`.
 */
export function localQueue(clock: Clock, options: LocalQueueOptions = {}): Queue {
  const state: State = {
    clock,
    policy: {
      attempts: options.attempts ?? RETRY_DEFAULTS.attempts,
      backoffMs: options.backoffMs ?? RETRY_DEFAULTS.backoffMs,
    },
    keep: options.keep ?? 10_000,
    hints: createHints(clock),
    entries: new Map(),
    waiting: new Map(),
    finished: new Set(),
    consumers: new Set(),
    closing: new AbortController(),
  };
  return {
    enqueue: async (jobs) => enqueue(state, jobs),
    states: async (ids) => ids.map((id) => stateOf(state.entries.get(id))),
    forget: async (ids) => forget(state, ids),
    consume: async (handler, options) => consume(state, handler, options),
    depth: async () => depth(state),
    waitForHint: (timeoutMs, signal) => state.hints.wait(timeoutMs, signal),
    close: async () => {
      state.closing.abort();
      state.hints.close();
      await Promise.all([...state.consumers].map((consumer) => stop(state, consumer)));
    },
  };
}

function enqueue(state: State, jobs: readonly Job[]): void {
  refuseClosed(state);
  checkJobs(jobs);
  for (const job of jobs) {
    if (state.entries.has(job.id)) continue;
    const entry: Entry = { job, stage: 'waiting', deliveries: 0, failures: 0, progress: undefined, error: undefined };
    state.entries.set(job.id, entry);
    addWaiting(state, entry);
  }
  pump(state);
}

function addWaiting(state: State, entry: Entry): void {
  entry.stage = 'waiting';
  const { priority } = entry.job;
  const bucket = state.waiting.get(priority);
  if (bucket === undefined) state.waiting.set(priority, new Set([entry]));
  else bucket.add(entry);
}

function takeWaiting(state: State): Entry | undefined {
  // 0 is no priority and comes before all, which is also where it sorts.
  let first: number | undefined;
  for (const priority of state.waiting.keys()) if (first === undefined || priority < first) first = priority;
  if (first === undefined) return undefined;
  const [entry] = state.waiting.get(first) ?? [];
  if (entry !== undefined) removeWaiting(state, entry);
  return entry;
}

function removeWaiting(state: State, entry: Entry): void {
  const { priority } = entry.job;
  const bucket = state.waiting.get(priority);
  bucket?.delete(entry);
  if (bucket?.size === 0) state.waiting.delete(priority);
}

function stateOf(entry: Entry | undefined): JobState {
  if (entry === undefined) return { state: 'unknown' };
  if (entry.stage === 'failed' && entry.error !== undefined) return { state: 'failed', error: entry.error };
  if (entry.stage === 'done') return { state: 'done' };
  if (entry.stage !== 'active') return { state: 'waiting' };
  return entry.progress === undefined ? { state: 'active' } : { state: 'active', progress: entry.progress };
}

function forget(state: State, ids: readonly string[]): void {
  for (const id of ids) {
    const entry = state.entries.get(id);
    if (entry === undefined || entry.stage === 'active') continue;
    if (entry.stage === 'waiting') removeWaiting(state, entry);
    state.finished.delete(id);
    state.entries.delete(id);
  }
}

function depth(state: State): QueueDepth {
  const counts = { waiting: 0, prioritized: 0, active: 0, delayed: 0, failed: 0, done: 0 };
  for (const { stage, job } of state.entries.values()) {
    counts[stage === 'waiting' && job.priority > 0 ? 'prioritized' : stage]++;
  }
  const { done: _, ...told } = counts;
  return told;
}

function consume(
  state: State,
  handler: (delivery: Delivery) => Promise<void>,
  { concurrency, onLook }: ConsumeOptions,
): Consumer {
  refuseClosed(state);
  const consumer: LocalConsumer = { handler, concurrency, onLook, runs: new Set(), open: true };
  state.consumers.add(consumer);
  pump(state);
  return {
    drain: async (timeoutMs) => {
      consumer.open = false;
      await within(state.clock, timeoutMs, ended(consumer));
      await stop(state, consumer);
    },
    stop: () => stop(state, consumer),
  };
}

/** Gives waiting jobs to consumers that have room. */
function pump(state: State): void {
  for (const consumer of state.consumers) {
    while (consumer.open && consumer.runs.size < consumer.concurrency) {
      const entry = takeWaiting(state);
      if (entry === undefined) return;
      void deliver(state, consumer, entry);
    }
  }
}

async function deliver(state: State, consumer: LocalConsumer, entry: Entry): Promise<void> {
  consumer.onLook?.();
  entry.stage = 'active';
  entry.deliveries++;
  entry.progress = undefined;
  const run = startRun(consumer.handler, {
    job: entry.job,
    attempt: entry.deliveries,
    progress: async (value) => {
      if (!run.isReleased()) entry.progress = { done: value.done, bytes: value.bytes };
    },
  });
  consumer.runs.add(run);
  void run.outcome.then(() => consumer.runs.delete(run));
  const outcome = await Promise.race([run.outcome, run.released]);
  if (outcome?.ok) finish(state, entry, undefined);
  else if (outcome === undefined || run.isReleased()) addWaiting(state, entry);
  else fail(state, entry, outcome);
  pump(state);
}

function fail(state: State, entry: Entry, outcome: RunOutcome & { ok: false }): void {
  entry.failures++;
  if (!isRetryable(outcome.error) || entry.failures >= state.policy.attempts) {
    finish(state, entry, jobErrorOf(outcome.error));
    return;
  }
  entry.stage = 'delayed';
  const random = fractionOf(state.clock.randomHex(4));
  const { signal } = state.closing;
  state.clock.sleep(backoffDelayMs(state.policy, entry.failures, random), signal).then(
    () => {
      // It may have been forgotten, and even enqueued anew, in the meantime.
      if (state.entries.get(entry.job.id) !== entry) return;
      addWaiting(state, entry);
      pump(state);
    },
    (error: unknown) => {
      if (!signal.aborted) throw error;
    },
  );
}

function finish(state: State, entry: Entry, error: JobError | undefined): void {
  entry.stage = error === undefined ? 'done' : 'failed';
  entry.error = error;
  state.finished.add(entry.job.id);
  for (const id of state.finished) {
    if (state.finished.size <= state.keep) break;
    state.finished.delete(id);
    state.entries.delete(id);
  }
  state.hints.notify();
}

function ended(consumer: LocalConsumer): Promise<unknown> {
  return Promise.all([...consumer.runs].map((run) => run.outcome));
}

/** Aborts what runs and puts it back. Waits for the handlers to notice, for a bounded time. */
async function stop(state: State, consumer: LocalConsumer): Promise<void> {
  consumer.open = false;
  state.consumers.delete(consumer);
  for (const run of consumer.runs) run.release();
  await within(state.clock, ABORT_GRACE_MS, ended(consumer));
}

function refuseClosed(state: State): void {
  if (state.closing.signal.aborted) throw new MongolakeError('INTERNAL', 'the queue was used after it was closed');
}
