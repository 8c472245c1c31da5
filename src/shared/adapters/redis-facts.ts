import { Redis } from 'ioredis';
import { queueError, redisLabel } from './redis.ts';
import type { RedisPlace } from './redis-place.ts';

/** What the server says of itself, for `mongolake check`. */
export interface RedisFacts {
  readonly flavour: 'redis' | 'valkey' | 'dragonfly';
  readonly version: string;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: string;
  /** `master` or `slave`, as Redis says it. */
  readonly role: string;
  /** Jobs need `noeviction`: any other policy may drop them when memory is full. Empty where the server does not tell. */
  readonly maxmemoryPolicy: string;
  readonly maxMemoryBytes: number;
  readonly usedMemoryBytes: number;
  /** Whether the append-only file is on: without it a crash of Redis forgets the queue, and runs are delayed. */
  readonly appendonly: boolean;
}

/**
 * Asks a Redis for what an operator should know of it, over a connection of its own.
 * Errors: `QUEUE_UNREACHABLE` after at most about `timeoutMs`, `QUEUE_REFUSED`, `CONFIG_INVALID` for a URL that is none.
 */
export async function inspectRedis({ url, tls }: RedisPlace, timeoutMs = 8_000): Promise<RedisFacts> {
  const label = redisLabel(url);
  let last: Error | undefined;
  const client = new Redis(url, {
    lazyConnect: true,
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', (error: Error) => {
    last ??= error;
  });
  try {
    await client.connect();
    return parseInfo(await client.info());
  } catch (error) {
    // The first error says why; the rejection itself only says that the connection is closed.
    throw queueError(last ?? error, label);
  } finally {
    client.disconnect();
  }
}

/** Reads the answer to INFO: lines of `key:value` (https://redis.io/docs/latest/commands/info/). */
export function parseInfo(info: string): RedisFacts {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const flavour = fields.has('valkey_version') ? 'valkey' : fields.has('dragonfly_version') ? 'dragonfly' : 'redis';
  const text = (key: string) => fields.get(key) ?? '';
  return {
    flavour,
    version: text(`${flavour}_version`),
    mode: text('redis_mode'),
    role: text('role'),
    maxmemoryPolicy: text('maxmemory_policy'),
    maxMemoryBytes: Number(text('maxmemory')),
    usedMemoryBytes: Number(text('used_memory')),
    appendonly: text('aof_enabled') === '1',
  };
}
