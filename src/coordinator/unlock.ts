import { jsonBody } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { LEASE_KEY } from '../shared/domain/keys.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type LeaseBody, readLease } from './lease.ts';

/** What there was to take. `undefined`: nobody held the lease. */
export interface Unlocked {
  readonly taken: LeaseBody | undefined;
}

/**
 * Takes the lease away from whoever holds it, alive or not. A holder that lives stops at its next renewal, and can't commit once another
 * run has begun: that one first fences off what it could still commit. Throws `LEASE_HELD` where the holder renewed in between.
 */
export async function unlockTable(storage: Storage, clock: Clock): Promise<Unlocked> {
  const current = await readLease(storage);
  if (current?.body.state !== 'held') return { taken: undefined };
  const nonce = clock.randomHex(12);
  const body: LeaseBody = { ...current.body, epoch: current.body.epoch + 1, state: 'unsettled', nonce };
  const { written } = await storage.putIfMatch(LEASE_KEY, jsonBody(body), current.etag, nonce);
  if (written) return { taken: current.body };
  throw new MongolakeError('LEASE_HELD', `${storage.uri}: the lease was renewed at this very moment`, {
    hint: 'Its holder is alive. Stop it, or try again.',
  });
}
