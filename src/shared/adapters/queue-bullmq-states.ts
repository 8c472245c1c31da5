import type { ChainableCommander, Redis } from 'ioredis';
import type { JobProgress, JobState } from '../ports/queue.ts';
import { decodeFailure } from './queue-bullmq-failure.ts';

/**
 * Where each job is, of one moment and in one round trip. BullMQ's own `getJobState` looks through the list `wait` for every
 * job: of 20,000 waiting jobs that took 10 s, all of it in Redis; this takes under 1 s.
 * It reads what BullMQ 6 keeps: sorted sets `completed` and `failed`, the list `active`, and for each job, wherever it is, a hash and,
 * while a worker has it, a lock. A job without one whose worker died stays in `active` until another worker finds it: it waits. Needs Redis 6.2 (ZMSCORE), as BullMQ recommends.
 */
export async function readStates(
  client: Redis,
  toKey: (name: string) => string,
  ids: readonly string[],
): Promise<readonly JobState[]> {
  const multi = client
    .multi()
    .zmscore(toKey('completed'), ...ids)
    .zmscore(toKey('failed'), ...ids)
    .lrange(toKey('active'), 0, -1);
  for (const id of ids) multi.hmget(toKey(id), 'name', 'failedReason', 'progress');
  for (const id of ids) multi.exists(toKey(`${id}:lock`));
  const [done, failed, active, ...ofJobs] = await results(multi);
  const running = new Set(active);
  return ids.map((id, index): JobState => {
    const [name, failedReason, progress] = ofJobs[index] ?? [];
    const [isLocked] = ofJobs[ids.length + index] ?? [];
    if (name === null || name === undefined) return { state: 'unknown' };
    if (typeof done?.[index] === 'string') return { state: 'done' };
    if (typeof failed?.[index] === 'string') return { state: 'failed', error: decodeFailure(failedReason) };
    if (!running.has(id) || isLocked !== '1') return { state: 'waiting' };
    const reported = progressOf(progress);
    return reported === undefined ? { state: 'active' } : { state: 'active', progress: reported };
  });
}

/** Every command here answers with a list of strings and nulls, or with a number, which is given as a list of one text. */
async function results(multi: ChainableCommander): Promise<readonly (readonly (string | null)[])[]> {
  const replies = (await multi.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error !== null) throw error;
    return Array.isArray(value) ? (value as (string | null)[]) : [String(value)];
  });
}

/** BullMQ stores what the worker reported as JSON, and 0 before that. */
function progressOf(stored: string | null | undefined): JobProgress | undefined {
  const value: unknown = JSON.parse(stored ?? '0');
  const { done, bytes } = (typeof value === 'object' && value !== null ? value : {}) as Partial<JobProgress>;
  return typeof done === 'number' && typeof bytes === 'number' ? { done, bytes } : undefined;
}
