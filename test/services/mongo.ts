import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient, MongoServerError } from 'mongodb';
import { fingerprint } from './cache.ts';
import { findOnPath } from './command.ts';
import { goProgram } from './go.ts';
import { messageOf, orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, serverFolder, startServer } from './server.ts';

/**
 * A MongoDB, or what speaks its wire protocol, that tests may use. `mongod` is a replica set. `ferretdb` has no change streams,
 * transactions, `$expr`, `$max`, `$sample`, `$bucketAuto` or `splitVector`, and answers `explain` in its own way.
 */
export interface MongoService {
  readonly available: true;
  readonly kind: 'mongod' | 'ferretdb';
  readonly uri: string;
}

/** A MongoDB process of ours. */
export interface MongoServer extends MongoService, Server {
  readonly port: number;
  /** Where the data is. Removed by `stop` unless it was given. */
  readonly dir: string;
}

/** Where a MongoDB of ours runs and keeps its data; free port and temporary folder where not given. Keep both to restart. */
export interface MongoOptions {
  readonly port?: number;
  readonly dir?: string;
}

const START_MS = 60_000;
const REPLICA_SET = 'rs0';
const ALREADY_INITIALIZED = 23;
const FERRETDB_SOURCE = fileURLToPath(new URL('./ferretdb/', import.meta.url));

/** The replica set of MONGOLAKE_TEST_MONGODB_URI, else a MongoDB of ours. `stop` leaves the former alone. */
export async function mongoService(): Promise<Started<MongoService & { stop(): Promise<void> }>> {
  const uri = process.env.MONGOLAKE_TEST_MONGODB_URI;
  if (!uri) return startMongo();
  try {
    await withClient(uri, (client) => client.db('admin').command({ ping: 1 }));
    return { available: true, kind: 'mongod', uri, stop: async () => {} };
  } catch (error) {
    return unavailable(`the MongoDB of MONGOLAKE_TEST_MONGODB_URI does not answer: ${messageOf(error)}`);
  }
}

/**
 * Starts a MongoDB of ours: `mongod` on the PATH as a replica set of one, else FerretDB with SQLite files, built with Go (about
 * a minute, once).
 */
export async function startMongo(options: MongoOptions = {}): Promise<Started<MongoServer>> {
  return orUnavailable('mongod or FerretDB', async () => {
    const mongod = findOnPath('mongod');
    if (mongod) return onPort(options.port, (port) => startMongod(mongod, port, options.dir));
    const ferretdb = await buildFerretdb();
    if (ferretdb) return onPort(options.port, (port) => startFerretdb(ferretdb, port, options.dir));
    return unavailable('neither mongod nor go (to build FerretDB) is on the PATH; or set MONGOLAKE_TEST_MONGODB_URI');
  });
}

/** The FerretDB of the cache, built where it is missing; undefined without Go. Throws where the build fails. */
export async function buildFerretdb(): Promise<string | undefined> {
  const sources = ['go.mod', 'go.sum', 'main.go'].map((name) => readFileSync(join(FERRETDB_SOURCE, name)));
  return goProgram({
    entry: `ferretdb-1.24.2-${fingerprint(sources)}`,
    program: 'ferretdb',
    args: ['build', '-mod=readonly', '-o', '{out}/ferretdb', '.'],
    cwd: FERRETDB_SOURCE,
  });
}

async function startFerretdb(program: string, port: number, givenDir: string | undefined): Promise<MongoServer> {
  const { folder, dir } = makeFolders('ferretdb', givenDir);
  const uri = `mongodb://127.0.0.1:${port}/`;
  const server = await startServer(folder, {
    program,
    args: [`127.0.0.1:${port}`, dir],
    ready: () => withClient(uri, (client) => client.db('admin').command({ ping: 1 })),
    deadlineMs: START_MS,
  });
  return { available: true, kind: 'ferretdb', uri, port, dir, ...server };
}

async function startMongod(program: string, port: number, givenDir: string | undefined): Promise<MongoServer> {
  const { folder, dir } = makeFolders('mongod', givenDir);
  const host = `127.0.0.1:${port}`;
  const direct = `mongodb://${host}/?directConnection=true`;
  const server = await startServer(folder, {
    program,
    args: ['--dbpath', dir, '--port', String(port), '--bind_ip', '127.0.0.1', '--replSet', REPLICA_SET],
    ready: () => withClient(direct, (client) => becomePrimary(client, host)),
    deadlineMs: START_MS,
  });
  return { available: true, kind: 'mongod', uri: `mongodb://${host}/?replicaSet=${REPLICA_SET}`, port, dir, ...server };
}

/** Initiates the replica set where it is not yet; throws while the member is not its writable primary. */
async function becomePrimary(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  const config = { _id: REPLICA_SET, members: [{ _id: 0, host }] };
  await admin.command({ replSetInitiate: config }).catch((error: unknown) => {
    if (!(error instanceof MongoServerError && error.code === ALREADY_INITIALIZED)) throw error;
  });
  const hello = await admin.command({ hello: 1 });
  if (hello.isWritablePrimary !== true) throw new Error('the member is not primary yet');
}

function makeFolders(name: string, givenDir: string | undefined): { folder: string; dir: string } {
  const folder = serverFolder(name);
  const dir = givenDir ?? join(folder, 'data');
  mkdirSync(dir, { recursive: true });
  return { folder, dir };
}

async function withClient<T>(uri: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1_500, connectTimeoutMS: 1_500 });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
