import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { type Job, jobId } from '../../src/shared/domain/job.ts';
import type { Delivery, JobState, Queue } from '../../src/shared/ports/queue.ts';

/** What the suite wants of the queue that it is given. */
export interface QueueSettings {
  readonly attempts: number;
  readonly backoffMs: number;
}

const SETTINGS: QueueSettings = { attempts: 3, backoffMs: 20 };
const SOON = { timeout: 10_000, interval: 5 };

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

/** What every queue does. `open` gives an empty queue; the suite closes it, and a queue closes its consumers. */
export function queueContract(open: (settings: QueueSettings) => Queue | Promise<Queue>): void {
  let queue: Queue;
  beforeEach(async () => {
    queue = await open(SETTINGS);
  });
  afterEach(async () => {
    await queue.close();
  });
  describe('enqueue and consume', () => enqueueAndConsume(() => queue));
  describe('failures', () => failures(() => queue));
  describe('forget and states', () => forgetAndStates(() => queue));
  describe('drain and stop', () => drainAndStop(() => queue));
  describe('hints', () => hints(() => queue));
}

function enqueueAndConsume(given: () => Queue): void {
  it('runs every job once', async () => {
    const queue = given();
    const jobs = [mergeJob(1), mergeJob(2), mergeJob(3)];
    const seen: Job[] = [];
    await queue.enqueue(jobs);
    await queue.consume(async ({ job }) => void seen.push(job), { concurrency: 1 });
    for (const { id } of jobs) await untilState(queue, id, 'done');
    expect(seen).toEqual(jobs);
  });

  it('runs a job that was enqueued twice once, also when it is done already', async () => {
    const queue = given();
    let runs = 0;
    await queue.consume(async () => void runs++, { concurrency: 2 });
    await queue.enqueue([mergeJob(1), mergeJob(1)]);
    await queue.enqueue([mergeJob(1)]);
    await untilState(queue, mergeJob(1).id, 'done');
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    await untilState(queue, mergeJob(2).id, 'done');
    expect(runs).toBe(2);
  });

  it('takes smaller priorities first, 0 before all, equal ones in the order in which they came', async () => {
    const queue = given();
    const order: string[] = [];
    await queue.enqueue([
      mergeJob(1, 20),
      mergeJob(2, 10),
      mergeJob(3, 0),
      mergeJob(4, 10),
      mergeJob(5, 1),
      mergeJob(6, 0),
    ]);
    await queue.consume(async ({ job }) => void order.push(job.id), { concurrency: 1 });
    await vi.waitFor(() => expect(order).toHaveLength(6), SOON);
    expect(order).toEqual([3, 6, 5, 2, 4, 1].map((partition) => mergeJob(partition).id));
  });

  it('runs no more at once than it may', async () => {
    const queue = given();
    const jobs = [1, 2, 3, 4, 5, 6, 7].map((partition) => mergeJob(partition));
    const doors: ReturnType<typeof gate>[] = [];
    let running = 0;
    let most = 0;
    await queue.enqueue(jobs);
    await queue.consume(
      async () => {
        most = Math.max(most, ++running);
        const door = gate();
        doors.push(door);
        await door.opened;
        running--;
      },
      { concurrency: 3 },
    );
    for (let done = 0; done < jobs.length; done++) {
      await vi.waitFor(() => expect(running).toBe(Math.min(3, jobs.length - done)), SOON);
      doors[done]?.open();
    }
    for (const { id } of jobs) await untilState(queue, id, 'done');
    expect(most).toBe(3);
  });

  it('refuses ids and priorities that not every queue takes', async () => {
    const queue = given();
    for (const wrong of [
      { id: '17' },
      { id: 'a:b' },
      { id: '' },
      { priority: 1.5 },
      { priority: -1 },
      { priority: 2 ** 21 },
    ]) {
      await expect(queue.enqueue([{ ...mergeJob(1), ...wrong }])).rejects.toMatchObject({ code: 'INTERNAL' });
    }
  });

  it('takes empty lists', async () => {
    const queue = given();
    await queue.enqueue([]);
    await queue.forget([]);
    expect(await queue.states([])).toEqual([]);
  });
}

