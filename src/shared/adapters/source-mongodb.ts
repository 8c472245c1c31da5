import type { Collection, Document, MongoClient } from 'mongodb';
import type { Cursor } from '../domain/cursor.ts';
import { MongolakeError } from '../domain/errors.ts';
import type { ReadScope } from '../domain/job.ts';
import type { Projection } from '../domain/policy.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  BoundedCount,
  Catalog,
  CollectionInfo,
  IndexInfo,
  SizeEstimate,
  Source,
  SourceClock,
} from '../ports/source.ts';
import { leaseClient, type MongodbLease, type MongodbSettings } from './mongodb-client.ts';
import { isServerError } from './mongodb-errors.ts';
import { ALL_TYPES, FERRETDB_TYPES, orderOf } from './mongodb-resume.ts';
import { windowFilter, withoutCursorFilter } from './mongodb-window.ts';
import { readResuming } from './source-mongodb-read.ts';

export interface MongodbOptions extends MongodbSettings {
  /** A connection string. No message ever carries its user, password or other secrets. */
  readonly uri: string;
  readonly database: string;
  readonly collection: string;
  /** The connection's name in the config, for messages about the URI. */
  readonly connection?: string;
  /** Documents per reply, which the server also ends at 16 MiB. 4,000 if not given. */
  readonly batchSize?: number;
  /** How often in a row a read may fail without getting further before it is `SOURCE_UNREACHABLE`. 6. */
  readonly tries?: number;
}

const DEFAULT_TRIES = 6;
/** Replies of ten times that cost the driver twice the processor time and thrice the memory (340-byte documents). */
const DEFAULT_BATCH_SIZE = 4_000;
/** How long counting in an index may take, milliseconds, and how far it counts: that number then means "at least". */
const COUNT_MAX_MS = 5_000;
const COUNT_MAX_DOCUMENTS = 1_000_000;
/** Collections whose size is asked for at once. */
const STATS_AT_ONCE = 8;

/** MongoDB `error_codes.yml`. */
const UNAUTHORIZED = 13;
const NAMESPACE_NOT_FOUND = 26;
const MAX_TIME_EXPIRED = 50;
const COMMAND_NOT_FOUND = 59;
const NOT_SUPPORTED_ON_VIEW = 166;

/**
 * One collection of a MongoDB server (4.4 or later) or of what speaks its protocol. Documents come as the bytes the server
 * sent, under read concern majority. A collection that does not exist is an empty one. Sources of one URI share a client.
 *
 * Throws `CONFIG_INVALID` where the driver does not accept the URI; nothing is connected before the first question.
 */
export function mongodbSource(options: MongodbOptions, clock: Clock): Source {
  const { uri, database, collection, connection = database, batchSize = DEFAULT_BATCH_SIZE } = options;
  const lease = leaseClient(uri, connection, options);
  const about = `${lease.address}/${database}.${collection}`;
  const target = (client: MongoClient) => client.db(database).collection(collection);
  const closing = new AbortController();
  return {
    description: about,
    namespace: { database, collection },
    clock: () => lease.run(about, (client) => serverClock(client)),
    countWithoutCursor: (cursor) => lease.run(about, (client) => countWithoutCursor(target(client), cursor)),
    estimate: (scope) => lease.run(about, (client) => estimate(target(client), scope)),
    ranges: async (scope) => [{ scope, part: null }],
    read: ({ scope }, signal, projection) => {
      const order = orderOf(scope);
      return readResuming(
        {
          order,
          open: async (after) => openCursor(target(await lease.connected()), scope, after, { batchSize, projection }),
          about,
          redact: lease.redact,
          clock,
          tries: options.tries ?? DEFAULT_TRIES,
        },
        signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
      );
    },
    indexes: () => lease.run(about, (client) => rangeIndexes(target(client))),
    async close() {
      // Reads that are under way end here: the driver would let them wait for their sockets.
      closing.abort(new MongolakeError('INTERRUPTED', `${about}: closed while it was read`));
      await lease.release();
    },
  };
}

