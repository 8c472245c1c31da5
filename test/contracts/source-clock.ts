import type { Clock } from '../../src/shared/ports/clock.ts';

/** A clock whose waits are over at once, and which tells what they would have been. */
export function instantClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  let time = 0;
  return {
    slept,
    now: () => Date.UTC(2026, 10, 1) + time,
    monotonic: () => time,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      time += ms;
    },
    randomHex: (bytes) => '80'.repeat(bytes),
  };
}
