import { hostname } from 'node:os';
import type { Dashboard } from './shared/adapters/dashboard.ts';
import type { Pages } from './shared/adapters/dashboard-pages.ts';
import { type DebugEnvironment, refuseDebugOutput } from './shared/adapters/debug-output.ts';
import { type DeliveryResult, webhookNotifier } from './shared/adapters/notifier-webhook.ts';
import { localQueue } from './shared/adapters/queue-local.ts';
import { type RedisPlace, redisCredentials } from './shared/adapters/redis-place.ts';
import { dumpCatalog, dumpSource } from './shared/adapters/source-dump.ts';
import { fileStorage } from './shared/adapters/storage-file.ts';
import { readTls, type TlsMaterial } from './shared/adapters/tls-files.ts';
import type { ListenAddress } from './shared/config/fields.ts';
import type {
  Config,
  ConnectionConfig,
  DumpConnection,
  MongodbConnection,
  QueueConfig,
  RedisQueue,
  VaultConfig,
} from './shared/config/schema.ts';
import { sourceConnection, storeConnection, type TableTarget } from './shared/config/targets.ts';
import { MongolakeError } from './shared/domain/errors.ts';
import { type NotifyEvent, USUAL_EVENTS } from './shared/domain/notification.ts';
import type { Clock } from './shared/ports/clock.ts';
import type { Logger } from './shared/ports/logger.ts';
import type { Notifier } from './shared/ports/notifier.ts';
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

/** What the configuration needs: the vendors' code, of which to load any takes longer than many commands do, and certificates. */
interface Loaded {
  readonly mongodb: typeof import('./shared/adapters/source-mongodb.ts') | undefined;
  readonly s3: typeof import('./shared/adapters/storage-s3.ts') | undefined;
  readonly bullmq: typeof import('./shared/adapters/queue-bullmq.ts') | undefined;
  /** Certificates by connection. */
  readonly tls: Readonly<Record<string, TlsMaterial | undefined>>;
  readonly redis: RedisPlace | undefined;
}

/** `current` is the configuration as it is when something is opened: its secrets may be others by then. */
export async function loadAdapters(config: Config, current: () => Config = () => config): Promise<Adapters> {
  const kinds = new Set(Object.values(config.connections).map(({ kind }) => kind));
  const [mongodb, s3, bullmq] = await Promise.all([
    kinds.has('mongodb') ? import('./shared/adapters/source-mongodb.ts') : undefined,
    kinds.has('s3') ? import('./shared/adapters/storage-s3.ts') : undefined,
    config.queue.kind === 'redis' ? import('./shared/adapters/queue-bullmq.ts') : undefined,
  ]);
  // Read once and now: a certificate that is not there or not right is told as whatever else is wrong with the configuration.
  const tls = Object.fromEntries(
    Object.entries(config.connections).map(([name, connection]) => [name, connectionTls(name, connection)]),
  );
  const redis = config.queue.kind === 'redis' ? redisPlace(config.queue, () => current().queue) : undefined;
  const loaded: Loaded = { mongodb, s3, bullmq, tls, redis };
  return {
    storage: (target, clock) => openStorage(current, loaded, target, clock),
    source: (target, clock) => openSource(current(), loaded, target, clock),
    collections: (connection, database) => listCollections(current(), loaded, connection, database),
    queue: (clock, logger, env) => openQueue(current(), loaded, clock, logger, env),
  };
}

/** The certificates of a connection; `undefined` where it has no settings of TLS. Errors: as `readTls` says. */
function connectionTls(name: string, connection: ConnectionConfig): TlsMaterial | undefined {
  if (connection.kind === 's3' && connection.caFile !== undefined)
    return readTls(`connections.${name}.caFile`, { caFile: connection.caFile });
  if (connection.kind !== 'mongodb' || connection.tls === undefined) return undefined;
  const { certificateKeyFile: file, certificateKeyFilePassword: keyPassword, ...ca } = connection.tls;
  return readTls(`connections.${name}.tls`, {
    ...ca,
    ...(file === undefined ? {} : { certFile: file, keyFile: file }),
    ...(keyPassword === undefined ? {} : { keyPassword }),
  });
}

/** Where the queue's Redis is, with its certificates, and user and password as `current` has them whenever it connects. Errors: as `readTls` says. */
export function redisPlace({ url, tls }: RedisQueue, current?: () => QueueConfig): RedisPlace {
  const credentials = () => {
    const queue = current?.();
    return redisCredentials(queue?.kind === 'redis' ? queue.url : url);
  };
  if (tls === undefined) return { url, credentials };
  const { keyFilePassword: keyPassword, ...files } = tls;
  return {
    url,
    credentials,
    tls: readTls('queue.tls', { ...files, ...(keyPassword === undefined ? {} : { keyPassword }) }),
  };
}

/** The module of a kind that the configuration has. */
function needed<T>(module: T | undefined): T {
  if (module === undefined)
    throw new MongolakeError('INTERNAL', 'an adapter is used that the configuration does not name');
  return module;
}

