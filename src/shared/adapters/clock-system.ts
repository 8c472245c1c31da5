import { randomBytes } from 'node:crypto';
import { setTimeout as timer } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';

/** The longest delay Node's timers take; a longer one fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The real clock and the real randomness. Every other file takes a `Clock`, so that a test or a simulation can replace this one. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  };
}

async function sleep(
  ms: number,
  signal?: AbortSignal,
  { background = false }: { readonly background?: boolean } = {},
): Promise<void> {
  signal?.throwIfAborted();
  const options = { ref: !background, ...(signal === undefined ? {} : { signal }) };
  for (let left = ms; left > 0; left -= TIMER_MAX_MS) {
    try {
      await timer(Math.min(left, TIMER_MAX_MS), undefined, options);
    } catch (error) {
      // Node rejects with an AbortError of its own; the caller is promised the signal's reason.
      signal?.throwIfAborted();
      throw error;
    }
  }
}
