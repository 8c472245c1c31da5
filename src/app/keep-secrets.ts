import type { OpenedConfig } from './app.ts';

/**
 * Keeps the login to the store of secrets until the signal: for what runs long, and for what works with values that are leased and
 * would end. Where such a lease can't be renewed any more, that is warned of.
 */
export function keepSecrets({ secrets, logger }: OpenedConfig, signal: AbortSignal, runsLong: boolean): void {
  if (secrets === undefined || !(runsLong || secrets.leased)) return;
  void secrets.keepAlive(signal, ({ path, endsIn_ms, why }) =>
    logger.warn(`what Vault gave at ${path} ends, and is not renewed any more: ${why}`, {
      endsInSeconds: Math.round(endsIn_ms / 1000),
      hint: 'Values are read at start: start this process again before then.',
    }),
  );
}
