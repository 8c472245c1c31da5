import type { Clock } from '../../src/shared/ports/clock.ts';

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves the time on by `ms`, waking each sleeper at its moment, and lets what they do come to rest. */
  advance(ms: number): Promise<void>;
}

interface Sleeper {
  readonly wakesAt: number;
  wake(): void;
}

/** Starts at `start`, epoch milliseconds. Randomness is a counter. */
export function fakeClock(start: number): FakeClock {
  let time = start;
  let drawn = 0;
  const sleepers = new Set<Sleeper>();
  return {
    now: () => time,
    monotonic: () => time - start,
    randomHex: (bytes) => (drawn++).toString(16).padStart(bytes * 2, '0'),
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          wakesAt: time + ms,
          wake() {
            signal?.removeEventListener('abort', abort);
            resolve();
          },
        };
        signal?.addEventListener('abort', abort, { once: true });
        sleepers.add(sleeper);
      });
    },
    async advance(ms) {
      const end = time + ms;
      await settle();
      for (;;) {
        const next = [...sleepers].sort((a, b) => a.wakesAt - b.wakesAt)[0];
        if (next === undefined || next.wakesAt > end) break;
        sleepers.delete(next);
        time = next.wakesAt;
        next.wake();
        await settle();
      }
      time = end;
    },
  };
}

/** Lets every promise that can go on go on: a turn of the event loop, no time passes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
