import { MongolakeError } from '../domain/errors.ts';
import type { Job } from '../domain/job.ts';

/** How often a job is tried, and how long it rests in between. */
export interface RetryPolicy {
  /** Tries in all that may end in an error. Deliveries that were handed back or lost their worker don't count. */
  readonly attempts: number;
  /** Rest after the first failed try, milliseconds; doubles with each. A random half of it is left away. */
  readonly backoffMs: number;
}

/** Four rests of 2, 4, 8 and 16 s: a store's hiccup passes, a wrong configuration is told within a minute. */
export const RETRY_DEFAULTS: RetryPolicy = { attempts: 5, backoffMs: 2_000 };

/** The share of a rest that is random. */
export const BACKOFF_JITTER = 0.5;

/** BullMQ keeps priorities in the upper bits of a score (`PRIORITY_LIMIT` in its Job). */
const PRIORITY_MAX = 2 ** 21 - 1;

/** The rest before the next try. `random` is in [0, 1). */
export function backoffDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  const longest = policy.backoffMs * 2 ** (failures - 1);
  return Math.floor(longest * (1 - BACKOFF_JITTER) + longest * BACKOFF_JITTER * random);
}

/** Throws `INTERNAL` for an id or a priority that BullMQ would refuse, in every adapter alike. */
export function checkJobs(jobs: readonly Job[]): void {
  for (const { id, priority } of jobs) {
    if (!/^[\w-]+$/.test(id) || /^-?\d+$/.test(id)) {
      throw new MongolakeError(
        'INTERNAL',
        `job id "${id}" is not made of letters, digits and hyphens, with a letter in it`,
      );
    }
    if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX) {
      throw new MongolakeError(
        'INTERNAL',
        `priority ${priority} of job ${id} is not an integer from 0 to ${PRIORITY_MAX}`,
      );
    }
  }
}

/** Reads a job back from what the queue stored. Throws `JOB_FAILED` for data that this version does not understand. */
export function jobFromData(data: unknown): Job {
  const job = (typeof data === 'object' && data !== null ? data : {}) as Partial<Record<string, unknown>>;
  const words = ['id', 'pipeline', 'collection', 'run'].every((key) => typeof job[key] === 'string');
  const unit = job.kind === 'extract' ? job.ordinal : job.kind === 'merge' ? job.partition : undefined;
  // The run and the number become parts of keys, and whoever can write to the queue need not be one of ours.
  const fit = words && /^[\w-]+$/.test(String(job.run)) && Number.isInteger(unit) && Number(unit) >= 0;
  if (!fit || typeof job.priority !== 'number') {
    throw new MongolakeError('JOB_FAILED', `job ${String(job.id)} has data that this worker does not understand`, {
      hint: 'Coordinator and workers must be of one version; finish the rollout, then run again.',
    });
  }
  return data as Job;
}
