import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { gate, mergeJob, stateOf, untilState } from '../../contracts/queue-contract.ts';
import { redisQueues } from '../../contracts/queue-redis.ts';

const LONG = 60_000;
const SOON = { timeout: 20_000, interval: 10 };

describe('BullMQ queue and a worker that dies', () => {
  const queues = redisQueues();
  const program = fileURLToPath(new URL('../../contracts/queue-consumer-process.ts', import.meta.url));

  /** Runs a worker process until it has taken a job, then kills it. */
  async function takeAndDie(prefix: string, lockMs: number, stalledMs: number): Promise<string> {
    const args = ['--import', 'tsx', program, queues.redis().url, prefix, String(lockMs), String(stalledMs)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [taken] = await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    return String(taken).trim();
  }

  it('kill -9: another worker gets the job after lock and stalled check', { timeout: LONG }, async () => {
    const settings = { lockDurationMs: 1_000, stalledIntervalMs: 500 };
    const queue = queues.open(settings);
    await queue.enqueue([mergeJob(1)]);
    expect(await takeAndDie('{mongolake}', 1_000, 500)).toBe(mergeJob(1).id);
    expect((await stateOf(queue, mergeJob(1).id)).state).toBe('active');
    const attempts: number[] = [];
    await queue.consume(async ({ attempt }) => void attempts.push(attempt), { concurrency: 1 });
    await untilState(queue, mergeJob(1).id, 'done', 20_000);
    expect(attempts).toEqual([2]);
  });

  it('a job that kills its worker again and again fails, and says what to look at', { timeout: LONG }, async () => {
    const queue = queues.open({ lockDurationMs: 500, stalledIntervalMs: 250, maxStalledCount: 0 });
    await queue.enqueue([mergeJob(1)]);
    await takeAndDie('{mongolake}', 500, 250);
    let runs = 0;
    await queue.consume(async () => void runs++, { concurrency: 1 });
    expect(await untilState(queue, mergeJob(1).id, 'failed', 20_000)).toMatchObject({
      error: { code: 'JOB_FAILED', message: expect.stringContaining('died'), hint: expect.stringContaining('memory') },
    });
    expect(runs).toBe(0);
  });

  it('a job that takes longer than its lock is not given to another', { timeout: LONG }, async () => {
    const queue = queues.open({ lockDurationMs: 400, stalledIntervalMs: 100 });
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
    // Five stalled checks of the sort that would take it: the key is set anew, for one interval, by each.
    await queues.admin(async (client) => {
      let checks = 0;
      let last: string | null = null;
      await vi.waitFor(async () => {
        const now = await client.get('{mongolake}:jobs:stalled-check');
        if (now !== null && now !== last) checks++;
        last = now ?? last;
        expect(checks).toBeGreaterThan(12);
      }, SOON);
    });
    door.open();
    await untilState(queue, mergeJob(1).id, 'done');
    expect(runs).toBe(1);
  });
});
