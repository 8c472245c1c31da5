import { QueueEvents } from 'bullmq';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consumer, Queue } from '../ports/queue.ts';
import { type BullmqContext, backendOver, QUEUE_NAME } from './queue-bullmq-backend.ts';
import { type ConsumerSettings, startConsumer } from './queue-bullmq-consumer.ts';
import { bullmqProducer } from './queue-bullmq-producer.ts';
import { createHints } from './queue-hints.ts';
import { RETRY_DEFAULTS } from './queue-job.ts';
import { connectRedis, queueError, redisLabel } from './redis.ts';
import type { RedisPlace } from './redis-place.ts';

export interface BullmqQueueOptions extends RedisPlace {
  readonly clock: Clock;
  /** Told of what goes wrong in the background (outages, lost locks), redacted; the same at most once in 30 s. */
  readonly onError: (error: MongolakeError) => void;
  /** Before every key. The braces keep all keys of a queue in one slot of a Redis Cluster. */
  readonly prefix?: string;
  readonly queueName?: string;
  /** This worker in dashboards, such as the pod's name. */
  readonly workerName?: string;
  /** Tries in all that may end in an error. Stored with the job when it is enqueued. */
  readonly attempts?: number;
  /** Rest after the first failed try, milliseconds; doubles with each. Stored with the job. */
  readonly backoffMs?: number;
  /** Bound on every producer call, and on one connect, milliseconds. */
  readonly connectTimeoutMs?: number;
  /** A worker that is silent for so long has lost its job, milliseconds. Renewed at half of it. */
  readonly lockDurationMs?: number;
  /** How often lost jobs are looked for, milliseconds. A dead worker's job is taken up after one to two of these. */
  readonly stalledIntervalMs?: number;
  /** How often a job may lose its worker before it fails. Evictions and spot nodes count, so does running out of memory. */
  readonly maxStalledCount?: number;
}

const CONNECT_TIMEOUT_MS = 8_000;
const LOCK_MS = 30_000;
const MAX_STALLED = 10;
const SAME_ERROR_MS = 30_000;

/**
 * The queue in Redis, by BullMQ. Nothing is connected before the first use; every producer call ends within
 * `connectTimeoutMs` (8 s unless told) per 500 jobs.
 * Errors: `QUEUE_UNREACHABLE`, `QUEUE_REFUSED` (credentials, ACL), `CONFIG_INVALID` for a URL that is none, at once.
 */
export function bullmqQueue(options: BullmqQueueOptions): Queue {
  const context = contextOf(options);
  const policy = {
    attempts: options.attempts ?? RETRY_DEFAULTS.attempts,
    backoffMs: options.backoffMs ?? RETRY_DEFAULTS.backoffMs,
  };
  const producer = bullmqProducer(context, policy, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  const hints = createHints(context.clock);
  const events = finishedEvents(context, hints.notify);
  const consumers = new Set<Consumer>();
  let closed = false;
  return {
    enqueue: producer.enqueue,
    states: producer.states,
    forget: producer.forget,
    depth: producer.depth,
    consume: async (handler, { concurrency, onLook }) => {
      if (closed) throw closedError();
      const consumer = await startConsumer(context, { ...consumerSettings(options), concurrency, onLook }, handler);
      consumers.add(consumer);
      if (closed) {
        await consumer.stop();
        throw closedError();
      }
      return consumer;
    },
    waitForHint: async (timeoutMs, signal) => {
      if (!closed) events.listen();
      await hints.wait(timeoutMs, signal);
    },
    close: async () => {
      closed = true;
      hints.close();
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      events.close();
      producer.close();
    },
  };
}

function closedError(): MongolakeError {
  return new MongolakeError('INTERNAL', 'the queue was used after it was closed');
}

/** Only what says where Redis is. */
function placeOf({ url, tls, credentials }: RedisPlace): RedisPlace {
  return { url, ...(tls === undefined ? {} : { tls }), ...(credentials === undefined ? {} : { credentials }) };
}

function contextOf(options: BullmqQueueOptions): BullmqContext {
  const report = reporter(options.clock, options.onError);
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  return {
    clock: options.clock,
    label: redisLabel(options.url),
    queueName: options.queueName ?? QUEUE_NAME,
    prefix: options.prefix ?? '{mongolake}',
    connect: (role, name) => connectRedis({ ...placeOf(options), connectTimeoutMs, name }, role, report),
    report,
  };
}

function consumerSettings(options: BullmqQueueOptions): Omit<ConsumerSettings, 'concurrency' | 'onLook'> {
  const lockDurationMs = options.lockDurationMs ?? LOCK_MS;
  return {
    lockDurationMs,
    stalledIntervalMs: options.stalledIntervalMs ?? lockDurationMs,
    maxStalledCount: options.maxStalledCount ?? MAX_STALLED,
    workerName: options.workerName,
  };
}

/** Passes errors on, but the same one not again and again: an outage is told, not counted. */
function reporter(clock: Clock, onError: (error: MongolakeError) => void): (error: MongolakeError) => void {
  const told = new Map<string, number>();
  return (error) => {
    const now = clock.monotonic();
    for (const [kind, at] of told) if (now - at >= SAME_ERROR_MS) told.delete(kind);
    const kind = `${error.code} ${error.message}`;
    if (told.has(kind)) return;
    told.set(kind, now);
    onError(error);
  };
}

/**
 * Calls `notify` when a job has finished, from the first `listen` until `close`. Without Redis nothing is heard, and those who
 * wait for a hint wait for their time.
 */
function finishedEvents(context: BullmqContext, notify: () => void): { listen(): void; close(): void } {
  const { queueName, prefix, report, label } = context;
  let stopListening: (() => void) | undefined;
  const listen = () => {
    const connection = context.connect('worker', 'mongolake:events');
    const options = { connection: connection.client, prefix, autorun: false };
    const events: QueueEvents<void> = new QueueEvents(queueName, options, backendOver(prefix, connection));
    const say = (error: unknown) => {
      // Once stopped, all that is left to hear is that the connection is closed.
      if (stopListening === stop) report(queueError(error, label));
    };
    events.on('error', say);
    events.on('completed', notify);
    events.on('failed', notify);
    const stop = () => {
      // Not awaited: BullMQ waits for a connection before it closes one, and Redis may be away. Ours is closed here, for good.
      events.close().catch(say);
      connection.close();
    };
    stopListening = stop;
    const ended = () => {
      if (stopListening !== stop) return;
      // BullMQ gave up, as where INFO is refused. The next one to wait begins anew.
      stopListening = undefined;
      stop();
    };
    events.run().catch(say).finally(ended);
  };
  return {
    listen: () => {
      if (stopListening === undefined) listen();
    },
    close: () => {
      const stop = stopListening;
      stopListening = undefined;
      stop?.();
    },
  };
}
