import { loadAdapters, openSecrets } from '../composition.ts';
import { systemClock } from '../shared/adapters/clock-system.ts';
import { pinoLogger } from '../shared/adapters/logger-pino.ts';
import type { Config } from '../shared/config/schema.ts';
import { resolveTargets, singleTarget, type TableTarget } from '../shared/config/targets.ts';
import { loadConfig } from '../shared/config.ts';
import type { KeyedHash } from '../shared/domain/cut.ts';
import { type TablePolicy, tablePolicy } from '../shared/domain/policy.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { Liveness } from '../shared/liveness.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { WorkerMetrics } from '../shared/ports/metrics.ts';
import type { Consumer, Queue } from '../shared/ports/queue.ts';
import type { Secrets } from '../shared/ports/secrets.ts';
import type { CollectionInfo, Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { probeConditionalWrites } from '../shared/probe.ts';
import { createMergePool } from '../worker/pool.ts';
import { slabBytesOf } from '../worker/slabs.ts';
import { startWorker } from '../worker/worker.ts';
import { endInTime, interruption } from './ending.ts';
import { createScreen, type Screen } from './screen.ts';

/** Options that every command has. */
export interface GlobalOptions {
  readonly config: string;
  readonly logLevel?: string;
  readonly logFormat?: 'auto' | 'pretty' | 'json';
  readonly json?: boolean;
}

/** What a command works with: the configuration and what it names, opened when asked for. */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly screen: Screen;
  /** The store that values of the configuration came from; `undefined` where it refers to none. */
  readonly secrets: Secrets | undefined;
  /** Hashes with the configured key; `undefined` where there is none. */
  readonly keyed: KeyedHash | undefined;
  /** Aborted by the first SIGINT or SIGTERM; a second one ends the process at once. */
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
  /** Proves, once per process and table, that the store honours conditional writes. Throws `STORE_UNCONDITIONAL`. */
  prove(storage: Storage): Promise<void>;
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
  const clock = systemClock();
  // The log is as the configuration says, which is not known before the store is open; until then nothing is logged.
  let log: Logger | undefined;
  const later: Pick<Logger, 'debug' | 'warn'> = {
    debug: (message, fields) => log?.debug(message, fields),
    warn: (message, fields) => log?.warn(message, fields),
  };
  const signal = interruption(() => log);
  const { config, secrets } = await loadConfig(options.config, process.env, (vault) =>
    openSecrets(vault, clock, later, process.env),
  );
  const screen = await createScreen();
  const format = options.logFormat ?? config.log.format;
  const logger = pinoLogger({
    level: options.logLevel ?? config.log.level,
    print: screen.print,
    format: format === 'auto' ? (screen.interactive ? 'pretty' : 'json') : format,
  });
  log = logger;
  endInTime(signal, clock, logger, drainTimeout(config));
  if (keepLogin) void secrets?.keepAlive(signal);
  const keyed = config.hashKey === undefined ? undefined : keyedHash(config.hashKey);
  const adapters = await loadAdapters(config);
  const targets = (name: string | undefined) => resolveTargets(config, name, adapters.collections);
  return {
    config,
    clock,
    logger,
    screen,
    secrets,
    keyed,
    signal,
    targets,
    target: async (name) => singleTarget(await targets(name)),
    collections: adapters.collections,
    storage: (target) => adapters.storage(target, clock),
    source: (target) => adapters.source(target, clock),
    columns: ({ settings }) => tablePolicy(settings.columns, keyed?.fingerprint),
    queue: () => adapters.queue(clock, logger, process.env),
    prove: provingOnce(clock),
  };
}

function provingOnce(clock: Clock): App['prove'] {
  const proved = new Set<string>();
  return async (storage) => {
    if (proved.has(storage.uri)) return;
    await probeConditionalWrites(storage, clock);
    proved.add(storage.uri);
  };
}

export interface RunningWorker {
  readonly consumer: Consumer;
  /** Ends the merge threads and closes what was opened for jobs. */
  close(): Promise<void>;
}

/** A worker on `queue` in this process, as configured. */
export async function runWorker(
  app: App,
  queue: Queue,
  options: {
    readonly concurrency?: number;
    readonly metrics?: WorkerMetrics | undefined;
    readonly liveness?: Liveness;
  } = {},
): Promise<RunningWorker> {
  const { config, clock, logger } = app;
  const concurrency = options.concurrency ?? config.worker.concurrency;
  const pool = createMergePool({ threads: concurrency, memoryBytes: config.worker.memory });
  const storages = new Map<string, Storage>();
  const close = async () => {
    await pool.close();
    for (const storage of storages.values()) await storage.close();
  };
  const consumer = await startWorker({
    queue,
    pool,
    clock,
    logger,
    scratch: config.worker.scratch,
    slabBytes: slabBytesOf(config.worker.memory),
    concurrency,
    metrics: options.metrics,
    liveness: options.liveness,
    isLocal: config.queue.kind === 'local',
    open: async (pipeline, collection) => {
      const target = await app.target(`${pipeline}.${collection}`);
      const storage = storages.get(target.tableUri) ?? app.storage(target);
      storages.set(target.tableUri, storage);
      return { storage, openSource: async () => app.source(target), keyed: app.keyed };
    },
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { consumer, close };
}
