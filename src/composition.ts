import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from './shared/adapters/dashboard.ts';
import type { Pages } from './shared/adapters/dashboard-pages.ts';
import { type DebugEnvironment, refuseDebugOutput } from './shared/adapters/debug-output.ts';
import { localQueue } from './shared/adapters/queue-local.ts';
import { dumpCatalog, dumpSource } from './shared/adapters/source-dump.ts';
import { fileStorage } from './shared/adapters/storage-file.ts';
import type { ListenAddress } from './shared/config/fields.ts';
import type { Config, DumpConnection, MongodbConnection, VaultConfig } from './shared/config/schema.ts';
import { sourceConnection, storeConnection, type TableTarget } from './shared/config/targets.ts';
import { MongolakeError } from './shared/domain/errors.ts';
import type { Clock } from './shared/ports/clock.ts';
import type { Logger } from './shared/ports/logger.ts';
import type { Queue } from './shared/ports/queue.ts';
import type { Secrets } from './shared/ports/secrets.ts';
import type { Catalog, CollectionInfo, Source } from './shared/ports/source.ts';
import type { Storage } from './shared/ports/storage.ts';

/** The one place where a port meets its adapter, chosen by the configuration. */

/** What a configuration names, opened when asked for. Nothing is connected yet. */
export interface Adapters {
  /** The table's storage. */
  storage(target: TableTarget, clock: Clock): Storage;
  /** The collection that a table is made of. */
  source(target: TableTarget, clock: Clock): Source;
  /** Lists what a connection holds, and closes it again. */
  collections(connection: string, database: string | undefined): Promise<readonly CollectionInfo[]>;
  /** The queue; the local one lives and ends with this process. */
  queue(clock: Clock, logger: Logger, env: DebugEnvironment): Queue;
}

/** The vendors' code that the configuration needs: to load any of it takes longer than many commands do. */
interface Loaded {
  readonly mongodb: typeof import('./shared/adapters/source-mongodb.ts') | undefined;
  readonly s3: typeof import('./shared/adapters/storage-s3.ts') | undefined;
  readonly bullmq: typeof import('./shared/adapters/queue-bullmq.ts') | undefined;
}

export async function loadAdapters(config: Config): Promise<Adapters> {
  const kinds = new Set(Object.values(config.connections).map(({ kind }) => kind));
  const [mongodb, s3, bullmq] = await Promise.all([
    kinds.has('mongodb') ? import('./shared/adapters/source-mongodb.ts') : undefined,
    kinds.has('s3') ? import('./shared/adapters/storage-s3.ts') : undefined,
    config.queue.kind === 'redis' ? import('./shared/adapters/queue-bullmq.ts') : undefined,
  ]);
  const loaded: Loaded = { mongodb, s3, bullmq };
  return {
    storage: (target, clock) => openStorage(config, loaded, target, clock),
    source: (target, clock) => openSource(config, loaded, target, clock),
    collections: (connection, database) => listCollections(config, loaded, connection, database),
    queue: (clock, logger, env) => openQueue(config, loaded, clock, logger, env),
  };
}

/** The module of a kind that the configuration has. */
function needed<T>(module: T | undefined): T {
  if (module === undefined)
    throw new MongolakeError('INTERNAL', 'an adapter is used that the configuration does not name');
  return module;
}

/** Vault, logged in to. `debug` is the environment's `DEBUG`. Errors: as `openVault` says. */
export async function openSecrets(
  vault: VaultConfig,
  clock: Clock,
  logger: Pick<Logger, 'debug' | 'warn'>,
  env: DebugEnvironment,
): Promise<Secrets> {
  const { timeout, ...settings } = vault;
  // Loaded here: no other configuration pays for it.
  const { openVault } = await import('./shared/adapters/secrets-vault.ts');
  return openVault({ ...settings, timeoutMs: timeout }, { clock, logger, env });
}

function openStorage(config: Config, { s3 }: Loaded, target: TableTarget, clock: Clock): Storage {
  const connection = storeConnection(config, target);
  const url = new URL(target.tableUri);
  if (connection === undefined) return fileStorage(fileURLToPath(`file://${url.pathname}`), clock);
  const { region, endpoint, forcePathStyle, credentials } = connection;
  return needed(s3).s3Storage(
    {
      bucket: url.hostname,
      prefix: decodeURIComponent(url.pathname.slice(1)),
      region,
      forcePathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials: credentialsOf(credentials) }),
    },
    clock,
  );
}

function credentialsOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}) {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined || sessionToken === '' ? {} : { sessionToken }),
  };
}

function openSource(config: Config, { mongodb }: Loaded, target: TableTarget, clock: Clock): Source {
  const { database, collection } = target;
  const connection = sourceConnection(config, target);
  if (connection.kind === 'mongodb') {
    return needed(mongodb).mongodbSource(
      { uri: connection.uri, database, collection, connection: target.connection, ...mongodbSettings(connection) },
      clock,
    );
  }
  return dumpSource({ path: connection.path, database, collection, ...startedAt(connection) });
}

/** Only what is configured: the rest is the URI's to say, then the adapter's. */
function mongodbSettings({ serverSelectionTimeout, connectTimeout, socketTimeout, readPreference }: MongodbConnection) {
  return {
    ...(serverSelectionTimeout === undefined ? {} : { serverSelectionTimeoutMS: serverSelectionTimeout }),
    ...(connectTimeout === undefined ? {} : { connectTimeoutMS: connectTimeout }),
    ...(socketTimeout === undefined ? {} : { socketTimeoutMS: socketTimeout }),
    ...(readPreference === undefined ? {} : { readPreference }),
  };
}

function startedAt(connection: DumpConnection): { readonly startedAt?: number } {
  return connection.startedAt === undefined ? {} : { startedAt: connection.startedAt };
}

async function listCollections(
  config: Config,
  loaded: Loaded,
  name: string,
  database: string | undefined,
): Promise<readonly CollectionInfo[]> {
  const catalog = openCatalog(config, loaded, name);
  try {
    return await catalog.collections(database);
  } finally {
    await catalog.close();
  }
}

function openCatalog(config: Config, { mongodb }: Loaded, name: string): Catalog {
  const connection = config.connections[name];
  if (connection?.kind === 'mongodb')
    return needed(mongodb).mongodbCatalog(connection.uri, { connection: name, ...mongodbSettings(connection) });
  if (connection?.kind === 'dump') return dumpCatalog(connection.path);
  throw new MongolakeError('CONFIG_INVALID', `connection ${name} is not a source`);
}

function openQueue(config: Config, { bullmq }: Loaded, clock: Clock, logger: Logger, env: DebugEnvironment): Queue {
  const { queue } = config;
  if (queue.kind === 'local') return localQueue(clock);
  refuseDebugOutput(env, 'redis');
  return needed(bullmq).bullmqQueue({
    url: queue.url,
    prefix: queue.prefix,
    lockDurationMs: queue.lockDuration,
    stalledIntervalMs: queue.lockDuration,
    clock,
    workerName: `${hostname()}:${process.pid}`,
    onError: (error) => logger.warn('queue trouble', { code: error.code, error: error.message }),
  });
}

/** Serves the dashboard: `pages`, and Bull Board where the queue is in Redis. Errors: as `startDashboard` says. */
export async function openDashboard(
  { dashboard, queue }: Config,
  pages: Pages,
  place: { readonly listen: ListenAddress; readonly origin: string },
  clock: Clock,
  logger: Logger,
  env: DebugEnvironment,
): Promise<Dashboard> {
  if (queue.kind === 'redis') refuseDebugOutput(env, 'redis');
  const { user, password, proxyHeader, trustedProxies, readOnly } = dashboard;
  // Loaded here: no other command pays for the web server.
  const { startDashboard } = await import('./shared/adapters/dashboard.ts');
  return startDashboard({
    pages,
    ...place,
    readOnly,
    ...(queue.kind === 'redis' ? { queue } : {}),
    ...(password === undefined ? {} : { login: { user, password } }),
    ...(proxyHeader === undefined ? {} : { proxy: { header: proxyHeader, trusted: trustedProxies ?? [] } }),
    clock,
    onError: (error) => logger.warn('queue trouble', { code: error.code, error: error.message }),
  });
}
