import { MongoClient, type MongoClientOptions, type ReadPreferenceMode } from 'mongodb';
import { MongolakeError } from '../domain/errors.ts';
import { type Redact, redactedError } from '../domain/redact.ts';
import { sourceError } from './mongodb-errors.ts';
import { optionOf, redactor } from './mongodb-uri.ts';
import type { TlsMaterial } from './tls-files.ts';

/** How to talk to the server. Times are milliseconds; what the URI sets itself goes before the defaults here. */
export interface MongodbSettings {
  /** Until a member that may serve the read is found. 10,000. */
  readonly serverSelectionTimeoutMS?: number;
  /** Until a connection stands. 10,000. */
  readonly connectTimeoutMS?: number;
  /** Without a byte on a connection in use: a query that takes longer counts as a dead one. 300,000. */
  readonly socketTimeoutMS?: number;
  /** Which members may serve the reads; the URI's, or `primary`, if not given. */
  readonly readPreference?: ReadPreferenceMode;
  /** TLS, with these certificates; what the URI says of it where not given. */
  readonly tls?: TlsMaterial;
}

const DEFAULT_TIMEOUTS = {
  serverSelectionTimeoutMS: 10_000,
  connectTimeoutMS: 10_000,
  socketTimeoutMS: 300_000,
} as const;
/** How stale a secondary may be to be chosen, seconds: the least MongoDB takes, so that two readers see much the same. */
const MAX_STALENESS_SECONDS = 90;

/** A client that others may use too. */
export interface MongodbLease {
  /** `mongodb://host` or `mongodb+srv://host`, without user, password and options. */
  readonly address: string;
  readonly redact: Redact;
  /** The client, connected. Throws the driver's errors, and `INTERRUPTED` once it was given back. */
  connected(): Promise<MongoClient>;
  /** Runs an operation of the driver; what it throws comes out as the port's error. */
  run<T>(about: string, operation: (client: MongoClient) => Promise<T>): Promise<T>;
  /** Gives the client back; the last one closes it. A second call does nothing. */
  release(): Promise<void>;
}

interface Shared {
  readonly client: MongoClient;
  users: number;
}

/** Open clients of this process by URI and options: sources of one connection share one pool and one monitor per member. */
const shared = new Map<string, Shared>();

/**
 * Takes a client for the URI; nothing is connected yet. Throws `CONFIG_INVALID`, which names `connection` and never the URI.
 */
export function leaseClient(uri: string, connection: string, settings: MongodbSettings = {}): MongodbLease {
  const redact = redactor(uri);
  const options = clientOptions(uri, settings);
  const key = JSON.stringify([uri, options]);
  const entry = shared.get(key) ?? { client: makeClient(uri, options, connection, redact), users: 0 };
  shared.set(key, entry);
  entry.users += 1;
  const address = addressOf(entry.client);
  let released = false;

  async function connected(): Promise<MongoClient> {
    if (released) throw new MongolakeError('INTERRUPTED', `${address}: the connection was closed while it was in use`);
    // By itself the driver connects at the first operation only, and where that fails, never again ("Topology is closed").
    return entry.client.connect();
  }
  return {
    address,
    redact,
    connected,
    async run(about, operation) {
      try {
        return await operation(await connected());
      } catch (error) {
        throw sourceError(error, about, redact);
      }
    },
    async release() {
      if (released) return;
      released = true;
      entry.users -= 1;
      if (entry.users > 0) return;
      shared.delete(key);
      await entry.client.close();
    },
  };
}

function clientOptions(uri: string, settings: MongodbSettings): MongoClientOptions {
  const options: MongoClientOptions = {};
  for (const [name, fallback] of Object.entries(DEFAULT_TIMEOUTS) as [keyof typeof DEFAULT_TIMEOUTS, number][]) {
    const value = settings[name] ?? (optionOf(uri, name) === undefined ? fallback : undefined);
    if (value !== undefined) options[name] = value;
  }
  if (optionOf(uri, 'appName') === undefined) options.appName = 'mongolake';
  if (settings.readPreference !== undefined) options.readPreference = settings.readPreference;
  if (settings.tls !== undefined) Object.assign(options, settings.tls, { tls: true });
  const mode = settings.readPreference ?? optionOf(uri, 'readPreference') ?? 'primary';
  if (mode !== 'primary' && optionOf(uri, 'maxStalenessSeconds') === undefined) {
    // The member that told the time and the one that is read need not be the same: leave out those that lag. The driver
    // takes no less than a heartbeat and ten seconds (server selection specification, "maxStalenessSeconds").
    const heartbeatMs = Number(optionOf(uri, 'heartbeatFrequencyMS') ?? 0);
    options.maxStalenessSeconds = Math.max(MAX_STALENESS_SECONDS, Math.ceil(heartbeatMs / 1000) + 10);
  }
  return options;
}

function makeClient(uri: string, options: MongoClientOptions, connection: string, redact: Redact): MongoClient {
  try {
    return new MongoClient(uri, options);
  } catch (error) {
    const detail = error instanceof Error && mayQuote(uri, error.message) ? `: ${redact(error.message)}` : '';
    throw new MongolakeError(
      'CONFIG_INVALID',
      `connection ${connection}: not a MongoDB URI the driver accepts${detail}`,
      {
        hint: 'It should read mongodb://user:password@host:port/?options, user and password URL-escaped.',
        ...(detail === '' ? {} : { cause: redactedError(error, redact) }),
      },
    );
  }
}

/**
 * Without an `@` a password can stand where the port belongs, and the driver quotes what it can't parse: its own words are
 * told only where the URI has its parts in place, or where they hold nothing of the part before the path.
 */
function mayQuote(uri: string, message: string): boolean {
  if (/^[^/]+:\/\/[^/@]*@[^/@]+/.test(uri)) return true;
  const pieces = (uri.replace(/^[^/]*:\/\//, '').split(/[/?]/)[0] ?? '').split(/[:,@]/);
  return pieces.every((piece) => piece === '' || !message.includes(piece));
}

function addressOf(client: MongoClient): string {
  const { hosts, srvHost } = client.options;
  return srvHost === undefined ? `mongodb://${hosts.map(String).join(',')}` : `mongodb+srv://${srvHost}`;
}
