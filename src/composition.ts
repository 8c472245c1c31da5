import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Dashboard } from './shared/adapters/dashboard.ts';
import { type DebugEnvironment, refuseDebugOutput } from './shared/adapters/debug-output.ts';
import { bullmqQueue } from './shared/adapters/queue-bullmq.ts';
import { localQueue } from './shared/adapters/queue-local.ts';
import { dumpCatalog, dumpSource } from './shared/adapters/source-dump.ts';
import { mongodbCatalog, mongodbSource } from './shared/adapters/source-mongodb.ts';
import { fileStorage } from './shared/adapters/storage-file.ts';
import { s3Storage } from './shared/adapters/storage-s3.ts';
import type { ListenAddress } from './shared/config/fields.ts';
import type { Config, DumpConnection, MongodbConnection, QueueConfig, VaultConfig } from './shared/config/schema.ts';
import { sourceConnection, storeConnection, type TableTarget } from './shared/config/targets.ts';
import { MongolakeError } from './shared/domain/errors.ts';
import type { Clock } from './shared/ports/clock.ts';
import type { Logger } from './shared/ports/logger.ts';
import type { Queue } from './shared/ports/queue.ts';
import type { Secrets } from './shared/ports/secrets.ts';
import type { Catalog, CollectionInfo, Source } from './shared/ports/source.ts';
import type { Storage } from './shared/ports/storage.ts';

/** The one place where a port meets its adapter, chosen by the configuration. */

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

/** The table's storage. Nothing is connected yet. */
export function openStorage(config: Config, target: TableTarget, clock: Clock): Storage {
  const connection = storeConnection(config, target);
  const url = new URL(target.tableUri);
  if (connection === undefined) return fileStorage(fileURLToPath(`file://${url.pathname}`), clock);
  const { region, endpoint, forcePathStyle, credentials } = connection;
  return s3Storage(
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

/** The collection that a table is made of. Nothing is connected yet. */
export function openSource(config: Config, target: TableTarget, clock: Clock): Source {
  const { database, collection } = target;
  const connection = sourceConnection(config, target);
  if (connection.kind === 'mongodb') {
    return mongodbSource(
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

/** Lists what a connection holds, and closes it again. */
export async function listCollections(
  config: Config,
  name: string,
  database: string | undefined,
): Promise<readonly CollectionInfo[]> {
  const catalog = openCatalog(config, name);
  try {
    return await catalog.collections(database);
  } finally {
    await catalog.close();
  }
}

function openCatalog(config: Config, name: string): Catalog {
  const connection = config.connections[name];
  if (connection?.kind === 'mongodb')
    return mongodbCatalog(connection.uri, { connection: name, ...mongodbSettings(connection) });
  if (connection?.kind === 'dump') return dumpCatalog(connection.path);
  throw new MongolakeError('CONFIG_INVALID', `connection ${name} is not a source`);
}

/** The queue of this configuration; the local one lives and ends with this process. */
export function openQueue(config: Config, clock: Clock, logger: Logger, env: DebugEnvironment): Queue {
  const { queue } = config;
  if (queue.kind === 'local') return localQueue(clock);
  refuseDebugOutput(env, 'redis');
  return bullmqQueue({
    url: queue.url,
    prefix: queue.prefix,
    lockDurationMs: queue.lockDuration,
    stalledIntervalMs: queue.lockDuration,
    clock,
    workerName: `${hostname()}:${process.pid}`,
    onError: (error) => logger.warn('queue trouble', { code: error.code, error: error.message }),
  });
}

/** Serves the dashboard of a queue in Redis. Errors: as `startDashboard` says. */
export async function openDashboard(
  { dashboard }: Config,
  queue: Extract<QueueConfig, { readonly kind: 'redis' }>,
  place: { readonly listen: ListenAddress; readonly origin: string },
  clock: Clock,
  logger: Logger,
  env: DebugEnvironment,
): Promise<Dashboard> {
  refuseDebugOutput(env, 'redis');
  const { user, password, readOnly } = dashboard;
  // Loaded here: no other command pays for the web server.
  const { startDashboard } = await import('./shared/adapters/dashboard.ts');
  return startDashboard({
    url: queue.url,
    prefix: queue.prefix,
    ...place,
    readOnly,
    ...(password === undefined ? {} : { login: { user, password } }),
    clock,
    onError: (error) => logger.warn('queue trouble', { code: error.code, error: error.message }),
  });
}
