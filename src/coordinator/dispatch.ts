import pMap from 'p-map';
import { crashPoint } from '../shared/crash-points.ts';
import { readJson } from '../shared/documents.ts';
import { isErrorCode, MongolakeError } from '../shared/domain/errors.ts';
import type { Job } from '../shared/domain/job.ts';
import { receiptIndex, receiptKey, receiptsPrefix } from '../shared/domain/keys.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { JobState, Queue } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { patientQueue } from './queue-outage.ts';

export interface DispatchContext {
  readonly storage: Storage;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Called after each look: jobs done, and documents and bytes of the running ones. */
  readonly onProgress: (done: number, running: { readonly documents: number; readonly bytes: number }) => void;
  /** A run in which no job runs or ends for so long is given up, milliseconds. */
  readonly stallTimeoutMs: number;
}

type ActiveState = Extract<JobState, { readonly state: 'active' }>;

const POLL_MS = 1000;
const READS_AT_ONCE = 16;
/** After this long without a worker, the log says so. */
const LONELY_MS = 10_000;

/**
 * Enqueues the jobs that have no receipt yet and waits until each has a receipt in object storage; returns the receipts in the order of the jobs. The
 * queue is only asked what went wrong: a job that it has forgotten is enqueued again, one that it gave up fails the run. While the
 * queue is away the receipts alone are looked at.
 */
export async function dispatch<R>(
  kind: Job['kind'],
  jobs: readonly Job[],
  context: DispatchContext,
): Promise<readonly R[]> {
  const { storage, queue, signal } = context;
  const run = jobs[0]?.run;
  if (run === undefined) return [];
  const byIndex = new Map(jobs.map((job) => [indexOf(job), job]));
  try {
    await waitForReceipts(kind, run, byIndex, context);
  } catch (error) {
    await forgetQuietly(queue, jobs, context.logger);
    throw error;
  }
  signal.throwIfAborted();
  return pMap(jobs, (job) => readJson<R>(storage, receiptKey(run, kind, indexOf(job))), { concurrency: READS_AT_ONCE });
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

async function waitForReceipts(
  kind: Job['kind'],
  run: string,
  jobs: ReadonlyMap<number, Job>,
  context: DispatchContext,
): Promise<void> {
  const { storage, queue, clock, logger, signal, onProgress } = context;
  const missing = new Map(jobs);
  const patient = patientQueue(clock, logger);
  const enqueue = async () => {
    await enqueueAnew([...missing.values()], queue);
    return true;
  };
  let enqueued = false;
  let movedAt = clock.monotonic();
  let warned = false;
  for (;;) {
    signal.throwIfAborted();
    const before = missing.size;
    await strikeOut(missing, storage, receiptsPrefix(run, kind));
    if (missing.size === 0) return onProgress(jobs.size, { documents: 0, bytes: 0 });
    // Where the queue was away when they were to be enqueued, they are as soon as it is back; what it says before that is of an earlier try.
    enqueued ||= (await patient.ask(enqueue)) ?? false;
    crashPoint(`${kind}-enqueued`);
    const running = enqueued ? ((await patient.ask(() => askAfter([...missing.values()], queue, logger))) ?? []) : [];
    onProgress(jobs.size - missing.size, {
      documents: running.reduce((sum, state) => sum + (state.progress?.done ?? 0), 0),
      bytes: running.reduce((sum, state) => sum + (state.progress?.bytes ?? 0), 0),
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

/** Takes out the jobs that have a receipt. */
async function strikeOut(missing: Map<number, Job>, storage: Storage, prefix: string): Promise<void> {
  for await (const { key } of storage.list(prefix)) missing.delete(receiptIndex(key));
}

/** What the queue still knows of the jobs is of an earlier coordinator's try: one that failed then must not be one that fails now. */
async function enqueueAnew(jobs: readonly Job[], queue: Queue): Promise<void> {
  await queue.forget(jobs.map((job) => job.id));
  await queue.enqueue(jobs);
}

/** The states of the jobs that run now. Jobs that are lost are enqueued again; throws where one is out of tries. */
async function askAfter(jobs: readonly Job[], queue: Queue, logger: Logger): Promise<readonly ActiveState[]> {
  const states = await queue.states(jobs.map((job) => job.id));
  await revive(jobs, states, queue, logger);
  return states.filter((state) => state.state === 'active');
}

/** Throws where a job is out of tries; enqueues again what the queue forgot, or calls done though no receipt is there. */
async function revive(jobs: readonly Job[], states: readonly JobState[], queue: Queue, logger: Logger): Promise<void> {
  const lost: Job[] = [];
  for (const [index, job] of jobs.entries()) {
    const state = states[index];
    if (state?.state === 'failed') throw jobFailed(job, state.error);
    if (state?.state === 'unknown' || state?.state === 'done') lost.push(job);
  }
  if (lost.length === 0) return;
  logger.debug('jobs without a receipt are enqueued again', { jobs: lost.length });
  await enqueueAnew(lost, queue);
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
