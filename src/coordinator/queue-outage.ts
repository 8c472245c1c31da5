import { asMongolakeError, type MongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';

/** Asks a queue that may be away for a while: what it knows only hastens a run. */
export interface PatientQueue {
  /** What the question is answered, `undefined` while the queue can't be reached. Any other error is thrown. */
  ask<T>(question: () => Promise<T>): Promise<T | undefined>;
  /** Why it could not be reached when it was asked last; `undefined` where it answered. */
  away(): MongolakeError | undefined;
}

/** Tells the log once that the queue is away, and once that it is back. */
export function patientQueue(clock: Clock, logger: Logger): PatientQueue {
  let outage: { readonly since: number; readonly error: MongolakeError } | undefined;
  const isAway = (error: MongolakeError) => {
    if (outage === undefined) {
      logger.warn('the queue is away; the run waits for it and goes on looking for receipts', {
        code: error.code,
        error: error.message,
      });
    }
    outage = { since: outage?.since ?? clock.monotonic(), error };
  };
  const isBack = () => {
    if (outage === undefined) return;
    logger.info('the queue is back', { awaySeconds: Math.round((clock.monotonic() - outage.since) / 1000) });
    outage = undefined;
  };
  return {
    async ask(question) {
      try {
        const answer = await question();
        isBack();
        return answer;
      } catch (raw) {
        const error = asMongolakeError(raw);
        if (error.code !== 'QUEUE_UNREACHABLE') throw raw;
        isAway(error);
        return undefined;
      }
    },
    away: () => outage?.error,
  };
}
