import { Queue as BullQueue } from 'bullmq';
import type { Redis } from 'ioredis';
import { MongolakeError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import type { JobState, Queue, QueueDepth } from '../ports/queue.ts';
import { within } from '../within.ts';
import { type BullmqContext, backendOver } from './queue-bullmq-backend.ts';
import { readStates } from './queue-bullmq-states.ts';
import { BACKOFF_JITTER, checkJobs, type RetryPolicy } from './queue-job.ts';
import { queueError, type RedisConnectionHandle, unreachable } from './redis.ts';

type JobQueue = BullQueue<Job, void>;

/** The calls of a queue whose caller waits for Redis. Each ends within `timeoutMs` per 500 jobs. */
export type Producer = Pick<Queue, 'enqueue' | 'states' | 'forget' | 'depth'> & { close(): void };

interface State {
  readonly context: BullmqContext;
  readonly policy: RetryPolicy;
  readonly timeoutMs: number;
  connection: RedisConnectionHandle | undefined;
  queue: Promise<JobQueue> | undefined;
  closed: boolean;
}

/** Jobs in one round trip. */
const CHUNK = 500;
/** What Bull Board can show afterwards. The count exceeds the jobs of a large run: an id that was dropped reads as unknown. */
const KEEP_DONE = { age: 24 * 3600, count: 10_000 };
const KEEP_FAILED = { age: 7 * 24 * 3600, count: 10_000 };

/** Makes the producing side. Connects at its first call, and stays connected. */
export function bullmqProducer(context: BullmqContext, policy: RetryPolicy, timeoutMs: number): Producer {
  const state: State = { context, policy, timeoutMs, connection: undefined, queue: undefined, closed: false };
  return {
    enqueue: (jobs) => enqueue(state, jobs),
    states: (ids) => states(state, ids),
    forget: (ids) => forget(state, ids),
    depth: () => depth(state),
    close: () => {
      state.closed = true;
      state.connection?.close();
    },
  };
}

/** Runs one call, in bounded time. What it had sent by then may still happen; every call may be repeated. */
async function call<T>(state: State, work: (queue: JobQueue, client: Redis) => Promise<T>): Promise<T> {
  const { context, timeoutMs } = state;
  if (state.closed) throw new MongolakeError('INTERNAL', 'the queue was used after it was closed');
  state.connection ??= context.connect('producer', 'mongolake:producer');
  const { connection } = state;
  try {
    const result = await within(
      context.clock,
      timeoutMs,
      openQueue(state, connection).then((queue) => work(queue, connection.client)),
    );
    if (result.done) return result.value;
  } catch (error) {
    throw queueError(error, context.label);
  }
  throw unreachable(context.label, connection.lastError());
}

/** The queue, once Redis takes commands. BullMQ's object is useless for good where its first commands fail: it is made anew. */
async function openQueue(state: State, connection: RedisConnectionHandle): Promise<JobQueue> {
  await connection.ready();
  state.queue ??= makeBullQueue(state.context, connection).catch((error: unknown) => {
    state.queue = undefined;
    throw error;
  });
  return state.queue;
}

/** BullMQ's queue over `connection`, which must be ready: where its first commands fail, the queue is useless for good. */
export async function makeBullQueue(
  context: Pick<BullmqContext, 'queueName' | 'prefix' | 'report' | 'label'>,
  connection: RedisConnectionHandle,
): Promise<JobQueue> {
  const { queueName, prefix, report, label } = context;
  const queue: JobQueue = new BullQueue(
    queueName,
    { connection: connection.client, prefix },
    backendOver(prefix, connection),
  );
  queue.on('error', (error) => report(queueError(error, label)));
  await queue.waitUntilReady();
  return queue;
}

async function enqueue(state: State, jobs: readonly Job[]): Promise<void> {
  checkJobs(jobs);
  const { attempts, backoffMs } = state.policy;
  for (const chunk of chunks(jobs)) {
    const bulk = chunk.map((job) => ({
      name: job.kind,
      data: job,
      opts: {
        jobId: job.id,
        priority: job.priority,
        attempts,
        backoff: { type: 'exponential', delay: backoffMs, jitter: BACKOFF_JITTER },
        removeOnComplete: KEEP_DONE,
        removeOnFail: KEEP_FAILED,
        stackTraceLimit: 1,
      },
    }));
    await call(state, (queue) => queue.addBulk(bulk));
  }
}

async function states(state: State, ids: readonly string[]): Promise<readonly JobState[]> {
  const found: JobState[] = [];
  for (const chunk of chunks(ids)) {
    found.push(...(await call(state, (queue, client) => readStates(client, (name) => queue.toKey(name), chunk))));
  }
  return found;
}

async function forget(state: State, ids: readonly string[]): Promise<void> {
  for (const chunk of chunks(ids)) {
    // A job that is locked, so running, is left: that answers 0.
    await call(state, (queue) => Promise.all(chunk.map((id) => queue.remove(id))));
  }
}

async function depth(state: State): Promise<QueueDepth> {
  const names = ['waiting', 'prioritized', 'active', 'delayed', 'failed'] as const;
  const counts = await call(state, (queue) => queue.getJobCounts(...names));
  const count = (name: (typeof names)[number]) => counts[name] ?? 0;
  return {
    waiting: count('waiting'),
    prioritized: count('prioritized'),
    active: count('active'),
    delayed: count('delayed'),
    failed: count('failed'),
  };
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const result: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += CHUNK) result.push(items.slice(start, start + CHUNK));
  return result;
}
