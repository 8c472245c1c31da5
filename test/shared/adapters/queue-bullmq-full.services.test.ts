import { expect, it, vi } from 'vitest';
import { gate, mergeJob, stateOf, untilState } from '../../contracts/queue-contract-helpers.ts';
import { redisQueues } from '../../contracts/queue-redis.ts';
import { describeWith } from '../../services/context.ts';

const SOON = { timeout: 20_000, interval: 10 };

describeWith(['redis'], 'BullMQ queue and a full Redis', () => {
  const queues = redisQueues();
  const full = (): Promise<unknown> => queues.admin((client) => client.config('SET', 'maxmemory', '1'));
  const roomy = (): Promise<unknown> => queues.admin((client) => client.config('SET', 'maxmemory', '0'));

  it('tells who enqueues that it is full, and takes the jobs once there is room', async () => {
    const queue = queues.open();
    await queue.enqueue([mergeJob(1)]);
    await full();
    const calls = [
      () => queue.enqueue([mergeJob(2)]),
      () => queue.enqueue([mergeJob(3), mergeJob(4)]),
      // It only reads, but of one moment: a full Redis begins no transaction.
      () => queue.states([mergeJob(1).id]),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: 'QUEUE_UNREACHABLE',
        retryable: true,
        message: expect.stringContaining('is full: it takes no writes'),
        hint: expect.stringContaining('maxmemory'),
      });
    }
    await roomy();
    await queue.enqueue([mergeJob(2), mergeJob(3)]);
    for (const partition of [1, 2, 3])
      expect(await stateOf(queue, mergeJob(partition).id)).toEqual({ state: 'waiting' });
  });

  it('is waited out by a consumer, which then runs what waits and what it could not write down', async () => {
    const queue = queues.open({ lockDurationMs: 2_000, stalledIntervalMs: 1_000 });
    const started = gate();
    const door = gate();
    const runs: string[] = [];
    await queue.enqueue([mergeJob(1), mergeJob(2)]);
    await queue.consume(
      async ({ job }) => {
        runs.push(job.id);
        started.open();
        if (runs.length === 1) await door.opened;
      },
      { concurrency: 1 },
    );
    await started.opened;
    await full();
    door.open();
    await vi.waitFor(() => expect(queues.errors.some(({ message }) => message.includes('is full'))).toBe(true), SOON);
    await roomy();
    for (const partition of [1, 2]) await untilState(queue, mergeJob(partition).id, 'done', 30_000);
    expect(new Set(runs)).toEqual(new Set([mergeJob(1).id, mergeJob(2).id]));
    expect(queues.errors.filter(({ code }) => code !== 'QUEUE_UNREACHABLE')).toEqual([]);
  });

  it('lets a consumer start, which begins once there is room', async () => {
    await queues.open().enqueue([mergeJob(1)]);
    await full();
    const queue = queues.open();
    await queue.consume(async () => {}, { concurrency: 1 });
    await vi.waitFor(() => expect(queues.errors.map(({ code }) => code)).toContain('QUEUE_UNREACHABLE'), SOON);
    await roomy();
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
  });
});
