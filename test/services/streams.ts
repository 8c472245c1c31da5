import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { cached, fingerprint, isCached } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, serverFolder, startServer } from './server.ts';

/** A MongoDB-wire server with change streams that suites start for themselves: `startStreamServer`. */
export interface StreamProgram {
  readonly available: true;
  /** The Java program, and what it reads its classes from. */
  readonly java: string;
  readonly classPath: string;
}

/**
 * A server of ours, new and empty, that stands in for a replica set of one (`rs0`): streams of a collection, a database or all, with resume
 * tokens and all events that MongoDB 8.0 gives by itself. The admin command `forgetHistory: 1` lets it lose all that was before. It knows no
 * sessions, transactions, findAndModify or `explain`, and has no index but that of `_id`.
 */
export interface StreamServer extends Server {
  readonly available: true;
  readonly uri: string;
}

const SOURCE = fileURLToPath(new URL('./streams/', import.meta.url));
const SOURCES = ['StreamServer.java', 'History.java', 'Stream.java'];
const BUILD_MS = 10 * 60_000;
const START_MS = 60_000;
/** A small heap and no second compiler: it starts in a second. */
const JAVA_OPTIONS = [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/** Fetches mongo-java-server with Maven and compiles our part of it, once (about 10 s). */
export async function prepareStreams(): Promise<Started<StreamProgram>> {
  return orUnavailable('MongoDB-wire server with change streams', async () => {
    const java = findOnPath('java');
    if (!java) return unavailable('java (11 or later) is not on the PATH');
    const sources = ['pom.xml', ...SOURCES].map((name) => readFileSync(join(SOURCE, name)));
    const entry = { name: `streams-1.47.0-${fingerprint(sources)}`, check: join('classes', 'StreamServer.class') };
    const [javac, mvn] = [findOnPath('javac') ?? '', findOnPath('mvn') ?? ''];
    if (!isCached(entry) && !(javac && mvn))
      return unavailable(`${javac ? 'mvn' : 'javac (of a JDK, 11 or later)'} is not on the PATH`);
    const folder = await cached({ ...entry, build: (into) => build(into, javac, mvn) });
    return { available: true, java, classPath: classPathOf(folder) };
  });
}

/** Starts a server of ours, new and empty each time; several may run at once. */
export async function startStreamServer(): Promise<Started<StreamServer>> {
  const program = await prepareStreams();
  if (!program.available) return program;
  return orUnavailable('MongoDB-wire server with change streams', () =>
    onPort(undefined, (port) => start(program, port)),
  );
}

function classPathOf(folder: string): string {
  return [join(folder, 'classes'), join(folder, 'jars', '*')].join(delimiter);
}

async function build(into: string, javac: string, mvn: string): Promise<void> {
  const copy = ['-q', '-B', '-f', join(SOURCE, 'pom.xml'), 'dependency:copy-dependencies'];
  await runCommand(mvn, [...copy, `-DoutputDirectory=${join(into, 'jars')}`], { cwd: '/', deadlineMs: BUILD_MS });
  const sources = SOURCES.map((name) => join(SOURCE, name));
  const target = ['-cp', classPathOf(into), '-d', join(into, 'classes')];
  await runCommand(javac, [...target, ...sources], { deadlineMs: BUILD_MS });
}

async function start({ java, classPath }: StreamProgram, port: number): Promise<StreamServer> {
  const uri = `mongodb://127.0.0.1:${port}/?replicaSet=rs0`;
  const server = await startServer(serverFolder('streams'), {
    program: java,
    args: [...JAVA_OPTIONS, '-cp', classPath, 'StreamServer', '127.0.0.1', String(port)],
    ready: () => ping(uri),
    deadlineMs: START_MS,
  });
  return { available: true, uri, ...server };
}

async function ping(uri: string): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 1_500, connectTimeoutMS: 1_500 });
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}
