import pMap from 'p-map';
import { crashPoint } from '../shared/crash-points.ts';
import { readJson } from '../shared/documents.ts';
import type { CompareReceipt } from '../shared/domain/comparison.ts';
import { isErrorCode, MongolakeError } from '../shared/domain/errors.ts';
import type { Job } from '../shared/domain/job.ts';
import { receiptIndex, receiptKey, receiptsPrefix } from '../shared/domain/keys.ts';
import { type ExtractReceipt, type MergeReceipt, workOf } from '../shared/domain/receipt.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { RunObserver } from '../shared/ports/metrics.ts';
import type { JobState, Queue } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { patientQueue } from './queue-outage.ts';

export interface DispatchContext {
  readonly storage: Storage;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Called after each look: jobs done, and documents and bytes of these and of the running ones. */
  readonly onProgress: (done: number, work: { readonly documents: number; readonly bytes: number }) => void;
  /** A run in which no job runs or ends for so long is given up, milliseconds. */
  readonly stallTimeoutMs: number;
  readonly observer?: RunObserver | undefined;
}

type Receipt = ExtractReceipt | MergeReceipt | CompareReceipt;

type ActiveState = Extract<JobState, { readonly state: 'active' }>;

const POLL_MS = 1000;
const READS_AT_ONCE = 16;
/** After this long without a worker, the log says so. */
const LONELY_MS = 10_000;

/**
 * Enqueues the jobs that have no receipt yet, at most `atOnce` at a time, and waits until each has a receipt in object storage; returns the
 * receipts in the order of the jobs. The queue is only asked what went wrong: a job that it has forgotten is enqueued again, one that it gave
 * up fails the run. While the queue is away the receipts alone are looked at.
 */
export async function dispatch<R extends Receipt>(
  kind: Job['kind'],
  jobs: readonly Job[],
  context: DispatchContext,
  atOnce = Number.POSITIVE_INFINITY,
): Promise<readonly R[]> {
  const { queue, signal } = context;
  const run = jobs[0]?.run;
  if (run === undefined) return [];
  const byIndex = new Map(jobs.map((job) => [indexOf(job), job]));
  const receipts = new Map<number, R>();
  try {
    await waitForReceipts(kind, run, byIndex, receipts, atOnce, context);
  } catch (error) {
    await forgetQuietly(queue, jobs, context.logger);
    throw error;
  }
  signal.throwIfAborted();
  return jobs.map((job) => receipts.get(indexOf(job)) as R);
}

function indexOf(job: Job): number {
  return job.kind === 'merge' ? job.partition : job.ordinal;
}

/**
 * Jobs of a run that failed must not keep workers busy; where the queue can't be told, they find no plan and fail by themselves.
 * Those that ended stay, so that people can look up in the queue what failed.
 */
async function forgetQuietly(queue: Queue, jobs: readonly Job[], logger: Logger): Promise<void> {
  try {
    const ids = jobs.map((job) => job.id);
    const states = await queue.states(ids);
    await queue.forget(ids.filter((_, index) => states[index]?.state === 'waiting'));
  } catch (error) {
    logger.warn('the jobs of the failed run could not be taken back', { error: (error as Error).message });
  }
}

