import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Certificates } from './certificates.ts';
import { findOnPath } from './command.ts';
import { canInstallPackages, installPackage } from './debian.ts';
import { messageOf, orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, serverFolder, startServer } from './server.ts';

/** A Redis that tests may use. */
export interface RedisService {
  readonly available: true;
  /** redis://127.0.0.1:port, database 0; with the password, where `startRedis` was given one. */
  readonly url: string;
}

/** A Redis process of ours: append-only file with fsync every second, maxmemory-policy noeviction. */
export interface RedisServer extends RedisService, Server {
  readonly port: number;
  /** Where the append-only file is. Removed by `stop` unless it was given. */
  readonly dir: string;
}

/** Where a Redis of ours runs and keeps its data. */
export interface RedisOptions {
  /** TCP port of 127.0.0.1; a free one where not given. */
  readonly port?: number;
  /**
   * Folder of the append-only file; a temporary one where not given. An outage with the data kept is `kill()`, then
   * `startRedis` with the same port and dir (or `stop()`, where the dir is the test's own).
   */
  readonly dir?: string;
  /** What clients must say (`requirepass`), made of letters and digits; nothing is asked for where not given. */
  readonly password?: string;
  /** Only TLS is spoken then, to clients with a certificate of the authority; `url` starts with rediss://. */
  readonly tls?: Certificates;
  /** Users, as lines of an ACL file; the default user only where not given. */
  readonly acl?: readonly string[];
}

const START_MS = 30_000;

/** The Redis of MONGOLAKE_TEST_REDIS_URL, else one of ours. The URL's Redis is used as it is, `stop` leaves it alone. */
export async function redisService(): Promise<Started<RedisService & { stop(): Promise<void> }>> {
  const url = process.env.MONGOLAKE_TEST_REDIS_URL;
  if (!url) return startRedis();
  try {
    await pingRedis(url);
    return { available: true, url, stop: async () => {} };
  } catch (error) {
    return unavailable(`the Redis of MONGOLAKE_TEST_REDIS_URL does not answer: ${messageOf(error)}`);
  }
}

/** Starts a Redis process of ours: `redis-server` on the PATH, else installed as a Debian package where that is possible. */
export async function startRedis(options: RedisOptions = {}): Promise<Started<RedisServer>> {
  return orUnavailable('redis-server', async () => {
    const program = findOnPath('redis-server') ?? (canInstallPackages() ? await installRedis() : undefined);
    if (!program) {
      return unavailable(
        'redis-server is not on the PATH (and this is not root on Debian, to install it); or set MONGOLAKE_TEST_REDIS_URL',
      );
    }
    return onPort(options.port, (port) => startOn(program, port, options));
  });
}

async function installRedis(): Promise<string> {
  return installPackage('redis-server', 'redis-server');
}

async function startOn(program: string, port: number, options: RedisOptions): Promise<RedisServer> {
  const { dir: givenDir, password, tls, acl } = options;
  const folder = serverFolder('redis');
  const dir = givenDir ?? join(folder, 'data');
  mkdirSync(dir, { recursive: true });
  const url = `${tls === undefined ? 'redis' : 'rediss'}://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  const settings = {
    ...(tls === undefined ? { port: String(port) } : tlsSettings(port, tls)),
    bind: '127.0.0.1',
    dir,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    requirepass: password ?? '',
    ...(acl === undefined ? {} : { aclfile: aclFile(dir, acl) }),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = await startServer(folder, { program, args, ready: () => pingRedis(url, tls), deadlineMs: START_MS });
  return { available: true, url, port, dir, ...server };
}

function tlsSettings(port: number, { ca, serverCert, serverKey }: Certificates): Record<string, string> {
  return {
    port: '0',
    'tls-port': String(port),
    'tls-ca-cert-file': ca,
    'tls-cert-file': serverCert,
    'tls-key-file': serverKey,
    'tls-auth-clients': 'yes',
  };
}

function aclFile(dir: string, lines: readonly string[]): string {
  const file = join(dir, 'users.acl');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return file;
}

/** Resolves once the Redis at `url` answers PING (which it does not while it loads its data); else throws. */
export async function pingRedis(url: string, tls?: Certificates): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    ...(tls === undefined ? {} : { tls: clientTls(tls) }),
    connectTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The failure is told by connect() itself.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/** What a client of the authority says in Node's words. */
export function clientTls({ ca, clientCert, clientKey, keyPassword }: Certificates) {
  const [authority, cert, key] = [ca, clientCert, clientKey].map((path) => readFileSync(path, 'utf8'));
  return { ca: authority, cert, key, passphrase: keyPassword } as {
    ca: string;
    cert: string;
    key: string;
    passphrase: string;
  };
}
