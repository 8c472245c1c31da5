import type { MessagePort } from 'node:worker_threads';
import type { DuckDBConnection } from '@duckdb/node-api';
import { MongolakeError } from '../../shared/domain/errors.ts';

/**
 * How a merge is told to stop. Its thread can't just be ended: where DuckDB is at work in it, that aborts the whole process
 * (its Node binding throws while the thread's environment is torn down).
 */
export interface StopLine {
  /** Any message: stop. */
  readonly port: MessagePort;
  /** Shared; 1 once nothing of the task goes on in the thread. */
  readonly ended: Int32Array;
}

/** Runs a task with a signal that is aborted when the line says so. */
export async function stoppable<T>({ port, ended }: StopLine, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  port.once('message', () => controller.abort(new MongolakeError('INTERRUPTED', 'the merge was told to stop')));
  try {
    return await task(controller.signal);
  } catch (error) {
    // DuckDB's own word for it is an error like any other.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    port.close();
    Atomics.store(ended, 0, 1);
    Atomics.notify(ended, 0);
  }
}

/** Lets the thread hear what it was told, and throws where that was to stop. */
export async function listen(signal: AbortSignal | undefined): Promise<void> {
  await turn();
  signal?.throwIfAborted();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Interrupts the connection's queries once the signal is aborted, until the returned function is called: DuckDB forgets an
 * interrupt that comes before a query has begun.
 */
export function interruptOn(signal: AbortSignal | undefined, connection: DuckDBConnection): () => void {
  let over = false;
  const interrupt = () => {
    if (over) return;
    connection.interrupt();
    setImmediate(interrupt);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  return () => {
    over = true;
    signal?.removeEventListener('abort', interrupt);
  };
}