/** Fills `receipts`, by the jobs' indexes. */
async function waitForReceipts(
  kind: Job['kind'],
  run: string,
  jobs: ReadonlyMap<number, Job>,
  receipts: Map<number, Receipt>,
  atOnce: number,
  context: DispatchContext,
): Promise<void> {
  const { storage, queue, clock, logger, signal, onProgress } = context;
  const missing = new Map(jobs);
  const patient = patientQueue(clock, logger);
  const enqueued = new Set<Job>();
  const enqueue = async (some: readonly Job[]) => {
    await enqueueAnew(some, queue);
    for (const job of some) enqueued.add(job);
  };
  /** The queue has forgotten them, or calls them done, and no receipt had been there before it was asked. */
  let suspects: readonly Job[] = [];
  let movedAt = clock.monotonic();
  let warned = false;
  for (;;) {
    signal.throwIfAborted();
    const before = missing.size;
    const found = await strikeOut(missing, storage, receiptsPrefix(run, kind));
    await readReceipts(found, receipts, (index) => readJson(storage, receiptKey(run, kind, index)));
    if (missing.size === 0) return onProgress(jobs.size, workDone(receipts));
    // Only now: a receipt is written before the queue hears of the end, so one that came meanwhile is there.
    const lost = suspects.filter((job) => missing.has(indexOf(job)));
    if (lost.length > 0) {
      logger.debug('jobs without a receipt are enqueued again', { jobs: lost.length });
      await patient.ask(async () => {
        await enqueue(lost);
        context.observer?.enqueuedAgain(lost.length);
      });
    }
    // The first ones that are missing: whoever takes the run up means the same ones.
    const due = [...missing.values()].slice(0, atOnce);
    // Where the queue was away when they were to be enqueued, they are as soon as it is back; what it says before that is of an earlier try.
    const fresh = due.filter((job) => !enqueued.has(job));
    if (fresh.length > 0) await patient.ask(() => enqueue(fresh));
    crashPoint(`${kind}-enqueued`);
    const known = due.filter((job) => enqueued.has(job));
    const asked = known.length > 0 ? await patient.ask(() => askAfter(known, queue)) : undefined;
    suspects = asked?.suspects ?? [];
    const running = asked?.running ?? [];
    const finished = workDone(receipts);
    onProgress(jobs.size - missing.size, {
      documents: running.reduce((sum, state) => sum + (state.progress?.done ?? 0), finished.documents),
      bytes: running.reduce((sum, state) => sum + (state.progress?.bytes ?? 0), finished.bytes),
    });
    if (missing.size < before || running.length > 0) movedAt = clock.monotonic();
    const idle = clock.monotonic() - movedAt;
    if (idle > context.stallTimeoutMs) throw stalled(kind, missing.size, idle, patient.away());
    if (idle > LONELY_MS && !warned && patient.away() === undefined) {
      warned = true;
      logger.warn(
        `no worker has taken a job for ${Math.round(idle / 1000)} s: is a \`mongolake worker\` running on this queue?`,
        { waiting: missing.size },
      );
    }
    await queue.waitForHint(POLL_MS, signal);
  }
}

/** Takes out the jobs that have a receipt, and returns their indexes. */
async function strikeOut(missing: Map<number, Job>, storage: Storage, prefix: string): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { key } of storage.list(prefix)) {
    const index = receiptIndex(key);
    if (missing.delete(index)) found.push(index);
  }
  return found;
}

/** Reads what has come, so that the last receipt is not waited for by all others. */
async function readReceipts(
  found: readonly number[],
  receipts: Map<number, Receipt>,
  read: (index: number) => Promise<Receipt>,
): Promise<void> {
  await pMap(found, async (index) => void receipts.set(index, await read(index)), { concurrency: READS_AT_ONCE });
}

function workDone(receipts: ReadonlyMap<number, Receipt>): ReturnType<typeof workOf> {
  let [documents, bytes] = [0, 0];
  for (const receipt of receipts.values()) {
    const work = workOf(receipt);
    documents += work.documents;
    bytes += work.bytes;
  }
  return { documents, bytes };
}

/** What the queue still knows of the jobs is of an earlier coordinator's try: one that failed then must not be one that fails now. */
async function enqueueAnew(jobs: readonly Job[], queue: Queue): Promise<void> {
  await queue.forget(jobs.map((job) => job.id));
  await queue.enqueue(jobs);
}

/** What the queue says of jobs that had no receipt a moment ago. */
interface Asked {
  readonly running: readonly ActiveState[];
  /** Forgotten, or done. */
  readonly suspects: readonly Job[];
}

/** Throws where a job is out of tries. */
async function askAfter(jobs: readonly Job[], queue: Queue): Promise<Asked> {
  const states = await queue.states(jobs.map((job) => job.id));
  for (const [index, job] of jobs.entries()) {
    const state = states[index];
    if (state?.state === 'failed') throw jobFailed(job, state.error);
  }
  return {
    running: states.filter((state) => state.state === 'active'),
    suspects: jobs.filter((_, index) => states[index]?.state === 'unknown' || states[index]?.state === 'done'),
  };
}

function jobFailed(job: Job, error: Extract<JobState, { state: 'failed' }>['error']): MongolakeError {
  const where = job.kind === 'merge' ? `merging partition ${job.partition}` : `reading range ${job.ordinal}`;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new MongolakeError(isErrorCode(error.code) ? error.code : 'JOB_FAILED', `${where}: ${error.message}`, hint);
}

function stalled(kind: Job['kind'], missing: number, idleMs: number, away: MongolakeError | undefined): MongolakeError {
  const why = away === undefined ? '' : `: ${away.message}`;
  return new MongolakeError(
    'RUN_STALLED',
    `${missing} ${kind} jobs wait and nothing has moved for ${Math.round(idleMs / 1000)} s${why}`,
    {
      cause: away,
      hint: 'Start workers on the same queue (`mongolake worker`), then run again. The table is as before.',
    },
  );
}
