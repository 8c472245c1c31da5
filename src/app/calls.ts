import { type ErrorCode, MongolakeError } from '../shared/domain/errors.ts';
import { LEASE_KEY } from '../shared/domain/keys.ts';
import type { Life } from '../shared/liveness.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { PortCall, Watcher } from '../shared/watched.ts';
import { within } from '../shared/within.ts';

/** The calls that a run makes of its store and source. */
export interface Calls {
  /** A call is a sign of life, and is given up where it does not end in time after the signal. */
  readonly watch: Watcher;
  /** Whether a call was given up. */
  gaveUp(): boolean;
  /** The run has ended. */
  close(): void;
}

export interface CallsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
  /** How long a call that is under way may then go on, milliseconds. */
  readonly drainTimeoutMs: number;
  readonly life: Life;
}

/** What begins after that has this long: enough to give the lease back, where the store answers. */
const LAST_CALL_MS = 3_000;

const UNREACHABLE: Readonly<Record<PortCall['port'], ErrorCode>> = {
  store: 'STORE_UNREACHABLE',
  source: 'SOURCE_UNREACHABLE',
};

/**
 * Watches the calls of one run. To whoever made it a call that is given up is one whose answer was lost (`STORE_UNREACHABLE`,
 * `SOURCE_UNREACHABLE`): what it did is not known.
 */
export function runCalls({ clock, logger, signal, drainTimeoutMs, life }: CallsOptions): Calls {
  const pending = new Set<() => void>();
  const closed = new AbortController();
  let over = false;
  let gaveUp = false;
  const unanswered = ({ port, name }: PortCall) => {
    gaveUp = true;
    logger.warn('the process ends: a call that does not answer is given up', { call: `${port} ${name}` });
    return new MongolakeError(UNREACHABLE[port], `the ${port} did not answer (${name}) before the process had to end`);
  };
  const timeIsOver = () => {
    over = true;
    for (const giveUp of pending) giveUp();
  };
  const onAbort = () => void clock.sleep(drainTimeoutMs, closed.signal).then(timeIsOver, () => undefined);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const bounded = async <T>(call: PortCall, running: Promise<T>): Promise<T> => {
    if (over) {
      const outcome = await within(clock, LAST_CALL_MS, running);
      if (outcome.done) return outcome.value;
      throw unanswered(call);
    }
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(unanswered(call));
      pending.add(giveUp);
      running.then(resolve, reject).finally(() => pending.delete(giveUp));
    });
  };
  return {
    async watch(call, work) {
      const sign = showsLife(call) ? life.beat : () => {};
      sign({ call: `${call.port} ${call.name}` });
      try {
        return await bounded(call, work());
      } finally {
        sign();
      }
    },
    gaveUp: () => gaveUp,
    close() {
      closed.abort();
      signal.removeEventListener('abort', onAbort);
      life.end();
    },
  };
}

/** The lease is renewed beside a run, whatever the run does. */
function showsLife({ name, key }: PortCall): boolean {
  return !(name === 'putIfMatch' && key === LEASE_KEY);
}
