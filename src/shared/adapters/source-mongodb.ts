import {
  type Collection,
  type Document,
  type FindCursor,
  type FindOptions,
  type MongoClient,
  Timestamp,
} from 'mongodb';
import { MongolakeError } from '../domain/errors.ts';
import type { ExtractRange } from '../domain/job.ts';
import type { Projection } from '../domain/policy.ts';
import { type Position, positionBits } from '../domain/position.ts';
import type { Clock } from '../ports/clock.ts';
import type { Catalog, CollectionInfo, SizeEstimate, Source, SourceClock } from '../ports/source.ts';
import { mongodbChanges } from './mongodb-changes.ts';
import { leaseClient, type MongodbLease, type MongodbSettings } from './mongodb-client.ts';
import { isServerError } from './mongodb-errors.ts';
import { ALL_IDS, FERRETDB_IDS, type KnownIds } from './mongodb-ids.ts';
import { orderOf } from './mongodb-resume.ts';
import { lookUpIds } from './source-mongodb-lookup.ts';
import { RANGE_BYTES, splitScope } from './source-mongodb-ranges.ts';
import { readResuming } from './source-mongodb-read.ts';
import { countWithoutCursor, estimate, preferenceOf, rangeIndexes, statistics } from './source-mongodb-size.ts';

export interface MongodbOptions extends MongodbSettings {
  /** A connection string. No message ever carries its user, password or other secrets. */
  readonly uri: string;
  readonly database: string;
  readonly collection: string;
  /** The connection's name in the config, for messages about the URI. */
  readonly connection?: string;
  /** Documents per reply, which the server also ends at 16 MiB. 4,000 if not given. */
  readonly batchSize?: number;
  /** Bytes of BSON that a range is to hold, about. 256 MB if not given. */
  readonly rangeBytes?: number;
  /** How often in a row a read may fail without getting further before it is `SOURCE_UNREACHABLE`. 6. */
  readonly tries?: number;
}

const DEFAULT_TRIES = 6;
/** Replies of ten times that cost the driver twice the processor time and thrice the memory (340-byte documents). */
const DEFAULT_BATCH_SIZE = 4_000;
/** Collections whose size is asked for at once. */
const STATS_AT_ONCE = 8;

/** MongoDB `error_codes.yml`. */
const COMMAND_NOT_FOUND = 59;

/**
 * One collection of a MongoDB server (4.4 or later) or of what speaks its protocol. Documents come as the bytes the server
 * sent, under read concern majority. A collection that does not exist is an empty one. Sources of one URI share a client.
 *
 * Throws `CONFIG_INVALID` where the driver does not accept the URI; nothing is connected before the first question.
 */
