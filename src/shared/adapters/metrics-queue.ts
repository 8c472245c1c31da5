import { asMongolakeError, type ErrorCode } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueDepth } from '../ports/queue.ts';
import { within } from '../within.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

/** What the queue said when it was asked last. */
export type QueueAnswer =
  | { readonly up: true; readonly depth: QueueDepth }
  | { readonly up: false; readonly code: ErrorCode };

/** Asks the queue whether it is there, and how deep. Never rejects, answers within 2 s. */
export type QueueProbe = () => Promise<QueueAnswer>;

/** Probes and scrapes of a whole cluster must not become a load: an answer serves all who ask within this time. */
const KEEP_MS = 1_500;
const TIMEOUT_MS = 2_000;

/** A probe of `queue`, whose answer is kept for a moment. */
export function queueProbe(queue: Pick<Queue, 'depth'>, clock: Clock): QueueProbe {
  let answer: Promise<QueueAnswer> | undefined;
  let answeredAt: number | undefined;
  return () => {
    if (answer !== undefined && (answeredAt === undefined || clock.monotonic() - answeredAt < KEEP_MS)) return answer;
    answeredAt = undefined;
    answer = ask(queue, clock).finally(() => {
      answeredAt = clock.monotonic();
    });
    return answer;
  };
}

async function ask(queue: Pick<Queue, 'depth'>, clock: Clock): Promise<QueueAnswer> {
  try {
    const answer = await within(clock, TIMEOUT_MS, queue.depth());
    return answer.done ? { up: true, depth: answer.value } : { up: false, code: 'QUEUE_UNREACHABLE' };
  } catch (error) {
    return { up: false, code: asMongolakeError(error).code };
  }
}

/** The queue's depth, asked at each scrape; no depth where the queue can't be asked. */
export function queueMetrics({ gauge }: MetricsRegistry, probe: QueueProbe): void {
  gauge('queue_up', 'Whether the queue answered: 1 or 0', [], async (up) => {
    up.set((await probe()).up ? 1 : 0);
  });
  const help = 'Jobs in the queue, of all tables and workers; failed ones are kept for a week';
  gauge('queue_jobs', help, ['state'], async (jobs) => {
    const answer = await probe();
    jobs.reset();
    if (!answer.up) return;
    const { waiting, prioritized, active, delayed, failed } = answer.depth;
    for (const [state, count] of Object.entries({ waiting, prioritized, active, delayed, failed }))
      jobs.set({ state }, count);
  });
}
