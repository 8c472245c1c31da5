import type { Clock } from '../ports/clock.ts';

const BASE_MS = 50;
const CAP_MS = 1000;

/**
 * Waits before try `failures` + 1: between half and all of 50 ms doubled with each failure, at most 1 s. The jitter keeps writers
 * that failed together from meeting again. Rejects with the signal's reason.
 */
export async function backOff(clock: Clock, failures: number, signal?: AbortSignal): Promise<void> {
  const whole = Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
  const share = Number.parseInt(clock.randomHex(2), 16) / 0xffff;
  await clock.sleep((whole / 2) * (1 + share), signal);
}
