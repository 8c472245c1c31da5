import { isRetryable, jobErrorOf } from '../../src/shared/adapters/queue-failure.ts';
import { backoffDelayMs, RETRY_DEFAULTS } from '../../src/shared/adapters/queue-job.ts';
import { type ErrorCode, MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Job } from '../../src/shared/domain/job.ts';
import type { Consumer, Delivery, JobError, JobProgress, JobState, Queue } from '../../src/shared/ports/queue.ts';
import type { Chance } from './chance.ts';
import { createLine, type Line } from './network.ts';
import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** The queue's server, which may forget, repeat and reorder whatever it holds. */
export interface QueueServer {
  /** The queue as a process reaches it. */
  open(process: SimProcess): Queue;
  setAway(away: boolean): void;
  /** FLUSHALL. */
  flush(): void;
}

interface Entry {
  readonly job: Job;
  stage: 'waiting' | 'delayed' | 'active' | 'done' | 'failed';
  deliveries: number;
  failures: number;
  /** Of the delivery that has the job; a delivery with another one has lost it. */
  lock: number;
  progress: JobProgress | undefined;
  error: JobError | undefined;
}

interface Taker {
  readonly process: SimProcess;
  readonly handler: (delivery: Delivery) => Promise<void>;
  readonly room: number;
  readonly running: Set<Running>;
  isOpen: boolean;
}

/** A delivery on its way or in work. */
interface Running {
  readonly entry: Entry;
  readonly lock: number;
  readonly abort: AbortController;
  isAtWork: boolean;
}

interface Server {
  readonly world: World;
  readonly line: Line;
  readonly chance: Chance;
  readonly entries: Map<string, Entry>;
  readonly takers: Set<Taker>;
  readonly waiters: Set<() => void>;
  isAway: boolean;
  locks: number;
}

/** A queue without jobs. */
export function createQueueServer(world: World): QueueServer {
  const server: Server = {
    world,
    line: createLine(world, {
      server: 'queue',
      error: 'QUEUE_UNREACHABLE',
      isAway: () => server.isAway,
      delay: [1, 20],
      lossy: false,
    }),
    chance: world.chance('queue'),
    entries: new Map(),
    takers: new Set(),
    waiters: new Set(),
    isAway: false,
    locks: 0,
  };
  return {
    open: (process) => handle(server, process),
    setAway(away) {
      server.isAway = away;
      world.trace.note('queue', away ? 'goes away' : 'is back', { loud: true });
      pump(server);
    },
    flush() {
      world.trace.note('queue', `forgets all its ${server.entries.size} jobs`, { loud: true });
      server.entries.clear();
    },
  };
}

function handle(server: Server, process: SimProcess): Queue {
  const { line } = server;
  const ask = <T>(label: string, writes: boolean, effect: () => T) => line.call(process, { label, writes, effect });
  return {
    enqueue: (jobs) => ask(`enqueue ${named(jobs)}`, true, () => enqueue(server, jobs)),
    states: (ids) => ask('states', false, () => ids.map((id) => stateOf(server.entries.get(id)))),
    forget: (ids) => ask('forget', true, () => forget(server, ids)),
    consume: async (handler, { concurrency }) => consume(server, process, handler, concurrency),
    depth: async () => ({ waiting: 0, prioritized: 0, active: 0, delayed: 0, failed: 0 }),
    waitForHint: (timeoutMs, signal) => waitForHint(server, process, timeoutMs, signal),
    close: async () => undefined,
  };
}

function named(jobs: readonly Job[]): string {
  return jobs.map(({ id }) => id).join(' ');
}

function enqueue(server: Server, jobs: readonly Job[]): void {
  for (const job of jobs) {
    if (server.entries.has(job.id)) continue;
    if (server.world.strikes('queueLoss')) {
      server.world.trace.note('queue', `loses ${job.id}`, { loud: true });
      continue;
    }
    const blank = { deliveries: 0, failures: 0, lock: 0, progress: undefined, error: undefined };
    server.entries.set(job.id, { job, stage: 'waiting', ...blank });
  }
  pump(server);
}

function forget({ entries }: Server, ids: readonly string[]): void {
  for (const id of ids) if (entries.get(id)?.stage !== 'active') entries.delete(id);
}

function stateOf(entry: Entry | undefined): JobState {
  if (entry === undefined) return { state: 'unknown' };
  if (entry.stage === 'failed' && entry.error !== undefined) return { state: 'failed', error: entry.error };
  if (entry.stage === 'done') return { state: 'done' };
  if (entry.stage !== 'active') return { state: 'waiting' };
  return entry.progress === undefined ? { state: 'active' } : { state: 'active', progress: entry.progress };
}

async function waitForHint(server: Server, process: SimProcess, ms: number, signal?: AbortSignal): Promise<void> {
  const woken = new AbortController();
  // A hint may get lost on its way.
  const wake = () => {
    if (!server.isAway && server.chance.hits(0.8)) process.wake(() => woken.abort());
  };
  server.waiters.add(wake);
  const both = signal === undefined ? woken.signal : AbortSignal.any([signal, woken.signal]);
  try {
    await process.clock.sleep(ms, both);
  } catch (error) {
    if (!woken.signal.aborted) throw error;
    signal?.throwIfAborted();
  } finally {
    server.waiters.delete(wake);
  }
}

