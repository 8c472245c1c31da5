import type { FastifyInstance } from 'fastify';
import type { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { within } from '../within.ts';
import { bullBoard } from './dashboard-board.ts';
import { BASE_PATH } from './dashboard-pages.ts';
import { QUEUE_NAME } from './queue-bullmq-backend.ts';
import { makeBullQueue } from './queue-bullmq-producer.ts';
import { connectRedis, queueError, type RedisConnectionHandle, redisLabel, unreachable } from './redis.ts';
import type { RedisPlace } from './redis-place.ts';

/** A queue in Redis to be looked at. */
export interface BoardOptions {
  readonly redis: RedisPlace;
  /** Before every key of the queue. */
  readonly prefix: string;
  readonly readOnly: boolean;
  readonly clock: Clock;
  /** Told once of each outage of Redis. */
  readonly onError: (error: MongolakeError) => void;
  /** Bound on every question to Redis, milliseconds. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;

/** Serves Bull Board at `BASE_PATH`; returns what closes its connection. Errors: `QUEUE_UNREACHABLE`, `QUEUE_REFUSED`. */
export async function serveBoard(server: FastifyInstance, options: BoardOptions): Promise<() => void> {
  const connection = connect(options);
  try {
    await serve(server, options, connection);
    return () => connection.close();
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A connection whose trouble is told once until it is there again. */
function connect({ redis, timeoutMs = TIMEOUT_MS, onError }: BoardOptions): RedisConnectionHandle {
  let told = false;
  const connection = connectRedis(
    { ...redis, connectTimeoutMs: timeoutMs, name: 'mongolake:dashboard' },
    'producer',
    (error) => {
      if (!told) onError(error);
      told = true;
    },
  );
  connection.client.on('ready', () => {
    told = false;
  });
  return connection;
}

async function serve(server: FastifyInstance, options: BoardOptions, connection: RedisConnectionHandle): Promise<void> {
  const { redis, prefix, readOnly, clock, timeoutMs = TIMEOUT_MS, onError } = options;
  const label = redisLabel(redis.url);
  const ask = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await within(clock, timeoutMs, connection.ready().then(work));
      if (result.done) return result.value;
    } catch (error) {
      throw queueError(error, label);
    }
    throw unreachable(label, connection.lastError());
  };
  const report = (error: MongolakeError) => {
    // An outage is told by the connection.
    if (error.code !== 'QUEUE_UNREACHABLE') onError(error);
  };
  const queue = await ask(() => makeBullQueue({ queueName: QUEUE_NAME, prefix, label, report }, connection));
  // Without Redis, Bull Board's page would say that there is no such queue.
  server.addHook('preHandler', async (request) => {
    const page = request.headers.accept?.includes('text/html') && request.url.startsWith(BASE_PATH);
    if (page) await ask(() => connection.client.ping());
  });
  server.addHook('onSend', async (request, reply, payload) =>
    typeof payload === 'string' &&
    request.url.startsWith(BASE_PATH) &&
    reply.getHeader('content-type')?.toString().startsWith('text/html')
      ? atHome(payload)
      : payload,
  );
  await server.register(bullBoard(queue, { readOnly, ask }), { prefix: BASE_PATH });
}

/** The page without what it would take from other hosts: fonts. */
function atHome(page: string): string {
  return page.replace(/<link\s[^>]*href="https?:[^>]*>/g, '');
}
