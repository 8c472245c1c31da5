import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';

describe('the system clock, as adapters are given it', () => {
  it('tells time in milliseconds', () => {
    const clock = systemClock();
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
    const before = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
  });

  it('gives as many random bytes as asked for, other ones each time', () => {
    const clock = systemClock();
    expect(clock.randomHex(16)).toMatch(/^[0-9a-f]{32}$/);
    expect(clock.randomHex(16)).not.toBe(clock.randomHex(16));
  });

  it('sleeps, and wakes with the reason of the signal', async () => {
    const clock = systemClock();
    const before = clock.monotonic();
    await clock.sleep(20);
    expect(clock.monotonic() - before).toBeGreaterThan(15);
    const reason = new Error('woken by the test');
    await expect(clock.sleep(1e9, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    // Longer than Node's timers can be: such a one would fire at once.
    const sleeping = clock.sleep(2 ** 33, controller.signal);
    await clock.sleep(50);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
  });
});