function failures(given: () => Queue): void {
  it('tries a retryable error again, and counts the deliveries', async () => {
    const queue = given();
    const attempts: number[] = [];
    await queue.enqueue([mergeJob(1)]);
    await queue.consume(
      async ({ attempt }) => {
        attempts.push(attempt);
        if (attempt === 1) throw new MongolakeError('STORE_UNREACHABLE', 'away');
        if (attempt === 2) throw new TypeError('an error that nobody foresaw');
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(1).id, 'done');
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('gives up after so many tries, with the last error', async () => {
    const queue = given();
    let runs = 0;
    await queue.enqueue([mergeJob(1)]);
    await queue.consume(
      async () => {
        runs++;
        throw new MongolakeError('STORE_UNREACHABLE', `try ${runs} of guest/a.parquet: no answer`, {
          hint: 'Check the endpoint.',
          cause: new Error('socket hang up'),
        });
      },
      { concurrency: 1 },
    );
    expect(await untilState(queue, mergeJob(1).id, 'failed')).toEqual({
      state: 'failed',
      error: {
        code: 'STORE_UNREACHABLE',
        message: 'try 3 of guest/a.parquet: no answer',
        hint: 'Check the endpoint.',
        retryable: true,
      },
    });
    expect(runs).toBe(3);
  });

  it('fails at once where trying again cannot help', async () => {
    const queue = given();
    let runs = 0;
    await queue.enqueue([mergeJob(1)]);
    await queue.consume(
      async () => {
        runs++;
        throw new MongolakeError('SCHEMA_CONFLICT', 'field "price": a string in a long column');
      },
      { concurrency: 1 },
    );
    expect(await untilState(queue, mergeJob(1).id, 'failed')).toEqual({
      state: 'failed',
      error: { code: 'SCHEMA_CONFLICT', message: 'field "price": a string in a long column', retryable: false },
    });
    expect(runs).toBe(1);
  });

  it('keeps no credentials of an error that a driver threw', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1)]);
    await queue.consume(
      async () => {
        throw new Error('connect mongodb://reader:s3cr@et@db.example:27017/guest failed');
      },
      { concurrency: 1 },
    );
    expect(await untilState(queue, mergeJob(1).id, 'failed')).toEqual({
      state: 'failed',
      error: { code: 'INTERNAL', message: 'connect mongodb://***@db.example:27017/guest failed', retryable: false },
    });
  });
}

