import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { MongolakeError } from '../shared/domain/errors.ts';
import type {
  CompactTask,
  CompareOutcome,
  CompareTask,
  LocateTask,
  MergedFile,
  MergeOutcome,
  MergeTask,
  RewriteOutcome,
  RewriteTask,
  TaskResult,
} from './thread/engine.ts';
import type { ShuffleOutcome, ShuffleTask } from './thread/shuffle.ts';
import type { StopLine } from './thread/stop.ts';

/** Threads that shuffle and merge. A CPU-bound task on the main thread would lose its job's lock; here the main thread stays free to renew it. */
export interface MergePool {
  merge(task: Omit<MergeTask, 'memoryBytes'>, signal: AbortSignal): Promise<MergeOutcome>;
  compare(task: Omit<CompareTask, 'memoryBytes'>, signal: AbortSignal): Promise<CompareOutcome>;
  rewrite(task: Omit<RewriteTask, 'memoryBytes'>, signal: AbortSignal): Promise<RewriteOutcome>;
  compact(task: Omit<CompactTask, 'memoryBytes'>, signal: AbortSignal): Promise<MergedFile>;
  /** Indexes of the base files that the delta touches, ascending. */
  locate(task: LocateTask, signal: AbortSignal): Promise<readonly number[]>;
  /** The slab's room is the thread's until then. */
  shuffle(task: ShuffleTask, signal: AbortSignal): Promise<ShuffleOutcome>;
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly threads: number;
  /** Of each thread, bytes. */
  readonly memoryBytes: number;
}

/** How long the end of the process waits for merges to stop, milliseconds; they take a few. */
const EXIT_WAIT_MS = 2_000;

/** A pool of piscina threads. An aborted merge stops where it is, and nothing of it goes on when the call rejects. */
export function createMergePool(options: PoolOptions): MergePool {
  // Run from the sources (tests, examples), a thread needs the TypeScript loader too.
  const fromSource = import.meta.url.endsWith('.ts');
  const pool = new Piscina({
    filename: fileURLToPath(new URL(fromSource ? './thread/from-source.mjs' : './thread/entry.js', import.meta.url)),
    minThreads: 0,
    maxThreads: options.threads,
    idleTimeout: 30_000,
  });
  const running = new Set<Running<unknown>>();
  const stopAll = () => {
    for (const { stop } of running) stop();
  };
  // A second Ctrl-C ends the process at once, but DuckDB's threads have to come to rest first: see `StopLine`.
  const onExit = () => {
    stopAll();
    for (const { ended } of running) Atomics.wait(ended, 0, 0, EXIT_WAIT_MS);
  };
  process.on('exit', onExit);
  const run = async <T>(task: EngineTask, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    const own = start<T>(pool, task);
    running.add(own);
    signal.addEventListener('abort', own.stop, { once: true });
    try {
      const result = await own.result;
      signal.throwIfAborted();
      return unwrapped(result);
    } finally {
      signal.removeEventListener('abort', own.stop);
      running.delete(own);
    }
  };
  const { memoryBytes } = options;
  return {
    merge: (task, signal) => run<MergeOutcome>({ ...task, memoryBytes }, signal),
    compare: (task, signal) => run<CompareOutcome>({ ...task, memoryBytes }, signal),
    rewrite: (task, signal) => run<RewriteOutcome>({ ...task, memoryBytes }, signal),
    compact: (task, signal) => run<MergedFile>({ ...task, memoryBytes }, signal),
    // These work in JavaScript alone: their thread may be ended in the middle.
    locate: async (task, signal) => unwrapped(await pool.run(task, { name: 'locate', signal })),
    shuffle: async (task, signal) => unwrapped(await pool.run(task, { name: 'shuffle', signal })),
    async close() {
      stopAll();
      await Promise.allSettled([...running].map(({ result }) => result));
      await pool.destroy();
      process.off('exit', onExit);
    },
  };
}

/** A task in its thread. */
interface Running<T> {
  readonly result: Promise<TaskResult<T>>;
  readonly stop: () => void;
  /** As in `StopLine`. */
  readonly ended: Int32Array;
}

type EngineTask = MergeTask | CompareTask | RewriteTask | CompactTask;

/** Threads have an entry point for each kind of task, named like it. */
function start<T>(pool: Piscina, task: EngineTask): Running<T> {
  const { port1, port2 } = new MessageChannel();
  const line: StopLine = { port: port2, ended: new Int32Array(new SharedArrayBuffer(4)) };
  const result = pool.run({ ...task, line }, { name: task.kind, transferList: [port2] });
  return { result, stop: () => port1.postMessage('stop'), ended: line.ended };
}

function unwrapped<T>(result: TaskResult<T>): T {
  if (result.kind === 'failed') throw taskError(result);
  return result.value;
}

/** The error that a thread answered. */
function taskError(result: TaskResult<unknown> & { kind: 'failed' }): MongolakeError {
  const { code, message, hint, stack } = result;
  const error = new MongolakeError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
