import { asMongolakeError } from '../shared/domain/errors.ts';
import type { OpenedConfig } from './app.ts';

/** After a refresh that failed it is tried again so soon, milliseconds. */
const TRY_AGAIN_MS = 15_000;

/**
 * Keeps the login to the store of secrets until the signal, and the values good: for what works with values that are leased, which are read anew
 * where a lease comes to its end, and for what runs long, for which all are read anew every `vault.refreshInterval`. What is opened or
 * connected from then on takes them; trouble is told to the log, and tried again.
 */
export function keepSecrets(app: OpenedConfig, signal: AbortSignal, runsLong: boolean): void {
  const { secrets, logger, clock, config } = app;
  if (secrets === undefined || !(runsLong || secrets.leased)) return;
  const every_ms = runsLong ? (config.vault?.refreshInterval ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  let due = new AbortController();
  void secrets.keepAlive(signal, ({ path, endsIn_ms, why }) => {
    logger.info(`what Vault gave at ${path} ends: ${why}; it is read anew`, {
      endsInSeconds: Math.round(endsIn_ms / 1000),
    });
    due.abort();
  });
  void refreshing();

  async function refreshing(): Promise<void> {
    for (let rest_ms = every_ms; !signal.aborted; ) {
      await rested(rest_ms);
      if (signal.aborted) return;
      due = new AbortController();
      rest_ms = (await refreshed()) ? every_ms : TRY_AGAIN_MS;
    }
  }

  /** Until it is due, or the end. */
  async function rested(ms: number): Promise<void> {
    try {
      await clock.sleep(Math.min(ms, MAX_SLEEP_MS), AbortSignal.any([signal, due.signal]), { background: true });
    } catch {
      // One of the signals.
    }
  }

  async function refreshed(): Promise<boolean> {
    try {
      if (await app.refresh()) logger.info('secrets have changed: new connections take them');
      return true;
    } catch (error) {
      const { code, message } = asMongolakeError(error);
      logger.warn('secrets could not be read anew; what is open goes on with those of before', {
        code,
        error: message,
      });
      return false;
    }
  }
}

/** What a timer holds. */
const MAX_SLEEP_MS = 2 ** 31 - 1;
