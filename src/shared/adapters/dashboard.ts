import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { refuseOpenDoor } from './dashboard-guard.ts';
import { asksForLogin, guard, HEALTH_PATH, type Logins } from './dashboard-login.ts';
import { LOGO, LOGO_PATH, type Pages } from './dashboard-pages.ts';
import { hostInUrl, listenError } from './listen.ts';
import type { RedisPlace } from './redis-place.ts';

export interface DashboardOptions extends Logins {
  /** In Redis, for Bull Board: where that is, and what is before every key. There is no Bull Board where left out. */
  readonly queue?: { readonly redis: RedisPlace; readonly prefix: string };
  readonly pages: Pages;
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The option or key that `listen` is from, for messages. */
  readonly origin: string;
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

/**
 * Serves the overview's pages, and Bull Board where there is a queue to look at, until it is closed. Whatever others could reach without
 * saying who they are is refused before anything is opened.
 * Errors: `CONFIG_INVALID`, `QUEUE_UNREACHABLE` and `QUEUE_REFUSED` at the start, `LISTEN_FAILED`.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { listen, queue } = options;
  refuseOpenDoor(listen, asksForLogin(options));
  const server = fastify({ forceCloseConnections: true });
  const viewerOf = await guard(server, options);
  server.get(HEALTH_PATH, async () => 'ok\n');
  server.get(LOGO_PATH, (_request, reply) => reply.type('image/svg+xml').send(LOGO));
  server.get('/*', async (request, reply) => {
    const answer = await options.pages.answer(request.url.replace(/\?.*/s, ''), viewerOf(request));
    if (answer === undefined) return reply.callNotFound();
    return reply.code(answer.status).header('cache-control', 'no-store').type(answer.type).send(answer.body);
  });
  const closeBoard = await boardOf(server, options, queue);
  try {
    const port = await listenOn(server, options);
    return {
      url: `http://${hostInUrl(listen.host)}:${port}/`,
      close: async () => {
        await server.close();
        closeBoard();
      },
    };
  } catch (error) {
    closeBoard();
    throw error;
  }
}

/** Serves Bull Board where there is a queue for it; returns what closes it. */
async function boardOf(
  server: FastifyInstance,
  { readOnly, clock, onError, timeoutMs }: DashboardOptions,
  queue: DashboardOptions['queue'],
): Promise<() => void> {
  if (queue === undefined) return () => {};
  // Loaded here: without a queue nobody pays for it.
  const { serveBoard } = await import('./dashboard-queue.ts');
  return serveBoard(server, {
    ...queue,
    readOnly,
    clock,
    onError,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
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
