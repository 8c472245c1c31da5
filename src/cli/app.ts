import { type OpenedConfig, openConfig } from '../app/app.ts';
import { keepSecrets } from '../app/keep-secrets.ts';
import { pinoLogger } from '../shared/adapters/logger-pino.ts';
import type { Config } from '../shared/config/schema.ts';
import type { Logger } from '../shared/ports/logger.ts';
import { endInTime, interruption } from './ending.ts';
import { createScreen, type Screen } from './screen.ts';

/** Options that every command has. */
export interface GlobalOptions {
  readonly config: string;
  readonly logLevel?: string;
  readonly logFormat?: 'auto' | 'pretty' | 'json';
  readonly json?: boolean;
}

/** What a command works with. Its signal is aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
export interface App extends OpenedConfig {
  readonly screen: Screen;
}

/** What differs between commands. */
export interface OpenOptions {
  /** For commands that run long: the login to the store of secrets is renewed until the signal. */
  readonly keepLogin?: boolean;
  /** How long what goes on may go on after the signal, milliseconds. */
  readonly drainTimeout?: (config: Config) => number;
}

/** Reads the configuration and what it refers to. Errors: as `loadConfig` says. */
export async function openApp(
  options: GlobalOptions,
  { keepLogin = false, drainTimeout = ({ coordinator }) => coordinator.drainTimeout }: OpenOptions = {},
): Promise<App> {
  let log: Logger | undefined;
  const signal = interruption(() => log);
  const screen = await createScreen();
  const opened = await openConfig({
    config: options.config,
    env: process.env,
    signal,
    logger: (config) => {
      const format = options.logFormat ?? config?.log.format ?? 'auto';
      return pinoLogger({
        level: options.logLevel ?? config?.log.level ?? 'info',
        print: screen.print,
        format: format === 'auto' ? (screen.interactive ? 'pretty' : 'json') : format,
      });
    },
  });
  const { config, clock, logger } = opened;
  log = logger;
  endInTime(signal, clock, logger, drainTimeout(config));
  keepSecrets(opened, signal, keepLogin);
  return { ...opened, screen };
}
