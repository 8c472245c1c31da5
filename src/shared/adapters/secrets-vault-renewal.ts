/**
 * When a login to Vault, or the lease of what was read, is renewed, and when somebody logs in again or reads anew. Pure: time and
 * chance are given.
 */

/** What Vault granted. Milliseconds; times of a monotonic clock. */
export interface Lease {
  readonly grantedAt_ms: number;
  /** 0: it never ends. */
  readonly length_ms: number;
  readonly renewable: boolean;
}

/** How a login stands. */
export interface LoginState {
  /** Whether there is a way to log in again (or to read anew); a token that was given has none. */
  readonly canLogIn: boolean;
  /** `undefined` until it is looked up, for a token that was given. */
  readonly lease: Lease | undefined;
  /** The longest lease of this login. Shorter ones come near its maximum. */
  readonly longest_ms: number;
  /** Attempts in a row that found no working Vault. */
  readonly failures: number;
  /** Vault refused the last attempt: the login was revoked, or is at its maximum. */
  readonly refused: boolean;
}

/** What to do next, and in how many milliseconds. */
export type Step =
  | { readonly act: 'look-up' | 'renew' | 'log-in'; readonly in_ms: number }
  /** Nothing is left to do; `why` is there where that is worth a warning. */
  | { readonly act: 'rest'; readonly why?: string };

const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;

/** A login just made, or (without a lease) a token just given. */
export function startState(canLogIn: boolean, lease?: Lease): LoginState {
  return { canLogIn, lease, longest_ms: lease?.length_ms ?? 0, failures: 0, refused: false };
}

/** After a renewal or a look-up. */
export function granted(state: LoginState, lease: Lease): LoginState {
  return { ...state, lease, longest_ms: Math.max(state.longest_ms, lease.length_ms), failures: 0, refused: false };
}

/** After an attempt that came to nothing. */
export function failed(state: LoginState, step: Step['act'], refused: boolean): LoginState {
  // A refused renewal is a reason to log in at once; a refused login is tried again as any other.
  if (refused && step !== 'log-in') return { ...state, failures: 0, refused: true };
  return { ...state, failures: state.failures + 1 };
}

/** What to do next at `now_ms`; `chance` is from 0 to 1 and spreads what many processes do. */
export function nextStep(state: LoginState, now_ms: number, chance: number): Step {
  const { canLogIn, lease, failures, refused } = state;
  const wait_ms = backoff(failures, chance);
  if (lease === undefined) {
    return refused
      ? { act: 'rest', why: 'Vault does not tell how long the token lasts' }
      : { act: 'look-up', in_ms: wait_ms };
  }
  if (lease.length_ms === 0) return { act: 'rest' };
  const end_ms = lease.grantedAt_ms + lease.length_ms;
  const due_ms = lease.grantedAt_ms + lease.length_ms * (2 / 3) * (0.95 + 0.1 * chance);
  const until = (at_ms: number) => Math.max(0, at_ms - now_ms);
  if (mayRenew(state, lease)) {
    if (failures === 0) return { act: 'renew', in_ms: until(due_ms) };
    if (now_ms + wait_ms < end_ms) return { act: 'renew', in_ms: wait_ms };
  }
  if (!canLogIn) return { act: 'rest', why: 'the token ends and can not be renewed' };
  const untried = failures === 0 && !refused;
  return { act: 'log-in', in_ms: untried ? until(due_ms) : wait_ms };
}

/** A renewal that gave less than half of a whole lease is near the maximum of the login: the next ones give ever less. */
function mayRenew({ longest_ms, refused }: LoginState, lease: Lease): boolean {
  return lease.renewable && !refused && lease.length_ms * 2 >= longest_ms;
}

/** How long to wait after so many failures in a row, milliseconds: twice as long each time, up to a minute. */
export function backoff(failures: number, chance: number): number {
  if (failures === 0) return 0;
  return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(failures - 1, 10)) * (0.5 + chance / 2);
}
