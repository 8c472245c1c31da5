import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { gate, mergeJob, stateOf, untilState } from '../../contracts/queue-contract-helpers.ts';
import { redisQueues } from '../../contracts/queue-redis.ts';
import { describeWith } from '../../services/context.ts';

const SOON = { timeout: 20_000, interval: 10 };

describeWith(['redis'], 'BullMQ queue and a worker that dies', () => {
  const queues = redisQueues();
  const program = fileURLToPath(new URL('../../contracts/queue-consumer-process.ts', import.meta.url));

  /** Runs a worker process until it has taken a job. */
  async function worker(lockMs: number, stalledMs: number): Promise<{ child: ChildProcess; taken: string }> {
    const args = ['--import', 'tsx', program, queues.redis().url, '{mongolake}', String(lockMs), String(stalledMs)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [taken] = await once(child.stdout, 'data');
    return { child, taken: String(taken).trim() };
  }

  async function takeAndDie(lockMs: number, stalledMs: number): Promise<string> {
    const { child, taken } = await worker(lockMs, stalledMs);
    child.kill('SIGKILL');
    await once(child, 'exit');
    return taken;
  }

  it('kill -9: another worker gets the job after lock and stalled check', async () => {
    const settings = { lockDurationMs: 1_000, stalledIntervalMs: 500 };
    const queue = queues.open(settings);
    await queue.enqueue([mergeJob(1)]);
    expect(await takeAndDie(1_000, 500)).toBe(mergeJob(1).id);
    expect((await stateOf(queue, mergeJob(1).id)).state).toBe('active');
    // Once its lock has run out nobody has it, whatever BullMQ's list says.
    await untilState(queue, mergeJob(1).id, 'waiting');
    const attempts: number[] = [];
    await queue.consume(async ({ attempt }) => void attempts.push(attempt), { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
    expect(attempts).toEqual([2]);
  });

  it('a job that kills its worker again and again fails, and says what to look at', async () => {
    const queue = queues.open({ lockDurationMs: 500, stalledIntervalMs: 250, maxStalledCount: 0 });
    await queue.enqueue([mergeJob(1)]);
    await takeAndDie(500, 250);
    let runs = 0;
    await queue.consume(async () => void runs++, { concurrency: 1 });
    expect(await untilState(queue, mergeJob(1).id, 'failed', 20_000)).toMatchObject({
      error: { code: 'JOB_FAILED', message: expect.stringContaining('died'), hint: expect.stringContaining('memory') },
    });
    expect(runs).toBe(0);
  });

  it('a job that takes longer than its lock is not given to another', async () => {
    const queue = queues.open({ lockDurationMs: 1_500, stalledIntervalMs: 300 });
    const door = gate();
    let runs = 0;
    await queue.enqueue([mergeJob(1)]);
    for (let worker = 0; worker < 2; worker++) {
      await queue.consume(
        async () => {
          runs++;
          await door.opened;
        },
        { concurrency: 1 },
      );
    }
    // As many stalled checks as would find it, had the lock run out: each sets this key anew, for one interval.
    await queues.admin(async (client) => {
      let checks = 0;
      let last: string | null = null;
      await vi.waitFor(async () => {
        const now = await client.get('{mongolake}:jobs:stalled-check');
        if (now !== null && now !== last) checks++;
        last = now ?? last;
        expect(checks).toBeGreaterThan(9);
      }, SOON);
    });
    door.open();
    await untilState(queue, mergeJob(1).id, 'done');
    expect(runs).toBe(1);
  });

  it('closes while Redis is away, and then nothing keeps the process up', async () => {
    const queue = queues.open();
    await queue.enqueue([mergeJob(1)]);
    const { child } = await worker(30_000, 30_000);
    await queue.close();
    await queues.killRedis();
    child.kill('SIGTERM');
    const from = performance.now();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(performance.now() - from).toBeLessThan(10_000);
  });

  it('closes, and the next worker has the job at once', async () => {
    const queue = queues.open();
    await queue.enqueue([mergeJob(1)]);
    const { child } = await worker(30_000, 30_000);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await stateOf(queue, mergeJob(1).id)).toEqual({ state: 'waiting' });
  });
});
