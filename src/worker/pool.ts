import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { LocateTask, MergeOutcome, MergeTask, TaskResult } from './thread/engine.ts';

/** Threads that merge. A CPU-bound merge on the main thread would lose its job's lock; here the main thread stays free to renew it. */
export interface MergePool {
  merge(task: Omit<MergeTask, 'memoryBytes'>, signal: AbortSignal): Promise<MergeOutcome>;
  /** Indexes of the base files that the delta touches, ascending. */
  locate(task: LocateTask, signal: AbortSignal): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface PoolOptions {
  readonly threads: number;
  /** Of each thread, bytes. */
  readonly memoryBytes: number;
}

/** A pool of piscina threads; an aborted task's thread is ended and replaced. */
export function createMergePool(options: PoolOptions): MergePool {
  // Run from the sources (tests, examples), a thread needs the TypeScript loader too.
  const fromSource = import.meta.url.endsWith('.ts');
  const pool = new Piscina({
    filename: fileURLToPath(new URL(fromSource ? './thread/from-source.mjs' : './thread/entry.js', import.meta.url)),
    minThreads: 0,
    maxThreads: options.threads,
    idleTimeout: 30_000,
  });
  const run = async <T>(name: string, task: MergeTask | LocateTask, signal: AbortSignal): Promise<T> => {
    const result: TaskResult<T> = await pool.run(task, { name, signal });
    if (result.kind === 'failed') throw taskError(result);
    return result.value;
  };
  return {
    merge: (task, signal) => run('merge', { ...task, memoryBytes: options.memoryBytes }, signal),
    locate: (task, signal) => run('locate', task, signal),
    close: () => pool.destroy(),
  };
}

/** The error that a thread answered. */
function taskError(result: TaskResult<unknown> & { kind: 'failed' }): MongolakeError {
  const { code, message, hint, stack } = result;
  const error = new MongolakeError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
