import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { type BullmqQueueOptions, bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';
import type { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Queue } from '../../src/shared/ports/queue.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { required } from '../services/result.ts';

/** A Redis for each test, which the test may kill, and queues in it. */
export interface RedisQueues {
  redis(): RedisServer;
  /** What the queues of this test reported in the background. */
  readonly errors: MongolakeError[];
  /** A queue that is closed after the test, before Redis. */
  open(options?: Partial<BullmqQueueOptions>): Queue;
  /** A crash: `restart` brings it back on the same port with the same append-only file. */
  killRedis(): Promise<{ restart(): Promise<void> }>;
  /** Runs commands over a connection of their own. */
  admin<T>(work: (client: Redis) => Promise<T>): Promise<T>;
}

/** Sets the hooks up in the describe block that calls it. */
export function redisQueues(): RedisQueues {
  const errors: MongolakeError[] = [];
  const queues: Queue[] = [];
  let redis: RedisServer;
  let dir: string;
  beforeEach(async () => {
    errors.length = 0;
    dir = mkdtempSync(join(tmpdir(), 'mongolake-queue-'));
    redis = required(await startRedis({ dir }));
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
    await redis.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    redis: () => redis,
    errors,
    open: (options = {}) => {
      const onError = (error: MongolakeError) => void errors.push(error);
      const queue = bullmqQueue({ url: redis.url, clock: systemClock(), onError, ...options });
      queues.push(queue);
      return queue;
    },
    killRedis: async () => {
      const { port } = redis;
      await redis.kill();
      return {
        restart: async () => {
          redis = required(await startRedis({ port, dir }));
        },
      };
    },
    admin: async (work) => {
      const client = new Redis(redis.url);
      try {
        return await work(client);
      } finally {
        client.disconnect();
      }
    },
  };
}

/** Milliseconds until `work` is done. */
export async function elapsed(work: Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work;
  return performance.now() - from;
}
