import { Queue as BullQueue } from 'bullmq';
import { afterAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../../src/shared/adapters/queue-bullmq.ts';
import { inspectRedis } from '../../../src/shared/adapters/redis-facts.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { queueContract } from '../../contracts/queue-contract.ts';
import { mergeJob, untilState } from '../../contracts/queue-contract-helpers.ts';
import { redisQueues } from '../../contracts/queue-redis.ts';
import { describeWith } from '../../services/context.ts';

const SOON = { timeout: 20_000, interval: 10 };

describeWith(['redis'], 'BullMQ queue', ({ redis }) => {
  const clock = systemClock();
  const unexpected: MongolakeError[] = [];
  let count = 0;
  queueContract((settings) =>
    bullmqQueue({
      url: redis.url,
      prefix: `${redis.prefix}${++count}`,
      clock,
      onError: (error) => void unexpected.push(error),
      ...settings,
    }),
  );
  afterAll(() => expect(unexpected).toEqual([]));
});

describeWith(['redis'], 'BullMQ queue that is refused', () => {
  const queues = redisQueues();
  const withUser = (user: string) => queues.redis().url.replace('//', `//${user}@`);

  it('tells a wrong password at once, from producer and consumer, without quoting it', async () => {
    await queues.admin((client) => client.acl('SETUSER', 'worker', 'on', '>right', '~*', '+@all'));
    const queue = queues.open({ url: withUser('worker:wr0ng') });
    const refused = { code: 'QUEUE_REFUSED', retryable: false, message: expect.stringContaining('WRONGPASS') };
    await expect(queue.enqueue([mergeJob(1)])).rejects.toMatchObject(refused);
    await expect(queue.consume(async () => {}, { concurrency: 1 })).rejects.toMatchObject(refused);
    await expect(inspectRedis({ url: withUser('worker:wr0ng') })).rejects.toMatchObject(refused);
    const told = await queue.depth().catch((error: unknown) => error);
    expect(told).toBeInstanceOf(MongolakeError);
    // A reply error of ioredis carries the arguments of its command.
    expect(JSON.stringify([told, (told as Error).cause, (told as Error).stack, queues.errors])).not.toContain('wr0ng');
    const fine = queues.open({ url: withUser('worker:right') });
    await fine.enqueue([mergeJob(1)]);
  });

  it('tells where a password is wanted and none is given', async () => {
    await queues.admin(async (client) => {
      await client.config('SET', 'requirepass', 'secret');
    });
    await expect(queues.open().depth()).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
      message: expect.stringContaining('NOAUTH'),
    });
    await expect(queues.open().consume(async () => {}, { concurrency: 1 })).rejects.toMatchObject({
      code: 'QUEUE_REFUSED',
    });
  });

  it('tells missing rights, and works once they are given', async () => {
    await queues.admin((client) =>
      client.acl('SETUSER', 'worker', 'on', '>right', '~*', '+@all', '-@scripting', '-info'),
    );
    const queue = queues.open({ url: withUser('worker:right') });
    const refused = { code: 'QUEUE_REFUSED', message: expect.stringContaining('NOPERM') };
    await expect(queue.enqueue([mergeJob(1)])).rejects.toMatchObject(refused);
    await expect(queue.consume(async () => {}, { concurrency: 1 })).rejects.toMatchObject(refused);
    await queues.admin((client) => client.acl('SETUSER', 'worker', '+@all'));
    await vi.waitFor(() => queue.enqueue([mergeJob(1)]), SOON);
    await queue.consume(async () => {}, { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done');
  });

  it('a consumer that loses its rights asks about once a second, and goes on when it has them again', async () => {
    await queues.admin((client) => client.acl('SETUSER', 'worker', 'on', '>right', '~*', '+@all'));
    const queue = queues.open({ url: withUser('worker:right'), lockDurationMs: 1_000, stalledIntervalMs: 500 });
    await queue.enqueue(Array.from({ length: 9 }, (_, partition) => mergeJob(partition)));
    const deny = () => queues.admin((client) => client.acl('SETUSER', 'worker', '-@scripting'));
    await queue.consume(
      async ({ job }) => {
        if (job.id === mergeJob(3).id) await deny();
      },
      { concurrency: 2 },
    );
    await queues.admin(async (client) => {
      const rejected = async () =>
        Number(/cmdstat_evalsha:.*rejected_calls=(\d+)/.exec(await client.info('commandstats'))?.[1]);
      await vi.waitFor(async () => expect(await rejected()).toBeGreaterThan(2), SOON);
      const from = performance.now();
      const before = await rejected();
      await vi.waitFor(async () => expect(await rejected()).toBeGreaterThan(before + 3), SOON);
      expect(performance.now() - from).toBeGreaterThan(800);
      await client.acl('SETUSER', 'worker', '+@scripting');
    });
    await untilState(queue, mergeJob(8).id, 'done', 20_000);
  });
});

describeWith(['redis'], 'what BullMQ shows', () => {
  const queues = redisQueues();

  it('a failed job reads well in a dashboard, and its data are ids under 1 KB', async () => {
    const queue = queues.open();
    await queue.enqueue([mergeJob(1, 5)]);
    await queue.consume(
      async () => {
        throw new MongolakeError('SCHEMA_CONFLICT', 'field "price": a string', { hint: 'Exclude it.' });
      },
      { concurrency: 1 },
    );
    await untilState(queue, mergeJob(1).id, 'failed');
    await queues.admin(async (client) => {
      const shown = await new BullQueue('jobs', { connection: client, prefix: '{mongolake}' }).getJob(mergeJob(1).id);
      expect(shown?.name).toBe('merge');
      expect(shown?.data).toEqual(mergeJob(1, 5));
      expect(shown?.failedReason).toBe(
        '{"code":"SCHEMA_CONFLICT","message":"field \\"price\\": a string","hint":"Exclude it.","retryable":false}',
      );
      expect(shown?.stacktrace?.[0]).toMatch(/^SCHEMA_CONFLICT: field "price": a string\nExclude it\.\n\s+at /);
      const keys = await client.keys('*');
      expect(keys.filter((key) => !key.startsWith('{mongolake}:'))).toEqual([]);
    });
  });

  it('data of another version fail the job by name', async () => {
    const queue = queues.open();
    await queues.admin(async (client) => {
      const other = new BullQueue('jobs', { connection: client, prefix: '{mongolake}' });
      await other.add('compact', { id: 'r1-compact-1', kind: 'compact' }, { jobId: 'r1-compact-1' });
    });
    await queue.consume(async () => {}, { concurrency: 1 });
    expect(await untilState(queue, 'r1-compact-1', 'failed')).toMatchObject({
      error: {
        code: 'JOB_FAILED',
        message: expect.stringContaining('r1-compact-1'),
        hint: expect.stringContaining('version'),
      },
    });
  });

  it('states, enqueue and forget take many jobs', async () => {
    const queue = queues.open();
    const jobs = Array.from({ length: 2_100 }, (_, partition) => mergeJob(partition, partition % 3));
    const ids = jobs.map(({ id }) => id);
    await queue.enqueue(jobs);
    expect(new Set((await queue.states(ids)).map(({ state }) => state))).toEqual(new Set(['waiting']));
    expect(await queue.depth()).toMatchObject({ waiting: 700, prioritized: 1_400 });
    await queue.forget(ids);
    expect(new Set((await queue.states(ids)).map(({ state }) => state))).toEqual(new Set(['unknown']));
  });
});

describeWith(['redis'], 'inspectRedis', () => {
  const queues = redisQueues();

  it('tells version, eviction policy and whether the append-only file is on', async () => {
    const { url } = queues.redis();
    expect(await inspectRedis({ url })).toMatchObject({
      flavour: 'redis',
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      mode: 'standalone',
      role: 'master',
      maxmemoryPolicy: 'noeviction',
      maxMemoryBytes: 0,
      appendonly: true,
    });
    await queues.admin((client) => client.config('SET', 'maxmemory-policy', 'allkeys-lru', 'appendonly', 'no'));
    expect(await inspectRedis({ url })).toMatchObject({ maxmemoryPolicy: 'allkeys-lru', appendonly: false });
    await expect(inspectRedis({ url: 'localhost:6379' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await queues.killRedis();
    await expect(inspectRedis({ url })).rejects.toMatchObject({
      code: 'QUEUE_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