function forgetAndStates(given: () => Queue): void {
  it('tells each state, in the order asked, and unknown for what it never saw', async () => {
    const queue = given();
    const door = gate();
    await queue.enqueue([mergeJob(1), mergeJob(2), mergeJob(3, 7)]);
    await queue.consume(
      async ({ job, progress }) => {
        if (job.id === mergeJob(1).id) return;
        await progress({ done: 12, bytes: 3_456 });
        await door.opened;
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(2).id, 'active');
    await vi.waitFor(async () => {
      expect(await queue.states([3, 9, 2, 1].map((partition) => mergeJob(partition).id))).toEqual([
        { state: 'waiting' },
        { state: 'unknown' },
        { state: 'active', progress: { done: 12, bytes: 3_456 } },
        { state: 'done' },
      ]);
    }, SOON);
    door.open();
  });

  it('runs a job again that was forgotten and enqueued anew', async () => {
    const queue = given();
    let runs = 0;
    await queue.consume(
      async ({ attempt }) => {
        runs++;
        if (attempt === 1 && runs === 1) throw new MongolakeError('SCHEMA_CONFLICT', 'no');
      },
      { concurrency: 1 },
    );
    await queue.enqueue([mergeJob(1)]);
    await untilState(queue, mergeJob(1).id, 'failed');
    for (const expected of [2, 3]) {
      await queue.forget([mergeJob(1).id, 'never-seen']);
      expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'unknown' });
      await queue.enqueue([mergeJob(1)]);
      await untilState(queue, mergeJob(1).id, 'done');
      expect(runs).toBe(expected);
    }
  });

  it('forgets a waiting job, but not a running one', async () => {
    const queue = given();
    const door = gate();
    const seen: string[] = [];
    await queue.enqueue([mergeJob(1), mergeJob(2), mergeJob(3, 5)]);
    await queue.consume(
      async ({ job }) => {
        seen.push(job.id);
        await door.opened;
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(1).id, 'active');
    await queue.forget([1, 2, 3].map((partition) => mergeJob(partition).id));
    expect((await stateOf(queue, mergeJob(1).id)).state).toBe('active');
    expect(await stateOf(queue, mergeJob(2).id)).toEqual({ state: 'unknown' });
    expect(await stateOf(queue, mergeJob(3).id)).toEqual({ state: 'unknown' });
    door.open();
    await untilState(queue, mergeJob(1).id, 'done');
    await queue.enqueue([mergeJob(4)]);
    await untilState(queue, mergeJob(4).id, 'done');
    expect(seen).toEqual([mergeJob(1).id, mergeJob(4).id]);
  });

  it('counts what waits, runs, rests and failed', async () => {
    const queue = given();
    const door = gate();
    await queue.enqueue([mergeJob(1), mergeJob(2), mergeJob(3), mergeJob(4, 5)]);
    expect(await queue.depth()).toEqual({ waiting: 3, prioritized: 1, active: 0, delayed: 0, failed: 0 });
    await queue.consume(
      async ({ job }) => {
        if (job.id === mergeJob(1).id) throw new MongolakeError('ID_TYPE', 'no');
        await door.opened;
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(2).id, 'active');
    expect(await queue.depth()).toEqual({ waiting: 1, prioritized: 1, active: 1, delayed: 0, failed: 1 });
    door.open();
  });
}

function drainAndStop(given: () => Queue): void {
  it('drain lets the running job finish and takes no other', async () => {
    const queue = given();
    const door = gate();
    let aborted = false;
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    const consumer = await queue.consume(
      async ({ signal }) => {
        await door.opened;
        aborted = signal.aborted;
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(1).id, 'active');
    const drained = consumer.drain(30_000);
    await queue.enqueue([mergeJob(3)]);
    door.open();
    await drained;
    expect(aborted).toBe(false);
    expect((await queue.states([1, 2, 3].map((n) => mergeJob(n).id))).map(({ state }) => state)).toEqual([
      'done',
      'waiting',
      'waiting',
    ]);
  });

  it('drain aborts and hands back what is not done in time', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1)]);
    const consumer = await queue.consume(untilAborted, { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'active');
    await consumer.drain(50);
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' });
  });

  it('drain of an idle consumer ends at once', async () => {
    const queue = given();
    const consumer = await queue.consume(untilAborted, { concurrency: 2 });
    const start = performance.now();
    await consumer.drain(60_000);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('stop aborts, and another consumer runs the job at once, as a further delivery', async () => {
    const queue = given();
    let reason: unknown;
    await queue.enqueue([mergeJob(1, 3)]);
    const first = await queue.consume(
      async (delivery) => {
        await untilAborted(delivery).catch((error: unknown) => {
          reason = error;
          throw error;
        });
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(1).id, 'active');
    await first.stop();
    expect(reason).toMatchObject({ code: 'INTERRUPTED' });
    const attempts: number[] = [];
    const start = performance.now();
    await queue.consume(async ({ attempt }) => void attempts.push(attempt), { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done');
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(attempts).toEqual([2]);
  });

  it('a handler that a stop aborts uses up no try', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1)]);
    for (let round = 0; round < SETTINGS.attempts + 1; round++) {
      const consumer = await queue.consume(untilAborted, { concurrency: 1 });
      await untilState(queue, mergeJob(1).id, 'active');
      await consumer.stop();
    }
    await queue.consume(async () => {}, { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done');
  });

  it('stop and drain may be called again, and together', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1)]);
    const consumer = await queue.consume(untilAborted, { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'active');
    await Promise.all([consumer.drain(60_000), consumer.stop()]);
    await consumer.stop();
    await consumer.drain(1);
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' });
  });
}

function hints(given: () => Queue): void {
  it('wakes one who waits when a job is done, and when one failed', async () => {
    const queue = given();
    await queue.consume(
      async ({ job }) => {
        if (job.kind === 'merge' && job.partition % 2 === 0) throw new MongolakeError('ID_TYPE', 'no');
      },
      { concurrency: 1 },
    );
    for (const parity of [0, 1]) {
      let woken = false;
      const start = performance.now();
      const hint = queue.waitForHint(60_000).then(() => {
        woken = true;
      });
      // A hint may be missed while the listening starts: finish jobs until one arrives.
      let partition = parity;
      await vi.waitFor(async () => {
        partition += 2;
        await queue.enqueue([mergeJob(partition, 0, `p${parity}`)]);
        expect(woken).toBe(true);
      }, SOON);
      await hint;
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });

  it('ends after its time without a hint', async () => {
    const start = performance.now();
    await given().waitForHint(40);
    expect(performance.now() - start).toBeGreaterThan(30);
  });

  it('rejects with the reason of an aborted signal, and leaves no listener behind', async () => {
    const queue = given();
    const controller = new AbortController();
    for (let round = 0; round < 20; round++) await queue.waitForHint(1, controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    const waiting = queue.waitForHint(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(queue.waitForHint(60_000, controller.signal)).rejects.toThrow('enough');
  });

  it('lets those go who wait when the queue closes', async () => {
    const queue = given();
    const waiting = queue.waitForHint(60_000);
    await queue.close();
    await waiting;
    await expect(queue.enqueue([mergeJob(1)])).rejects.toThrow('closed');
  });
}
