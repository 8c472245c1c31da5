import { expect, it, vi } from 'vitest';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Job } from '../../src/shared/domain/job.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { ATTEMPTS, gate, mergeJob, SOON, untilState } from './queue-contract-helpers.ts';

/** Once each, in order, so many at once. */
export function enqueueAndConsume(given: () => Queue): void {
  it('runs every job once', async () => {
    const queue = given();
    const jobs = [mergeJob(1), mergeJob(2), mergeJob(3)];
    const seen: Job[] = [];
    await queue.enqueue(jobs);
    await queue.consume(async ({ job }) => void seen.push(job), { concurrency: 1 });
    for (const { id } of jobs) await untilState(queue, id, 'done');
    expect(seen).toEqual(jobs);
  });

  it('says that it looks, with each job that it takes', async () => {
    const queue = given();
    const handled: number[] = [];
    let looks = 0;
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    await queue.consume(async () => void handled.push(looks), { concurrency: 1, onLook: () => void looks++ });
    for (const partition of [1, 2]) await untilState(queue, mergeJob(partition).id, 'done');
    expect(handled[0]).toBeGreaterThan(0);
    expect(handled[1]).toBeGreaterThan(handled[0] ?? 0);
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

/** Tries, and what is kept of the last. */
export function failures(given: () => Queue): void {
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
    expect(runs).toBe(ATTEMPTS);
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
