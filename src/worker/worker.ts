import type { KeyedHash } from '../shared/domain/cut.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Job } from '../shared/domain/job.ts';
import { createLiveness, type Life, type Liveness } from '../shared/liveness.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { JobSummary, WorkerMetrics } from '../shared/ports/metrics.ts';
import type { Consumer, Delivery, Queue } from '../shared/ports/queue.ts';
import type { Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { extract } from './extract.ts';
import { merge } from './merge.ts';
import type { Understands } from './plan.ts';
import type { MergePool } from './pool.ts';
import { createRooms, type Rooms } from './slabs.ts';
import { livingDelivery, livingStorage, watchWorker } from './watch.ts';

/** What a worker needs of the table that a job belongs to; opened from the worker's own configuration. */
export interface TableAccess {
  readonly storage: Storage;
  readonly openSource: () => Promise<Source>;
  /** Makes the hashes of the column policy, where a key is configured. */
  readonly keyed?: KeyedHash | undefined;
}

export interface WorkerContext {
  readonly queue: Queue;
  readonly open: (pipeline: string, collection: string) => Promise<TableAccess>;
  readonly pool: MergePool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly scratch: string;
  /** As in `ExtractContext`. */
  readonly slabBytes: (partitions: number) => number;
  readonly understands: Understands;
  /** Jobs at once. */
  readonly concurrency: number;
  readonly metrics?: WorkerMetrics | undefined;
  /** Hears what the worker does, so that it can tell what is stuck. */
  readonly liveness?: Liveness | undefined;
  /** True where the queue is in this process, and so has no loop to be watched. */
  readonly isLocal?: boolean;
}

/** What all jobs of a worker share. */
interface Working extends WorkerContext {
  readonly rooms: Rooms;
}

/** Takes jobs until the returned consumer is drained or stopped. */
export function startWorker(context: WorkerContext): Promise<Consumer> {
  const { queue, clock, concurrency } = context;
  const liveness = context.liveness ?? createLiveness(clock, Number.POSITIVE_INFINITY);
  const watch = watchWorker(liveness, concurrency, context.isLocal);
  const working: Working = { ...context, rooms: createRooms() };
  const watched = async (delivery: Delivery) => {
    const life = watch.begin(delivery.job);
    try {
      await handle(livingDelivery(delivery, life), life, working);
    } finally {
      life.end();
    }
  };
  return queue.consume(watched, { concurrency, onLook: watch.looked });
}

async function handle(delivery: Delivery, life: Life, context: Working): Promise<void> {
  const { job } = delivery;
  const logger = context.logger.child({
    run: job.run,
    table: `${job.pipeline}.${job.collection}`,
    ...place(job),
    attempt: delivery.attempt,
  });
  const started = context.clock.monotonic();
  const elapsedMs = () => context.clock.monotonic() - started;
  logger.debug(`${job.kind} started`);
  context.metrics?.jobStarted(job.kind, delivery.attempt);
  try {
    const summary = await perform(delivery, life, context);
    logger.debug(`${job.kind} done`, { durationMs: Math.round(elapsedMs()), ...summary });
    context.metrics?.jobEnded(job.kind, 'done', elapsedMs(), summary);
  } catch (error) {
    const known = asMongolakeError(delivery.signal.aborted ? delivery.signal.reason : error);
    const fields = { code: known.code, error: known.message, retryable: known.retryable };
    const isHandedBack = delivery.signal.aborted;
    if (isHandedBack) logger.info(`${job.kind} handed back`, fields);
    else logger.warn(`${job.kind} failed`, fields);
    const failed = known.code === 'WORKER_VERSION' ? 'other_version' : 'failed';
    context.metrics?.jobEnded(job.kind, isHandedBack ? 'handed_back' : failed, elapsedMs());
    throw error;
  }
}

async function perform(delivery: Delivery, life: Life, context: Working): Promise<JobSummary> {
  const { job } = delivery;
  const { clock, pool, scratch, slabBytes, understands, concurrency, rooms } = context;
  const { openSource, keyed, ...opened } = await context.open(job.pipeline, job.collection);
  const storage = livingStorage(opened.storage, life);
  if (job.kind === 'merge') return merge(job, delivery, { storage, pool, clock, scratch, understands });
  return extract(job, delivery, {
    storage,
    openSource,
    clock,
    pool,
    keyed,
    slabBytes,
    rooms,
    concurrency,
    understands,
  });
}

function place(job: Job): { readonly partition: number } | { readonly range: number } {
  return job.kind === 'merge' ? { partition: job.partition } : { range: job.ordinal };
}