function consume(server: Server, process: SimProcess, handler: Taker['handler'], room: number): Consumer {
  const taker: Taker = { process, handler, room, running: new Set(), isOpen: true };
  server.takers.add(taker);
  process.onDeath(() => server.takers.delete(taker));
  pump(server);
  const stop = async () => {
    taker.isOpen = false;
    server.takers.delete(taker);
    for (const running of taker.running) lose(server, running, 'INTERRUPTED', 'the worker stops');
  };
  return { drain: stop, stop };
}

/** Gives waiting jobs to workers that have room, in an order of the queue's own. */
function pump(server: Server): void {
  const { world, chance, entries, takers } = server;
  if (server.isAway) return;
  for (const taker of takers) {
    const { isPaused, pausedUntil } = taker.process;
    if (isPaused) world.timeline.after(pausedUntil - world.timeline.now + 1, () => pump(server));
    while (taker.isOpen && !taker.process.isPaused && taker.running.size < taker.room) {
      const waiting = [...entries.values()].filter(({ stage }) => stage === 'waiting');
      if (waiting.length === 0) return;
      const entry = chance.pick(waiting);
      server.locks += 1;
      Object.assign(entry, { stage: 'active', lock: server.locks, progress: undefined });
      entry.deliveries += 1;
      const running: Running = { entry, lock: server.locks, abort: new AbortController(), isAtWork: true };
      taker.running.add(running);
      world.timeline.after(chance.integer(1, 30), () => taker.process.wake(() => work(server, taker, running)));
      renewLater(server, taker, running);
      if (world.strikes('queueTwice')) repeatLater(server, entry);
    }
  }
}

function work(server: Server, taker: Taker, running: Running): void {
  const { process } = taker;
  const { entry } = running;
  server.world.trace.note(process.name, `takes ${entry.job.id}`, { loud: true });
  const delivery: Delivery = {
    job: entry.job,
    attempt: entry.deliveries,
    signal: running.abort.signal,
    progress: async (value) => {
      if (entry.lock === running.lock) entry.progress = value;
    },
  };
  taker.handler(delivery).then(
    () => ended(server, taker, running, undefined),
    (error: unknown) => ended(server, taker, running, { error }),
  );
}

/** The worker tells the queue what became of a job. It may not be heard, or have lost the job since. */
function ended(server: Server, taker: Taker, running: Running, failure: { readonly error: unknown } | undefined): void {
  const { world, chance } = server;
  const { entry } = running;
  const code = failure === undefined ? 'is done with' : `fails (${jobErrorOf(failure.error).code})`;
  const aside = failure === undefined ? '' : `: ${jobErrorOf(failure.error).message}`;
  world.trace.note(taker.process.name, `${code} ${entry.job.id}`, { loud: true, aside });
  running.isAtWork = false;
  world.timeline.after(chance.integer(1, 20), () => {
    taker.running.delete(running);
    const isHeard = !server.isAway && taker.process.isAlive;
    if (isHeard && entry.lock === running.lock && entry.stage === 'active') settle(server, entry, failure);
    pump(server);
  });
}

function settle(server: Server, entry: Entry, failure: { readonly error: unknown } | undefined): void {
  const { world, chance } = server;
  if (failure === undefined) entry.stage = 'done';
  else {
    entry.failures += 1;
    if (!isRetryable(failure.error) || entry.failures >= RETRY_DEFAULTS.attempts) {
      entry.stage = 'failed';
      entry.error = jobErrorOf(failure.error);
    } else {
      entry.stage = 'delayed';
      world.timeline.after(backoffDelayMs(RETRY_DEFAULTS, entry.failures, chance.next()), () => again(server, entry));
    }
  }
  for (const wake of server.waiters) wake();
}

/** As BullMQ does: a worker renews the locks of its jobs, and a job whose lock has run out goes to whoever comes next. */
function renewLater(server: Server, taker: Taker, running: Running): void {
  const { world } = server;
  world.timeline.after(world.options.lockDuration, () => {
    const { entry, lock } = running;
    const isMine = entry.lock === lock && entry.stage === 'active' && server.entries.get(entry.job.id) === entry;
    const isThere = taker.process.isAlive && !taker.process.isPaused && !server.isAway;
    if (!running.isAtWork && !isMine) return;
    if (isMine && isThere && running.isAtWork) return renewLater(server, taker, running);
    if (isMine) again(server, entry);
    if (running.isAtWork) lose(server, running, 'QUEUE_UNREACHABLE', 'the lock on the job is lost', taker.process);
  });
}

function again(server: Server, entry: Entry): void {
  if (server.entries.get(entry.job.id) !== entry) return;
  if (entry.stage !== 'active' && entry.stage !== 'delayed') return;
  Object.assign(entry, { stage: 'waiting', lock: 0 });
  pump(server);
}

function repeatLater(server: Server, entry: Entry): void {
  server.world.timeline.after(server.chance.integer(1, 2_000), () => {
    if (entry.stage !== 'active') return;
    server.world.trace.note('queue', `gives ${entry.job.id} to someone else too`, { loud: true });
    again(server, entry);
  });
}

/** Takes a delivery from its worker, and the job back where it still was that worker's. */
function lose(server: Server, running: Running, code: ErrorCode, reason: string, process?: SimProcess): void {
  const abort = () => running.abort.abort(new MongolakeError(code, reason));
  if (process === undefined) abort();
  else process.wake(abort);
  if (running.entry.lock === running.lock) again(server, running.entry);
}
