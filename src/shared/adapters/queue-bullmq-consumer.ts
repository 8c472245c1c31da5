import { DelayedError, type RedisQueueBackend, type Job as StoredJob, WaitingError, Worker } from 'bullmq';
import type { MongolakeError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consumer, Delivery, JobProgress } from '../ports/queue.ts';
import { within } from '../within.ts';
import { type BullmqContext, backendOver } from './queue-bullmq-backend.ts';
import { bullFailure } from './queue-bullmq-failure.ts';
import { jobFromData } from './queue-job.ts';
import { ABORT_GRACE_MS, type Run, startRun } from './queue-run.ts';
import { queueError, type RedisConnectionHandle } from './redis.ts';

type BullJob = StoredJob<Job, void>;
type BullWorker = Worker<Job, void, string, RedisQueueBackend>;

export interface ConsumerSettings {
  /** Jobs run at once. */
  readonly concurrency: number;
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
  readonly maxStalledCount: number;
  readonly workerName: string | undefined;
  /** As in `ConsumeOptions`. */
  readonly onLook: (() => void) | undefined;
}

interface Session {
  readonly worker: BullWorker;
  readonly main: RedisConnectionHandle;
  readonly blocking: RedisConnectionHandle;
}

interface ConsumerState {
  readonly context: BullmqContext;
  readonly settings: ConsumerSettings;
  readonly handler: (delivery: Delivery) => Promise<void>;
  /** By job id. */
  readonly runs: Map<string, Run>;
  /** Handlers that have not ended, also those whose job was handed back. */
  readonly handlers: Set<Promise<unknown>>;
  /** Aborted once nothing new is to be taken. */
  readonly closing: AbortController;
  session: Session | undefined;
  closed: Promise<void> | undefined;
}

const RESTART_MS = 1_000;
/** How long taking a job rests after an error that is not an outage; without it BullMQ asks again at once, for ever. */
const TAKE_ERROR_REST_MS = 1_000;
/** A job that still runs here is offered again after this. */
const PUT_OFF_MS = 1_000;
const HAND_BACK_MS = 2_000;
/** How long the end of the last jobs may take to reach Redis; what comes later is found by the stalled check. */
const WRITE_DOWN_MS = 3_000;
const PROGRESS_MS = 1_000;

/**
 * Starts taking jobs. Resolves once Redis has answered, or could not be reached: then the consumer starts by itself when Redis
 * is there. Rejects with `QUEUE_REFUSED` only.
 */
export async function startConsumer(
  context: BullmqContext,
  settings: ConsumerSettings,
  handler: (delivery: Delivery) => Promise<void>,
): Promise<Consumer> {
  const state: ConsumerState = {
    context,
    settings,
    handler,
    runs: new Map(),
    handlers: new Set(),
    closing: new AbortController(),
    session: undefined,
    closed: undefined,
  };
  try {
    await new Promise<void>((resolve, reject) => {
      void supervise(state, { answered: resolve, refused: reject });
    });
  } catch (error) {
    await stop(state);
    throw error;
  }
  return { drain: (timeoutMs) => drain(state, timeoutMs), stop: () => stop(state) };
}

/** How the first attempt went; what is told later is ignored. */
interface FirstAnswer {
  answered(): void;
  refused(error: MongolakeError): void;
}

function tell(first: FirstAnswer, error: MongolakeError): void {
  if (error.code === 'QUEUE_UNREACHABLE') first.answered();
  else first.refused(error);
}

/** Keeps a session running until the consumer closes. Never rejects. */
async function supervise(state: ConsumerState, first: FirstAnswer): Promise<void> {
  const { context, closing, settings } = state;
  while (!closing.signal.aborted) {
    try {
      const session = openSession(state);
      session.main.client.once('error', (raw: Error) => tell(first, queueError(raw, context.label)));
      await session.worker.waitUntilReady();
      first.answered();
      if (!closing.signal.aborted) await session.worker.run();
    } catch (raw) {
      const error = queueError(raw, context.label);
      tell(first, error);
      context.report(error);
    }
    if (closing.signal.aborted) return;
    // BullMQ's loop ended although nobody closed it, or could not start: begin anew, with new connections.
    closeSession(state);
    settings.onLook?.();
    await rest(context.clock, RESTART_MS, closing.signal);
  }
}

/** Sleeps, or returns early when the signal aborts. */
async function rest(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function openSession(state: ConsumerState): Session {
  const { context, settings } = state;
  const { queueName, prefix } = context;
  const main = context.connect('worker', 'mongolake:worker');
  const blocking = context.connect('worker', clientName(context, settings.workerName));
  const worker: BullWorker = new Worker(
    queueName,
    (job: BullJob, token?: string) => processJob(state, job, token ?? ''),
    {
      connection: main.client,
      prefix,
      autorun: false,
      concurrency: settings.concurrency,
      lockDuration: settings.lockDurationMs,
      stalledInterval: settings.stalledIntervalMs,
      maxStalledCount: settings.maxStalledCount,
      ...(settings.workerName === undefined ? {} : { name: settings.workerName }),
    },
    (name, options) => restingBackend(state, backendOver(prefix, main, blocking)(name, options)),
  );
  // While Redis is away nothing is asked, but looking for Redis is what there is to do.
  for (const { client } of [main, blocking]) client.on('reconnecting', () => settings.onLook?.());
  worker.on('error', (error) => {
    // Said by the next listener as well, and only worth saying where the job still runs.
    if (!error.message.startsWith('could not renew lock')) context.report(queueError(error, context.label));
  });
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) state.runs.get(id)?.lose();
  });
  state.session = { worker, main, blocking };
  return state.session;
}

