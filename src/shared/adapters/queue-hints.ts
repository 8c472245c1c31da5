import type { Clock } from '../ports/clock.ts';

/** Wakes those who wait for a job to finish. */
export interface Hints {
  /** Something finished. Wakes all; with nobody waiting, the next one to wait returns at once, so nothing falls in between. */
  notify(): void;
  /** Resolves on the next `notify`, or after `timeoutMs`. Rejects only with the reason of `signal`. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Wakes all, now and from now on. */
  close(): void;
}

/** Makes the waiting side of `Queue.waitForHint`. */
export function createHints(clock: Clock): Hints {
  const waiting = new Set<AbortController>();
  let pending = false;
  let closed = false;
  const wake = () => {
    for (const one of waiting) one.abort();
  };
  return {
    notify: () => {
      pending = waiting.size === 0;
      wake();
    },
    wait: async (timeoutMs, signal) => {
      signal?.throwIfAborted();
      if (pending || closed) {
        pending = false;
        return;
      }
      const woken = new AbortController();
      const cancel = () => woken.abort();
      waiting.add(woken);
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        await clock.sleep(timeoutMs, woken.signal);
      } catch (error) {
        // The sleep was cut short: by a hint, which is what we wait for, or by the caller, who is told.
        if (!woken.signal.aborted) throw error;
        signal?.throwIfAborted();
      } finally {
        waiting.delete(woken);
        signal?.removeEventListener('abort', cancel);
      }
    },
    close: () => {
      closed = true;
      wake();
    },
  };
}
