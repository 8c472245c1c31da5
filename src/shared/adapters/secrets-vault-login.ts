import { type ErrorCode, MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { Grant, VaultClient } from './secrets-vault-client.ts';
import { failureOf, isAtItsEnd, tokenError, unavailable, type VaultPlace } from './secrets-vault-errors.ts';
import type { LeaseBook } from './secrets-vault-leases.ts';
import {
  failed,
  granted,
  type Lease,
  type LoginState,
  nextStep,
  type Step,
  startState,
} from './secrets-vault-renewal.ts';

/** What it takes to keep a login. */
export interface LoginKeeper {
  readonly client: VaultClient;
  readonly place: VaultPlace;
  /** A token that was given, which no message may repeat. */
  readonly secrets: readonly string[];
  /** `undefined` where a token was given. */
  readonly logIn: (() => Promise<Grant>) | undefined;
  readonly leases: LeaseBook;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
}

type Act = Exclude<Step['act'], 'rest'>;

/** Renews a login, and logs in again, until the signal or until nothing is left to do. Never rejects. */
export async function keepLogin(start: LoginState, keeper: LoginKeeper, signal: AbortSignal): Promise<void> {
  const { clock, logger, place, leases } = keeper;
  let state = start;
  while (!signal.aborted) {
    const step = nextStep(state, clock.monotonic(), Number.parseInt(clock.randomHex(2), 16) / 0x10000);
    if (step.act === 'rest') {
      const hint = 'Secrets are read at start only; what runs goes on.';
      if (step.why === undefined) return;
      logger.warn(`login to Vault at ${place.address}: ${step.why}`, { hint });
      if (state.lease !== undefined) leases.orphan(leftOf(state.lease, clock), 'the login to Vault ends');
      return;
    }
    try {
      await clock.sleep(step.in_ms, signal, { background: true });
    } catch {
      return; // the signal
    }
    state = await take(state, step.act, keeper);
  }
}

/** Milliseconds. */
function leftOf(lease: Lease, clock: Clock): number {
  return Math.max(0, lease.grantedAt_ms + lease.length_ms - clock.monotonic());
}

/** Does what is due and tells what came of it; never rejects. */
async function take(state: LoginState, act: Act, keeper: LoginKeeper): Promise<LoginState> {
  const { clock, logger, leases } = keeper;
  const start_ms = clock.monotonic();
  const verdict = await attempt(act, keeper);
  if ('length_ms' in verdict) {
    const lease = { ...verdict, grantedAt_ms: start_ms };
    logger.debug(act === 'log-in' ? 'logged in to Vault again' : 'login to Vault renewed', {
      seconds: lease.length_ms / 1000,
    });
    if (act !== 'log-in') return granted(state, lease);
    // What was read by the former login ends with it; that may have happened where Vault has refused it.
    const left_ms = state.lease === undefined || state.refused ? 0 : leftOf(state.lease, clock);
    leases.orphan(left_ms, 'the login that read it ends');
    return startState(true, lease);
  }
  const { refused, code, error } = verdict;
  // At its maximum every login is refused once; that is mended by the next.
  const expected = refused && act === 'renew' && state.canLogIn;
  logger[expected ? 'debug' : 'warn'](WHAT_FAILED[act], { code, error });
  return failed(state, act, refused);
}

const WHAT_FAILED = {
  'look-up': 'the login to Vault could not be looked up',
  renew: 'the login to Vault could not be renewed; it is tried again, or logged in anew',
  'log-in': 'could not log in to Vault again; it is tried again',
} as const;

interface Verdict {
  readonly refused: boolean;
  readonly code: ErrorCode;
  readonly error: string;
}

async function attempt(act: Act, { client, place, secrets, logIn }: LoginKeeper): Promise<Grant | Verdict> {
  try {
    if (act === 'log-in' && logIn !== undefined) return await logIn();
    const grant = await (act === 'look-up' ? client.lookUp() : client.renew());
    return grant ?? { refused: true, code: 'VAULT_REFUSED', error: `what answers at ${place.address} is not Vault` };
  } catch (error) {
    const known = error instanceof MongolakeError ? error : tokenTrouble(error, place, secrets);
    return { refused: known.code === 'VAULT_REFUSED', code: known.code, error: known.message };
  }
}

function tokenTrouble(error: unknown, place: VaultPlace, secrets: readonly string[]): MongolakeError {
  const failure = failureOf(error, secrets);
  const away = isAtItsEnd(failure) ? undefined : unavailable(failure, place);
  if (away !== undefined) return away;
  const { status, reason } = failure.status === undefined ? { status: 0, reason: '' } : failure;
  return tokenError(place.address, status, reason);
}
