import { createHash, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import basicAuth from '@fastify/basic-auth';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import type { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { within } from '../within.ts';
import { BASE_PATH, bullBoard, LOGO, LOGO_PATH } from './dashboard-board.ts';
import { refusalOf, refuseOpenDoor, SECURITY_HEADERS } from './dashboard-guard.ts';
import { hostInUrl, listenError } from './listen.ts';
import { QUEUE_NAME } from './queue-bullmq-backend.ts';
import { makeBullQueue } from './queue-bullmq-producer.ts';
import { connectRedis, queueError, type RedisConnectionHandle, redisLabel, unreachable } from './redis.ts';
import type { RedisPlace } from './redis-place.ts';

export interface DashboardOptions {
  readonly redis: RedisPlace;
  /** Before every key of the queue. */
  readonly prefix: string;
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The option or key that `listen` is from, for messages. */
  readonly origin: string;
  /** Nobody is asked for one where left out. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly readOnly: boolean;
  readonly clock: Clock;
  /** Told once of each outage of Redis. */
  readonly onError: (error: MongolakeError) => void;
  /** Bound on every question to Redis, milliseconds. */
  readonly timeoutMs?: number;
}

export interface Dashboard {
  /** Where people open it. */
  readonly url: string;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
const HEALTH_PATH = '/healthz';

/**
 * Serves Bull Board until it is closed. Whatever others could reach without a password is refused before anything is opened.
 * Errors: `CONFIG_INVALID`, `QUEUE_UNREACHABLE` and `QUEUE_REFUSED` at the start, `LISTEN_FAILED`.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { listen, login } = options;
  refuseOpenDoor(listen, login !== undefined);
  const connection = connect(options);
  try {
    const server = fastify({ forceCloseConnections: true });
    await guard(server, options);
    await serve(server, options, connection);
    const port = await listenOn(server, options);
    return {
      url: `http://${hostInUrl(listen.host)}:${port}${BASE_PATH}`,
      close: async () => {
        await server.close();
        connection.close();
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** A connection whose trouble is told once until it is there again. */
function connect({ redis, timeoutMs = TIMEOUT_MS, onError }: DashboardOptions): RedisConnectionHandle {
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

/** Before every route but the probe's, also those that there are not. */
async function guard(server: FastifyInstance, { login, readOnly }: DashboardOptions): Promise<void> {
  const open = (request: FastifyRequest) => request.routeOptions.url === HEALTH_PATH;
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (open(request)) return;
    const { host, origin, 'sec-fetch-site': fetchSite } = request.headers;
    const asked = { method: request.method, host, origin, fetchSite: fetchSite?.toString() };
    const refusal = refusalOf(asked, { login: login !== undefined, readOnly });
    if (refusal !== undefined) await reply.code(refusal.status).send({ error: refusal.message });
  });
  if (login !== undefined) {
    const validate = async (user: string, password: string) => {
      // Both are compared, whatever the first says: the time taken must tell nothing.
      const [known, right] = [same(user, login.user), same(password, login.password)];
      if (!known || !right) throw new Error('wrong user or password');
    };
    await server.register(basicAuth, { validate, authenticate: { realm: 'mongolake' } });
    server.addHook('onRequest', (request, reply, next) => {
      if (open(request)) next();
      else server.basicAuth(request, reply, next);
    });
  }
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
}

function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function serve(
  server: FastifyInstance,
  options: DashboardOptions,
  connection: RedisConnectionHandle,
): Promise<void> {
  const { prefix, readOnly, clock, timeoutMs = TIMEOUT_MS, onError } = options;
  const label = redisLabel(options.redis.url);
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
  server.addHook('onSend', async (_request, reply, payload) =>
    typeof payload === 'string' && reply.getHeader('content-type')?.toString().startsWith('text/html')
      ? atHome(payload)
      : payload,
  );
  server.get(HEALTH_PATH, async () => 'ok\n');
  server.get('/', (_request, reply) => reply.redirect(BASE_PATH));
  server.get(LOGO_PATH, (_request, reply) => reply.type('image/svg+xml').send(LOGO));
  await server.register(bullBoard(queue, { readOnly, ask }), { prefix: BASE_PATH });
}

/** The page without what it would take from other hosts: fonts. */
function atHome(page: string): string {
  return page.replace(/<link\s[^>]*href="https?:[^>]*>/g, '');
}

/** Listens, and tells the port that it has. */
async function listenOn(
  server: FastifyInstance,
  { listen, origin }: Pick<DashboardOptions, 'listen' | 'origin'>,
): Promise<number> {
  try {
    await server.listen(listen);
    return (server.server.address() as AddressInfo).port;
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, listen, origin);
  }
}
