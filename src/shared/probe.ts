import { MongolakeError } from './domain/errors.ts';
import { probeKey } from './domain/keys.ts';
import type { Clock } from './ports/clock.ts';
import type { Storage } from './ports/storage.ts';

const HINT =
  'Two writers could both believe that they committed. Use a store that honours If-None-Match and If-Match on PutObject.';

/**
 * Proves that the store honours conditional writes, on an object of its own below `_mongolake/probe/` that is deleted afterwards.
 * Throws `STORE_UNCONDITIONAL` naming the condition that was ignored, or the storage's own error.
 */
export async function probeConditionalWrites(storage: Storage, clock: Clock): Promise<void> {
  const key = probeKey(clock.randomHex(16));
  const [outcome] = await Promise.allSettled([tryConditions(storage, clock, key)]);
  // Also after a failure: a try whose outcome is not known may have left the object.
  const [cleaned] = await Promise.allSettled([storage.delete([key])]);
  if (outcome.status === 'rejected') throw outcome.reason;
  if (cleaned.status === 'rejected') throw cleaned.reason;
}

async function tryConditions(storage: Storage, clock: Clock, key: string): Promise<void> {
  const writer = (): { id: string; body: Buffer } => {
    const id = clock.randomHex(16);
    return { id, body: Buffer.from(JSON.stringify({ probe: id })) };
  };
  const [first, second, third, fourth] = [writer(), writer(), writer(), writer()];

  const created = await storage.putIfAbsent(key, first.body, first.id);
  if (!created.written) throw unconditional(storage, 'If-None-Match: it refused an object under a key that is free');
  const again = await storage.putIfAbsent(key, second.body, second.id);
  if (again.written) throw unconditional(storage, 'If-None-Match: it accepted a second object under one key');

  const replaced = await storage.putIfMatch(key, third.body, created.etag, third.id);
  if (!replaced.written) throw unconditional(storage, 'If-Match: it refused the version that is there');
  const stale = await storage.putIfMatch(key, fourth.body, created.etag, fourth.id);
  if (stale.written) throw unconditional(storage, 'If-Match: it accepted a version that was replaced before');

  // A store may answer as it should and write all the same.
  const left = await storage.get(key);
  if (!left?.body.equals(third.body)) throw unconditional(storage, 'conditions: it wrote what it said it refused');
}

function unconditional(storage: Storage, what: string): MongolakeError {
  return new MongolakeError('STORE_UNCONDITIONAL', `${storage.uri}: the store does not honour ${what}`, { hint: HINT });
}
