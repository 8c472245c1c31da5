import { expect, vi } from 'vitest';
import { type Job, jobId } from '../../src/shared/domain/job.ts';
import type { Delivery, JobState, Queue } from '../../src/shared/ports/queue.ts';

/** How long tests wait for what has to come. */
export const SOON = { timeout: 10_000, interval: 5 };

/** Tries of a job in the contract suite: quick ones. */
export const ATTEMPTS = 3;

/** A merge job of one run; its number is partition and id. */
export function mergeJob(partition: number, priority = 0, run = 'r1'): Job {
  return {
    id: jobId(run, 'merge', partition),
    kind: 'merge',
    pipeline: 'guest',
    collection: 'notifications',
    run,
    priority,
    partition,
  };
}

/** A promise and its key. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Rejects when the delivery's signal aborts, as a handler that honours it does. */
export function untilAborted({ signal }: Delivery): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** The state of one job. */
export async function stateOf(queue: Queue, id: string): Promise<JobState> {
  const [state] = await queue.states([id]);
  if (state === undefined) throw new Error('states() gave nothing');
  return state;
}

/** Waits until the job is in that state. */
export async function untilState(
  queue: Queue,
  id: string,
  state: JobState['state'],
  timeout = 10_000,
): Promise<JobState> {
  return vi.waitFor(
    async () => {
      const now = await stateOf(queue, id);
      expect(now.state).toBe(state);
      return now;
    },
    { timeout, interval: 10 },
  );
}

/**
 * A handler that waits for its signal, and its first delivery. To wait for that is not to wait for the state: a queue may call a
 * job active a moment before the handler has it.
 */
export function abortable(): { handler(delivery: Delivery): Promise<never>; readonly started: Promise<Delivery> } {
  let start: (delivery: Delivery) => void = () => {};
  const started = new Promise<Delivery>((resolve) => {
    start = resolve;
  });
  const handler = (delivery: Delivery) => {
    start(delivery);
    return untilAborted(delivery);
  };
  return { handler, started };
}
