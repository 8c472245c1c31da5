import { isDeepStrictEqual } from 'node:util';
import { loadAdapters, openNotifier, openSecrets } from '../composition.ts';
import { systemClock } from '../shared/adapters/clock-system.ts';
import type { Environment } from '../shared/config/interpolate.ts';
import type { Config } from '../shared/config/schema.ts';
import { resolveTargets, singleTarget, type TableTarget } from '../shared/config/targets.ts';
import { type ConfigSource, loadConfig } from '../shared/config.ts';
import type { KeyedHash } from '../shared/domain/cut.ts';
import type { NotifyEvent } from '../shared/domain/notification.ts';
import { type TablePolicy, tablePolicy } from '../shared/domain/policy.ts';
import { keepSecrets } from '../shared/domain/redact.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Notifier } from '../shared/ports/notifier.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { Secrets } from '../shared/ports/secrets.ts';
import type { CollectionInfo, Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { probeConditionalWrites } from '../shared/probe.ts';
import { redacting } from './redacting.ts';
import { VERSION } from './version.ts';

/** Hears of a notification that was delivered to a webhook, or not. */
export type OnDelivered = (event: NotifyEvent, result: 'sent' | 'failed') => void;

/** What commands and the library work with: a configuration and what it names, opened when asked for. Holds nothing open by itself. */
export interface OpenedConfig {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The store that values of the configuration came from; `undefined` where it refers to none. */
  readonly secrets: Secrets | undefined;
  /** The configuration with the secrets that were read last. */
  current(): Config;
  /** Takes the secrets that the store has now into what is opened from here on, and connected anew; whether there are others. Errors: those of `loadConfig`. */
  refresh(): Promise<boolean>;
  /** Hashes with the configured key; `undefined` where there is none. */
  readonly keyed: KeyedHash | undefined;
  /** Aborted with `INTERRUPTED` when what goes on is to stop. */
  readonly signal: AbortSignal;
  /** The tables that `PIPELINE[.COLLECTION]` names. */
  targets(name: string | undefined): Promise<readonly TableTarget[]>;
  /** The one table that it names. */
  target(name: string | undefined): Promise<TableTarget>;
  /** Lists what a connection holds. */
  collections(connection: string, database: string | undefined): Promise<readonly CollectionInfo[]>;
  storage(target: TableTarget): Storage;
  source(target: TableTarget): Source;
  /** The table's column policy in its one form, with the fingerprint of the key; `undefined` where it has none. */
  columns(target: TableTarget): TablePolicy | undefined;
  queue(): Queue;
  /** Tells the configured webhooks; `undefined` where there are none. `onResult` hears what became of each notification. */
  notifier(onResult?: OnDelivered): Notifier | undefined;
  /** Proves, once per table, that the store honours conditional writes. Throws `STORE_UNCONDITIONAL`. */
  prove(storage: Storage): Promise<void>;
}

export interface OpenOptions {
  readonly config: ConfigSource;
  /** Answers the `${VAR}` of the configuration. */
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Makes the log, which the configuration may have a say in; without one where there is something to warn of before it is read. */
  readonly logger: (config: Config | undefined) => Logger;
}

/** Reads the configuration and what it refers to. Errors: as `loadConfig` says. */
export async function openConfig({
  config: from,
  env,
  signal,
  logger: makeLogger,
}: OpenOptions): Promise<OpenedConfig> {
  const clock = systemClock();
  let log: Logger | undefined;
  const later: Pick<Logger, 'debug' | 'warn'> = {
    debug: (message, fields) => log?.debug(message, fields),
    warn: (message, fields) => (log ?? makeLogger(undefined)).warn(message, fields),
  };
  keepSecrets(SECRET_VARIABLES.map((name) => process.env[name] ?? ''));
  // What libraries print by themselves the process's own environment tells them, whatever `env` is.
  const { config, secrets, renew } = await loadConfig(from, env, (vault) =>
    openSecrets(vault, clock, later, process.env, signal),
  );
  const logger = redacting(makeLogger(config));
  log = logger;
  const keyed = config.hashKey === undefined ? undefined : keyedHash(config.hashKey);
  let current = config;
  const adapters = await loadAdapters(config, () => current);
  const refresh = async () => {
    const next = await renew?.();
    if (next === undefined || sameSecrets(next, current)) return false;
    // Nothing else of it is taken: what a run began with is what it ends with.
    current = {
      ...current,
      connections: next.connections,
      queue: next.queue,
      ...(next.notify === undefined ? {} : { notify: next.notify }),
    };
    return true;
  };
  const targets = (name: string | undefined) => resolveTargets(config, name, adapters.collections);
  return {
    config,
    clock,
    logger,
    secrets,
    current: () => current,
    refresh,
    keyed,
    signal,
    targets,
    target: async (name) => singleTarget(await targets(name)),
    collections: adapters.collections,
    storage: (target) => adapters.storage(target, clock),
    source: (target) => adapters.source(target, clock),
    columns: ({ settings }) => tablePolicy(settings.columns, keyed?.fingerprint),
    queue: () => adapters.queue(clock, logger, process.env),
    notifier: (onResult) => openNotifier(() => current, { clock, logger, userAgent: `mongolake/${VERSION}`, onResult }),
    prove: provingOnce(clock),
  };
}

/** Variables that libraries take secrets from by themselves. */
const SECRET_VARIABLES = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'VAULT_TOKEN'];

function sameSecrets(a: Config, b: Config): boolean {
  return isDeepStrictEqual([a.connections, a.queue, a.notify], [b.connections, b.queue, b.notify]);
}

function provingOnce(clock: Clock): OpenedConfig['prove'] {
  const proved = new Set<string>();
  return async (storage) => {
    if (proved.has(storage.uri)) return;
    await probeConditionalWrites(storage, clock);
    proved.add(storage.uri);
  };
}
