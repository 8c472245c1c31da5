import { getEventListeners } from 'node:events';
import { expect, it, vi } from 'vitest';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { ATTEMPTS, abortable, gate, mergeJob, SOON, stateOf, untilState } from './queue-contract-helpers.ts';

/** What the queue remembers. */
export function forgetAndStates(given: () => Queue): void {
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

/** How a consumer ends. */
export function drainAndStop(given: () => Queue): void {
  it('drain lets the running job finish and takes no other', async () => {
    const queue = given();
    const started = gate();
    const door = gate();
    let aborted = false;
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    const consumer = await queue.consume(
      async ({ signal }) => {
        started.open();
        await door.opened;
        aborted = signal.aborted;
      },
      { concurrency: 1 },
    );
    await started.opened;
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
    const { handler, started } = abortable();
    const consumer = await queue.consume(handler, { concurrency: 1 });
    await started;
    await consumer.drain(50);
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' });
  });

  it('drain of an idle consumer ends at once', async () => {
    const queue = given();
    const consumer = await queue.consume(async () => {}, { concurrency: 2 });
    const start = performance.now();
    await consumer.drain(60_000);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('stop aborts, and another consumer runs the job at once, as a further delivery', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1, 3)]);
    const { handler, started } = abortable();
    const first = await queue.consume(handler, { concurrency: 1 });
    const { signal } = await started;
    await first.stop();
    expect(signal.reason).toMatchObject({ code: 'INTERRUPTED' });
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
    for (let round = 0; round < ATTEMPTS + 1; round++) {
      const { handler, started } = abortable();
      const consumer = await queue.consume(handler, { concurrency: 1 });
      await started;
      await consumer.stop();
    }
    await queue.consume(async () => {}, { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done');
  });

  it('stop and drain may be called again, and together', async () => {
    const queue = given();
    await queue.enqueue([mergeJob(1)]);
    const { handler, started } = abortable();
    const consumer = await queue.consume(handler, { concurrency: 1 });
    await started;
    await Promise.all([consumer.drain(60_000), consumer.stop()]);
    await consumer.stop();
    await consumer.drain(1);
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' });
  });
}

/** Waiting for something to finish. */
export function hints(given: () => Queue): void {
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