/**
 * What a connection holds: the collections of one database, or of all but `admin`, `config` and `local`. Left out are
 * `system.*`, views, and time series, whose documents have no `_id` of their own. Sizes come from the server's statistics,
 * `undefined` where the user may not ask for them.
 */
export function mongodbCatalog(uri: string, options: MongodbSettings & { readonly connection?: string } = {}): Catalog {
  const lease = leaseClient(uri, options.connection ?? 'mongodb', options);
  return {
    collections: (database) => listCollections(lease, database),
    close: () => lease.release(),
  };
}

/** What the driver does not pass on to commands by itself: reads go where the data is read. */
const preferenceOf = (client: MongoClient) => ({ readPreference: client.options.readPreference });

async function serverClock(client: MongoClient): Promise<SourceClock> {
  const admin = client.db('admin');
  let hello: Document;
  try {
    hello = await admin.command({ hello: 1 }, preferenceOf(client));
  } catch (error) {
    // 4.4.0 and 4.4.1 know it by its old name only.
    if (!isServerError(error, COMMAND_NOT_FOUND)) throw error;
    hello = await admin.command({ isMaster: 1 }, preferenceOf(client));
  }
  return {
    kind: 'live',
    serverTime: millisecondsOf(hello.localTime),
    lastMajorityWrite: millisecondsOf(hello.lastWrite?.majorityWriteDate),
  };
}

function millisecondsOf(date: unknown): number | undefined {
  return date instanceof Date ? date.getTime() : undefined;
}

interface CursorOptions {
  readonly batchSize: number;
  readonly projection: Projection | undefined;
}

async function openCursor(
  collection: Collection,
  scope: ReadScope,
  after: Buffer | undefined,
  { batchSize, projection }: CursorOptions,
) {
  const order = orderOf(scope);
  const types = scope.kind === 'full' && after !== undefined ? await typesOf(collection) : ALL_TYPES;
  return collection.find(order.filter(after, types), {
    sort: order.sort,
    raw: true,
    batchSize,
    readConcern: { level: 'majority' },
    ...(projection === undefined ? {} : { projection: projectionDocument(projection) }),
    // Only where no index serves the window: otherwise such a read would end at 100 MB of sorting.
    ...(scope.kind === 'window' ? { allowDiskUse: true } : {}),
  });
}

function projectionDocument({ kind, paths }: Projection): Document {
  return Object.fromEntries(paths.map((path) => [path, kind === 'include' ? 1 : 0]));
}

/** The types that `$type` may name: FerretDB refuses those that it does not store. */
async function typesOf(collection: Collection): Promise<readonly number[]> {
  const build = await collection.db.command({ buildInfo: 1 }, preferenceOf(collection.db.client));
  return 'ferretdbVersion' in build ? FERRETDB_TYPES : ALL_TYPES;
}

async function estimate(collection: Collection, scope: ReadScope): Promise<SizeEstimate> {
  const all = await statistics(collection);
  if (scope.kind === 'full') return all;
  const index = (await rangeIndexes(collection)).find(({ fields }) => fields[0] === scope.cursor.field);
  if (index === undefined) return { documents: undefined, bytes: undefined };
  const counted = await countInIndex(collection, windowFilter(scope), index.name);
  const documents = counted?.documents;
  const average = all.documents && all.bytes !== undefined ? all.bytes / all.documents : undefined;
  const bytes = documents === undefined || average === undefined ? undefined : Math.round(documents * average);
  return { documents, bytes: documents === 0 ? 0 : bytes, ...(counted?.atLeast ? { atLeast: true } : {}) };
}

