import type { Clock } from './ports/clock.ts';

/** Waits for `work`, at most `timeoutMs`. What loses the race goes on by itself, and its failure is nobody's. */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
): Promise<{ readonly done: true; readonly value: T } | { readonly done: false }> {
  const finished = new AbortController();
  try {
    return await Promise.race([
      work.then((value) => ({ done: true as const, value })),
      clock.sleep(timeoutMs, finished.signal).then(() => ({ done: false as const })),
    ]);
  } finally {
    finished.abort();
  }
}
