import { expect, it, vi } from 'vitest';
import type { Delivery } from '../../../src/shared/ports/queue.ts';
import { gate, mergeJob, stateOf, untilAborted, untilState } from '../../contracts/queue-contract-helpers.ts';
import { elapsed, redisQueues } from '../../contracts/queue-redis.ts';
import { describeWith } from '../../services/context.ts';
import { freePort } from '../../services/server.ts';

const LONG = 60_000;
const SOON = { timeout: 20_000, interval: 10 };

describeWith(['redis'], 'BullMQ queue without Redis', () => {
  const queues = redisQueues();

  it('tells every producer call in bounded time that Redis is not there, from the start on', async () => {
    const queue = queues.open({ url: `redis://reader:s3cret@127.0.0.1:${await freePort()}`, connectTimeoutMs: 500 });
    const calls = [
      () => queue.enqueue([mergeJob(1)]),
      () => queue.states(['x']),
      () => queue.forget(['x']),
      () => queue.depth(),
    ];
    for (const call of calls) {
      const failing = expect(call()).rejects.toMatchObject({
        code: 'QUEUE_UNREACHABLE',
        retryable: true,
        message: expect.stringContaining('ECONNREFUSED'),
      });
      expect(await elapsed(failing)).toBeLessThan(2_000);
    }
    expect(
      JSON.stringify(queues.errors.map(({ message, stack, cause, hint }) => [message, stack, cause, hint])),
    ).not.toContain('s3cret');
    expect(queues.errors.length).toBeGreaterThan(0);
  });

  it('the same where Redis went away later, or hangs; and works again when it is back', async () => {
    const queue = queues.open({ connectTimeoutMs: 700 });
    await queue.enqueue([mergeJob(1)]);
    process.kill(queues.redis().pid, 'SIGSTOP');
    expect(await elapsed(expect(queue.depth()).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' }))).toBeLessThan(
      2_000,
    );
    process.kill(queues.redis().pid, 'SIGCONT');
    await vi.waitFor(() => queue.depth(), SOON);
    const { restart } = await queues.killRedis();
    expect(
      await elapsed(expect(queue.states(['x'])).rejects.toMatchObject({ code: 'QUEUE_UNREACHABLE' })),
    ).toBeLessThan(2_000);
    await restart();
    await vi.waitFor(async () => expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' }), SOON);
  });

  it('a consumer that starts first begins when Redis is there', async () => {
    const { restart } = await queues.killRedis();
    const queue = queues.open();
    await queue.consume(async () => {}, { concurrency: 1 });
    expect(queues.errors).toMatchObject([{ code: 'QUEUE_UNREACHABLE' }]);
    await restart();
    await queue.enqueue([mergeJob(1)]);
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
  });

  it('a consumer that waits looks again and again: with Redis there, and while it is away', async () => {
    const queue = queues.open();
    let looks = 0;
    await queue.consume(async () => {}, { concurrency: 2, onLook: () => void looks++ });
    const goesOn = async () => {
      const before = looks;
      await vi.waitFor(() => expect(looks).toBeGreaterThan(before + 1), { timeout: 60_000, interval: 50 });
    };
    await goesOn();
    const { restart } = await queues.killRedis();
    await vi.waitFor(() => expect(queues.errors.map(({ code }) => code)).toContain('QUEUE_UNREACHABLE'), SOON);
    await goesOn();
    await restart();
    await vi.waitFor(() => queue.enqueue([mergeJob(1)]), SOON);
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
    await goesOn();
  });

  it('a hint is late, but nobody who waits for one is told off; it works again afterwards', async () => {
    const { restart } = await queues.killRedis();
    const queue = queues.open();
    expect(await elapsed(queue.waitForHint(300))).toBeLessThan(2_000);
    await restart();
    await queue.consume(async () => {}, { concurrency: 1 });
    let hints = 0;
    let partition = 0;
    await vi.waitFor(async () => {
      await queue.enqueue([mergeJob(++partition)]);
      await Promise.race([
        queue.waitForHint(LONG).then(() => hints++),
        untilState(queue, mergeJob(partition).id, 'done'),
      ]);
      expect(hints).toBeGreaterThan(0);
    }, SOON);
  });

  it('drain, stop and close end in bounded time', async () => {
    const queue = queues.open({ connectTimeoutMs: 1_000 });
    const seen: Delivery[] = [];
    await queue.enqueue([mergeJob(1)]);
    const busy = await queue.consume(
      async (delivery) => {
        seen.push(delivery);
        await untilAborted(delivery);
      },
      { concurrency: 1 },
    );
    await vi.waitFor(() => expect(seen).toHaveLength(1), SOON);
    const idle = await queue.consume(async () => {}, { concurrency: 1 });
    await queue.waitForHint(1);
    await queues.killRedis();
    await seen[0]?.progress({ done: 1, bytes: 1 });
    expect(await elapsed(idle.drain(30_000))).toBeLessThan(8_000);
    expect(await elapsed(busy.stop())).toBeLessThan(8_000);
    expect(seen[0]?.signal.aborted).toBe(true);
    expect(await elapsed(queue.close())).toBeLessThan(1_000);
  });
});

describeWith(['redis'], 'BullMQ queue and an outage of Redis', () => {
  const queues = redisQueues();

  it('waiting jobs and an idle consumer outlive a crash', async () => {
    const queue = queues.open();
    const done: string[] = [];
    const started = gate();
    const door = gate();
    await queue.enqueue([1, 2, 3].map((partition) => mergeJob(partition)));
    await queue.consume(
      async ({ job }) => {
        started.open();
        if (job.id === mergeJob(1).id) await door.opened;
        done.push(job.id);
      },
      { concurrency: 1 },
    );
    await started.opened;
    const { restart } = await queues.killRedis();
    await vi.waitFor(() => expect(queues.errors.map(({ code }) => code)).toContain('QUEUE_UNREACHABLE'), SOON);
    door.open();
    await vi.waitFor(() => expect(done).toHaveLength(1), SOON);
    await restart();
    for (const partition of [1, 2, 3]) await untilState(queue, mergeJob(partition).id, 'done', 30_000);
    const again = await queues.killRedis();
    await again.restart();
    await vi.waitFor(() => queue.enqueue([mergeJob(4)]), SOON);
    await untilState(queue, mergeJob(4).id, 'done', 30_000);
  });

  it('FLUSHALL: a running job is aborted, its id is unknown, and enqueued anew it runs', async () => {
    const queue = queues.open({ lockDurationMs: 2_000, stalledIntervalMs: 1_000 });
    const seen: Delivery[] = [];
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    await queue.consume(
      async (delivery) => {
        seen.push(delivery);
        if (seen.length === 1) await untilAborted(delivery);
      },
      { concurrency: 1 },
    );
    await vi.waitFor(() => expect(seen).toHaveLength(1), SOON);
    await queues.admin((client) => client.flushall());
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'unknown' });
    await vi.waitFor(() => expect(seen[0]?.signal.aborted).toBe(true), SOON);
    expect(seen[0]?.signal.reason).toMatchObject({ code: 'QUEUE_UNREACHABLE', retryable: true });
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    for (const partition of [1, 2]) await untilState(queue, mergeJob(partition).id, 'done', 20_000);
    expect(seen.map(({ job }) => job.id)).toEqual([mergeJob(1).id, mergeJob(1).id, mergeJob(2).id]);
  });

  it('a job that comes again while it runs here waits for its older run, which is aborted', async () => {
    const queue = queues.open({ lockDurationMs: 600_000 });
    const seen: Delivery[] = [];
    let running = 0;
    let most = 0;
    await queue.enqueue([mergeJob(1)]);
    await queue.consume(
      async (delivery) => {
        seen.push(delivery);
        most = Math.max(most, ++running);
        if (seen.length === 1) await untilAborted(delivery).finally(() => running--);
        else running--;
      },
      { concurrency: 2 },
    );
    await vi.waitFor(() => expect(seen).toHaveLength(1), SOON);
    await queues.admin((client) => client.flushall());
    await queue.enqueue([mergeJob(1)]);
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
    expect(seen).toHaveLength(2);
    expect(most).toBe(1);
  });
});