/** The configured webhooks; `undefined` where there are none. `current` gives URLs and headers as they are at each request. */
export function openNotifier(
  current: () => Config,
  options: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly userAgent: string;
    readonly onResult?: ((event: NotifyEvent, result: DeliveryResult) => void) | undefined;
  },
): Notifier | undefined {
  if (current().notify === undefined) return undefined;
  const receivers = () =>
    (current().notify ?? []).map(({ timeout, events = USUAL_EVENTS, ...rest }) => ({
      ...rest,
      events,
      timeoutMs: timeout,
    }));
  return webhookNotifier(receivers, options);
}

/** Vault, logged in to; the signal ends the waiting for one that is away. Errors: as `openVault` says. */
export async function openSecrets(
  vault: VaultConfig,
  clock: Clock,
  logger: Pick<Logger, 'debug' | 'warn'>,
  env: DebugEnvironment,
  signal: AbortSignal,
): Promise<Secrets> {
  const { timeout, retryFor, ...settings } = vault;
  // Loaded here: no other configuration pays for it.
  const { openVault } = await import('./shared/adapters/secrets-vault.ts');
  return openVault({ ...settings, timeoutMs: timeout, retryForMs: retryFor }, { clock, logger, env, signal });
}

function openStorage(current: () => Config, { s3, tls }: Loaded, target: TableTarget, clock: Clock): Storage {
  const connection = storeConnection(current(), target);
  // Taken as it is: read as a URL, the `%2E%2E` that a collection's name became would be `..` again, and `%2F` a slash.
  if (connection === undefined) return fileStorage(target.tableUri.slice('file:'.length), clock);
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(target.tableUri) ?? [];
  const { region, endpoint, forcePathStyle, credentials, encryption, expectedBucketOwner } = connection;
  return needed(s3).s3Storage(
    {
      bucket,
      prefix,
      region,
      forcePathStyle,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined
        ? {}
        : { credentials: () => credentialsOf(storeConnection(current(), target)?.credentials ?? credentials) }),
      ...(encryption === undefined ? {} : { encryption }),
      ...(expectedBucketOwner === undefined ? {} : { expectedBucketOwner }),
      ...tls[target.store ?? ''],
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

function openSource(config: Config, { mongodb, tls }: Loaded, target: TableTarget, clock: Clock): Source {
  const { database, collection } = target;
  const connection = sourceConnection(config, target);
  if (connection.kind === 'mongodb') {
    return needed(mongodb).mongodbSource(
      {
        uri: connection.uri,
        database,
        collection,
        ...mongodbSettings(connection, tls[target.connection]),
        connection: target.connection,
      },
      clock,
    );
  }
  return dumpSource({ path: connection.path, database, collection, ...startedAt(connection) });
}

/** Only what is configured: the rest is the URI's to say, then the adapter's. */
function mongodbSettings(connection: MongodbConnection, tls: TlsMaterial | undefined) {
  const { serverSelectionTimeout, connectTimeout, socketTimeout, readPreference } = connection;
  return {
    ...(tls === undefined ? {} : { tls }),
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

function openCatalog(config: Config, { mongodb, tls }: Loaded, name: string): Catalog {
  const connection = config.connections[name];
  if (connection?.kind === 'mongodb')
    return needed(mongodb).mongodbCatalog(connection.uri, {
      connection: name,
      ...mongodbSettings(connection, tls[name]),
    });
  if (connection?.kind === 'dump') return dumpCatalog(connection.path);
  throw new MongolakeError('CONFIG_INVALID', `connection ${name} is not a source`);
}

function openQueue(
  config: Config,
  { bullmq, redis }: Loaded,
  clock: Clock,
  logger: Logger,
  env: DebugEnvironment,
): Queue {
  const { queue } = config;
  if (queue.kind === 'local') return localQueue(clock);
  refuseDebugOutput(env, 'redis');
  return needed(bullmq).bullmqQueue({
    ...needed(redis),
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
  current: () => Config,
  pages: Pages,
  place: { readonly listen: ListenAddress; readonly origin: string },
  clock: Clock,
  logger: Logger,
  env: DebugEnvironment,
): Promise<Dashboard> {
  const { dashboard, queue } = current();
  if (queue.kind === 'redis') refuseDebugOutput(env, 'redis');
  const { user, password, proxyHeader, trustedProxies, readOnly } = dashboard;
  // Loaded here: no other command pays for the web server.
  const { startDashboard } = await import('./shared/adapters/dashboard.ts');
  return startDashboard({
    pages,
    ...place,
    readOnly,
    ...(queue.kind === 'redis'
      ? { queue: { redis: redisPlace(queue, () => current().queue), prefix: queue.prefix } }
      : {}),
    ...(password === undefined ? {} : { login: { user, password } }),
    ...(proxyHeader === undefined ? {} : { proxy: { header: proxyHeader, trusted: trustedProxies ?? [] } }),
    clock,
    onError: (error) => logger.warn('queue trouble', { code: error.code, error: error.message }),
  });
}