export function mongodbSource(options: MongodbOptions, clock: Clock): Source {
  const { uri, database, collection, connection = database, batchSize = DEFAULT_BATCH_SIZE } = options;
  const { rangeBytes = RANGE_BYTES } = options;
  const lease = leaseClient(uri, connection, options);
  const about = `${lease.address}/${database}.${collection}`;
  const target = (client: MongoClient) => client.db(database).collection(collection);
  const closing = new AbortController();
  // Asked once: a source is open for one run, and each question is a command to the server.
  let size: SizeEstimate | undefined;
  const sizeOf = async (of: Collection) => {
    size ??= await statistics(of);
    return size;
  };
  const hasSessions = askSessionsOnce();
  const asking = { about, redact: lease.redact, clock, tries: options.tries ?? DEFAULT_TRIES };
  return {
    description: about,
    namespace: { database, collection },
    clock: () => lease.run(about, (client) => serverClock(client)),
    countWithoutCursor: (cursor) => lease.run(about, (client) => countWithoutCursor(target(client), cursor)),
    estimate: (scope) =>
      lease.run(about, async (client) => estimate(target(client), scope, await sizeOf(target(client)))),
    ranges: (scope, how) =>
      lease.run(about, async (client) => {
        const splitting = { ...how, rangeBytes, now: clock.now() };
        return splitScope(target(client), scope, await sizeOf(target(client)), splitting);
      }),
    read: (range, signal, projection, most = batchSize, since = undefined) => {
      const cursor = { batchSize: Math.min(batchSize, most), projection, since, hasSessions };
      return readResuming(
        {
          order: orderOf(range),
          open: async (after) => openCursor(target(await lease.connected()), range, after, cursor),
          ...asking,
        },
        signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
      );
    },
    lookUp: (ids, signal, projection, since) =>
      lookUpIds(ids, (filter) =>
        readResuming(
          {
            // What is read anew is the whole answer.
            order: { sort: {}, filter: () => filter, point: () => undefined },
            open: async () =>
              findPrimary(target(await lease.connected()), filter, { batchSize, projection, since, hasSessions }),
            ...asking,
          },
          signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
        ),
      ),
    changes: mongodbChanges({
      collection: async () => target(await lease.connected()),
      ...asking,
      closing: closing.signal,
    }),
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

async function serverClock(client: MongoClient): Promise<SourceClock> {
  const hello = await askHello(client);
  return {
    kind: 'live',
    serverTime: millisecondsOf(hello.localTime),
    lastMajorityWrite: millisecondsOf(hello.lastWrite?.majorityWriteDate),
  };
}

/** Whether a server has sessions, which it is asked once. */
function askSessionsOnce(): CursorOptions['hasSessions'] {
  let sessions: boolean | undefined;
  return async (client) => {
    sessions ??= typeof (await askHello(client)).logicalSessionTimeoutMinutes === 'number';
    return sessions;
  };
}

async function askHello(client: MongoClient): Promise<Document> {
  const admin = client.db('admin');
  try {
    return await admin.command({ hello: 1 }, preferenceOf(client));
  } catch (error) {
    // 4.4.0 and 4.4.1 know it by its old name only.
    if (!isServerError(error, COMMAND_NOT_FOUND)) throw error;
    return admin.command({ isMaster: 1 }, preferenceOf(client));
  }
}

function millisecondsOf(date: unknown): number | undefined {
  return date instanceof Date ? date.getTime() : undefined;
}

interface CursorOptions {
  readonly batchSize: number;
  readonly projection: Projection | undefined;
  /** What was written before is in what is read, whichever member serves it. */
  readonly since: Position | undefined;
  /** Asked only where `since` is given. */
  readonly hasSessions: (client: MongoClient) => Promise<boolean>;
}

async function openCursor(
  collection: Collection,
  range: ExtractRange,
  after: Buffer | undefined,
  { batchSize, projection, ...seen }: CursorOptions,
) {
  const { scope, part } = range;
  const order = orderOf(range);
  const asksIds = scope.kind === 'full' && (after !== undefined || part !== null);
  const filter = order.filter(after, asksIds ? await knownIds(collection) : ALL_IDS);
  return findAfter(collection, seen, filter, {
    sort: order.sort,
    ...readOptions({ batchSize, projection }),
    // Only where no index serves the window or the part: otherwise such a read would end at 100 MB of sorting.
    ...(scope.kind === 'window' || part !== null ? { allowDiskUse: true } : {}),
  });
}

function findPrimary(collection: Collection, filter: Document, { batchSize, projection, ...seen }: CursorOptions) {
  return findAfter(collection, seen, filter, { ...readOptions({ batchSize, projection }), readPreference: 'primary' });
}

function readOptions({ batchSize, projection }: Pick<CursorOptions, 'batchSize' | 'projection'>): FindOptions {
  return {
    raw: true,
    batchSize,
    readConcern: { level: 'majority' },
    ...(projection === undefined ? {} : { projection: projectionDocument(projection) }),
  };
}

/**
 * Documents as they are after `since`: the member that serves the read waits until its majority-committed state is as new (causal consistency, which
 * takes a session). A server without sessions is one that has no other member.
 */
async function findAfter(
  collection: Collection,
  { since, hasSessions }: Pick<CursorOptions, 'since' | 'hasSessions'>,
  filter: Document,
  options: FindOptions,
): Promise<FindCursor> {
  const { client } = collection.db;
  if (since === undefined || !(await hasSessions(client))) return collection.find(filter, options);
  const session = client.startSession({ causalConsistency: true });
  session.advanceOperationTime(new Timestamp(positionBits(since)));
  const cursor = collection.find(filter, { ...options, session });
  cursor.once('close', () => session.endSession().catch(() => undefined));
  return cursor;
}

function projectionDocument({ kind, paths }: Projection): Document {
  return Object.fromEntries(paths.map((path) => [path, kind === 'include' ? 1 : 0]));
}

/** What a filter of `_id` may name. */
async function knownIds(collection: Collection): Promise<KnownIds> {
  const build = await collection.db.command({ buildInfo: 1 }, preferenceOf(collection.db.client));
  return 'ferretdbVersion' in build ? FERRETDB_IDS : ALL_IDS;
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
