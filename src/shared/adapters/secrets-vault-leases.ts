import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { EndingSecret } from '../ports/secrets.ts';
import { leaseOfRead, type VaultClient } from './secrets-vault-client.ts';
import { failureOf, isAtItsEnd, unavailable, type VaultPlace } from './secrets-vault-errors.ts';
import { failed, granted, type Lease, type LoginState, nextStep, startState } from './secrets-vault-renewal.ts';

/** The leases of what was read. */
export interface LeaseBook {
  readonly size: number;
  /** Whether it has a lease of a read at the path. */
  has(path: string): boolean;
  /** Remembers the lease of a read that began at `asked_ms` (monotonic), if it has one, in place of the path's former one. */
  add(path: string, body: unknown, asked_ms: number): void;
  /** Renews them until `signal` is aborted. A lease is out of the book once it was told to `onEnding`. */
  keep(signal: AbortSignal, onEnding: (ending: EndingSecret) => void): void;
  /** The login that they hang on is not kept any more, and ends in so many milliseconds: so do they. */
  orphan(endsIn_ms: number, why: string): void;
}

interface Held {
  readonly path: string;
  readonly id: string;
  state: LoginState & { readonly lease: Lease };
  /** Aborted once it is nobody's to renew any more. */
  readonly dropped: AbortController;
  why: string;
}

interface Context {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
}

/** A book without leases. */
export function leaseBook(client: VaultClient, place: VaultPlace, context: Context): LeaseBook {
  const { clock } = context;
  const held = new Map<string, Held>();
  let keeping: { readonly signal: AbortSignal; readonly onEnding: (ending: EndingSecret) => void } | undefined;

  const end = (one: Held, why: string, atMost_ms = Number.POSITIVE_INFINITY) => {
    held.delete(one.path);
    one.dropped.abort();
    const { grantedAt_ms, length_ms } = one.state.lease;
    const left_ms = Math.max(0, grantedAt_ms + length_ms - clock.monotonic());
    keeping?.onEnding({ path: one.path, endsIn_ms: Math.min(left_ms, atMost_ms), why });
  };

  const keepOne = async (one: Held, signal: AbortSignal) => {
    while (!signal.aborted) {
      // For a lease, to log in again is to read anew: others do that.
      const step = nextStep(one.state, clock.monotonic(), Number.parseInt(clock.randomHex(2), 16) / 0x10000);
      if (step.act === 'rest') return;
      try {
        await clock.sleep(step.in_ms, signal, { background: true });
      } catch {
        return;
      }
      if (step.act !== 'renew') return end(one, one.why);
      await renew(one, client, place, context);
    }
  };
  const begin = (one: Held) => {
    if (keeping !== undefined) void keepOne(one, AbortSignal.any([keeping.signal, one.dropped.signal]));
  };

  return {
    get size() {
      return held.size;
    },
    has: (path) => held.has(path),
    add(path, body, asked_ms) {
      held.get(path)?.dropped.abort();
      held.delete(path);
      const found = leaseOfRead(body);
      if (found === undefined) return;
      const { id, ...grant } = found;
      const lease = { ...grant, grantedAt_ms: asked_ms };
      const why = grant.renewable ? 'it is at its maximum' : 'it can not be renewed';
      const one = { path, id, state: { ...startState(true, lease), lease }, dropped: new AbortController(), why };
      held.set(path, one);
      begin(one);
    },
    keep(signal, onEnding) {
      keeping = { signal, onEnding };
      for (const one of held.values()) begin(one);
    },
    orphan(endsIn_ms, why) {
      for (const one of [...held.values()]) end(one, why, endsIn_ms);
    },
  };
}

/** Tries it once; what came of it is in the state. */
async function renew(one: Held, client: VaultClient, place: VaultPlace, { clock, logger }: Context): Promise<void> {
  const { path, id, state } = one;
  const asked_ms = clock.monotonic();
  try {
    const lease = { ...(await client.renewLease(id)), grantedAt_ms: asked_ms };
    one.state = { ...granted(state, lease), lease };
    logger.debug('lease of a secret renewed', { path, seconds: lease.length_ms / 1000 });
  } catch (error) {
    const failure = failureOf(error, [id]);
    const away = isAtItsEnd(failure) ? undefined : unavailable(failure, place);
    one.why = away?.message ?? (failure.status === undefined ? failure.code : failure.reason);
    one.state = { ...failed(state, 'renew', away === undefined), lease: state.lease };
    logger[away === undefined ? 'debug' : 'warn']('the lease of a secret could not be renewed', {
      path,
      error: one.why,
    });
  }
}
