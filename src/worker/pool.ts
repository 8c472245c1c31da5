import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { LocateTask, MergeOutcome, MergeTask } from './thread/engine.ts';

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
    filename: fileURLToPath(new URL(fromSource ? './thread/from-source.mjs' : './thread/task.js', import.meta.url)),
    minThreads: 0,
    maxThreads: options.threads,
    idleTimeout: 30_000,
  });
  return {
    merge: (task, signal) => pool.run({ ...task, memoryBytes: options.memoryBytes }, { name: 'merge', signal }),
    locate: (task, signal) => pool.run(task, { name: 'locate', signal }),
    close: () => pool.destroy(),
  };
}
