import type { Clock } from '../../shared/ports/clock.ts';

/**
 * A reading that many share: it is done at most once at a time, and one that is younger than `lifeMs` of it is given again. A failure is
 * remembered as long as `failureMs`.
 */
export function remembered<T>(
  clock: Clock,
  read: () => Promise<T>,
  { lifeMs, failureMs }: { readonly lifeMs: (value: T) => number; readonly failureMs: number },
): () => Promise<T> {
  let reading: Promise<T> | undefined;
  let until = Number.POSITIVE_INFINITY;
  return () => {
    if (reading !== undefined && clock.monotonic() < until) return reading;
    until = Number.POSITIVE_INFINITY;
    reading = read();
    reading.then(
      (value) => {
        until = clock.monotonic() + lifeMs(value);
      },
      () => {
        until = clock.monotonic() + failureMs;
      },
    );
    return reading;
  };
}