/** The name by which BullMQ, and so a dashboard, finds the workers of a queue in CLIENT LIST (its `backend.clientName`). */
function clientName({ prefix, queueName }: BullmqContext, workerName: string | undefined): string {
  const worker = workerName === undefined ? '' : `:w:${workerName}`;
  return `${prefix}:${Buffer.from(queueName).toString('base64')}${worker}`;
}

/**
 * Takes nothing once the consumer closes, and rests after an error. Measured with bullmq 6.7: where the user lost the right to
 * run scripts while jobs wait, its loop asked 14,000 times a second. Each question is a sign that the loop goes on: it waits for a
 * job for a few seconds, then asks again.
 */
function restingBackend(state: ConsumerState, backend: RedisQueueBackend): RedisQueueBackend {
  const take = backend.moveToActive.bind(backend);
  backend.moveToActive = async (token, name) => {
    if (state.closing.signal.aborted) return [];
    state.settings.onLook?.();
    try {
      return await take(token, name);
    } catch (error) {
      await rest(state.context.clock, TAKE_ERROR_REST_MS, state.closing.signal);
      throw error;
    }
  };
  return backend;
}

function closeSession(state: ConsumerState): void {
  const { session, context } = state;
  if (session === undefined) return;
  state.session = undefined;
  // Ends its timers, where it was not closed before. It waits for nothing that Redis has to answer.
  session.worker.close(true).catch((error: unknown) => context.report(queueError(error, context.label)));
  session.main.close();
  session.blocking.close();
}

/**
 * Runs one delivery. Returns where the job is done; throws a failure that BullMQ records, or WaitingError / DelayedError where
 * there is nothing left to record because the job is not ours any more.
 */
async function processJob(state: ConsumerState, stored: BullJob, token: string): Promise<void> {
  const { runs, handlers, closing, settings } = state;
  settings.onLook?.();
  const id = stored.id ?? '';
  if (closing.signal.aborted) throw await handBack(state, stored, token);
  const older = runs.get(id);
  if (older !== undefined) throw await putOff(state, older, stored, token);
  const run = beginRun(state, stored);
  runs.set(id, run);
  handlers.add(run.outcome);
  void run.outcome.then(() => handlers.delete(run.outcome));
  const outcome = await Promise.race([run.outcome, run.released]);
  runs.delete(id);
  if (run.isLost()) throw new WaitingError('the lock is lost: the job is not ours to finish');
  if (outcome?.ok) return;
  if (run.isReleased() || outcome === undefined) throw await handBack(state, stored, token);
  throw bullFailure(outcome.error);
}

function beginRun(state: ConsumerState, stored: BullJob): Run {
  try {
    const job = jobFromData(stored.data);
    return startRun(state.handler, {
      job,
      attempt: stored.attemptsStarted,
      progress: (value) => reportProgress(state, stored, value),
    });
  } catch (error) {
    throw bullFailure(error);
  }
}

/** Puts the job at the head of the queue, so that another worker takes it at once; the try does not count. */
async function handBack(state: ConsumerState, stored: BullJob, token: string): Promise<Error> {
  const { clock, label, report } = state.context;
  try {
    await within(clock, HAND_BACK_MS, stored.moveToWait(token));
  } catch (error) {
    // Then the lock runs out, and the stalled check of another worker finds the job.
    report(queueError(error, label));
  }
  return new WaitingError('handed back');
}

/**
 * The same job came again while it runs here: its lock had run out, or Redis forgot it and it was enqueued anew. BullMQ renews
 * locks by job id, so two runs of one id in one worker would take each other's lock away. The older one ends first.
 */
async function putOff(state: ConsumerState, older: Run, stored: BullJob, token: string): Promise<Error> {
  const { clock, label, report } = state.context;
  older.lose();
  try {
    await stored.moveToDelayed(clock.now() + PUT_OFF_MS, token);
  } catch (error) {
    report(queueError(error, label));
  }
  return new DelayedError('the job still runs here');
}

/** Best effort: neither an outage nor a slow Redis holds the handler up. */
async function reportProgress(state: ConsumerState, stored: BullJob, value: JobProgress): Promise<void> {
  const { clock, label, report } = state.context;
  if (state.session?.main.client.status !== 'ready') return;
  try {
    await within(clock, PROGRESS_MS, stored.updateProgress({ done: value.done, bytes: value.bytes }));
  } catch (error) {
    report(queueError(error, label));
  }
}

/** Waits for what runs, then for BullMQ to write that down; aborts and hands back what is left at the deadline. */
async function drain(state: ConsumerState, timeoutMs: number): Promise<void> {
  const { clock } = state.context;
  const closed = beginClosing(state);
  // Where Redis is away nothing can be written down: then the end of the handlers is the end.
  const handled = Promise.all(state.handlers).then(() => within(clock, WRITE_DOWN_MS, closed));
  const ended = await within(clock, timeoutMs, Promise.race([closed, handled]));
  if (ended.done) closeSession(state);
  else await stop(state);
}

/** Aborts what runs and hands it back. Waits for the handlers to notice, for a bounded time. */
async function stop(state: ConsumerState): Promise<void> {
  const { clock } = state.context;
  const closed = beginClosing(state);
  for (const run of state.runs.values()) run.release();
  await Promise.all([within(clock, WRITE_DOWN_MS, closed), within(clock, ABORT_GRACE_MS, Promise.all(state.handlers))]);
  closeSession(state);
}

/** Takes nothing new from here on. Resolves when what runs has ended and is written down; never rejects. */
function beginClosing(state: ConsumerState): Promise<void> {
  state.closing.abort();
  state.closed ??= (state.session?.worker.close() ?? Promise.resolve()).catch((error: unknown) => {
    state.context.report(queueError(error, state.context.label));
  });
  return state.closed;
}
