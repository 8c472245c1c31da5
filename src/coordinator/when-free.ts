import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Clock } from '../shared/ports/clock.ts';

/** How long a table is waited for while other runs have it, milliseconds; and between two tries. */
const WAIT_MS = 10 * 60_000;
const TRY_MS = 2_000;

/** Does what needs a table's lease, as soon as it can be had: for the last step of something that has taken long already. Throws `LEASE_HELD` in the end. */
export async function whenFree<T>(
  work: () => Promise<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  const until = clock.monotonic() + WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (asMongolakeError(error).code !== 'LEASE_HELD' || clock.monotonic() >= until) throw error;
      await clock.sleep(TRY_MS, signal);
    }
  }
}