/** Only by an index that holds every document, also those without the field; `undefined` where there is none such. */
async function countWithoutCursor(collection: Collection, cursor: Cursor): Promise<BoundedCount | undefined> {
  const index = (await rangeIndexes(collection)).find(({ fields, sparse }) => fields[0] === cursor.field && !sparse);
  return index && countInIndex(collection, withoutCursorFilter(cursor), index.name);
}

/** Counts in the index, up to a number and for a time; `undefined` where that was too short. */
async function countInIndex(collection: Collection, filter: Document, hint: string): Promise<BoundedCount | undefined> {
  try {
    const options = { hint, limit: COUNT_MAX_DOCUMENTS, maxTimeMS: COUNT_MAX_MS };
    const documents = await collection.countDocuments(filter, options);
    return { documents, atLeast: documents === COUNT_MAX_DOCUMENTS };
  } catch (error) {
    if (isServerError(error, MAX_TIME_EXPIRED)) return undefined;
    throw error;
  }
}

/** Size by the collection's metadata. A view has none; a user without `collStats` still learns the count. */
async function statistics(collection: Collection): Promise<SizeEstimate> {
  try {
    const stats = await collection.db.command(
      { collStats: collection.collectionName },
      preferenceOf(collection.db.client),
    );
    return { documents: Number(stats.count), bytes: Number(stats.size) };
  } catch (error) {
    if (isServerError(error, NAMESPACE_NOT_FOUND)) return { documents: 0, bytes: 0 };
    if (isServerError(error, NOT_SUPPORTED_ON_VIEW)) return { documents: undefined, bytes: undefined };
    if (!isServerError(error, UNAUTHORIZED, COMMAND_NOT_FOUND)) throw error;
    return { documents: await collection.estimatedDocumentCount(), bytes: undefined };
  }
}

/**
 * The indexes that can serve a range and a sort: ascending or descending first field, not hidden, and of every document (a
 * partial index leaves some out).
 */
async function rangeIndexes(collection: Collection): Promise<IndexInfo[]> {
  try {
    const indexes = await collection.listIndexes().toArray();
    return indexes
      .filter(({ key, hidden, partialFilterExpression }) => {
        return typeof Object.values(key)[0] === 'number' && !hidden && partialFilterExpression === undefined;
      })
      .map(({ name, key, sparse }) => ({ name: String(name), fields: Object.keys(key), sparse: sparse === true }));
  } catch (error) {
    if (isServerError(error, NAMESPACE_NOT_FOUND)) return [];
    throw error;
  }
}

async function listCollections(lease: MongodbLease, database: string | undefined): Promise<CollectionInfo[]> {
  const databases = database === undefined ? await lease.run(lease.address, userDatabases) : [database];
  const found: Collection[] = [];
  for (const name of databases) {
    const db = await lease.run(lease.address, async (client) => client.db(name));
    const listed = await lease.run(`${lease.address}/${name}`, () =>
      db.listCollections({}, { nameOnly: true, authorizedCollections: true }).toArray(),
    );
    const tables = listed.filter(
      (each) => (each.type ?? 'collection') === 'collection' && !each.name.startsWith('system.'),
    );
    found.push(...tables.map((each) => db.collection(each.name)).sort(byName));
  }
  const sizes: CollectionInfo[] = [];
  for (let from = 0; from < found.length; from += STATS_AT_ONCE) {
    const some = found.slice(from, from + STATS_AT_ONCE).map(async (collection) => ({
      database: collection.dbName,
      name: collection.collectionName,
      ...(await lease.run(`${lease.address}/${collection.namespace}`, () => statistics(collection))),
    }));
    sizes.push(...(await Promise.all(some)));
  }
  return sizes;
}

function byName(a: Collection, b: Collection): number {
  return a.collectionName < b.collectionName ? -1 : 1;
}

async function userDatabases(client: MongoClient): Promise<string[]> {
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true, authorizedDatabases: true });
  const names = databases.map((each) => each.name);
  return names.filter((name) => name !== 'admin' && name !== 'config' && name !== 'local').sort();
}
