import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BOARD_HEADERS, refusalOf, SECURITY_HEADERS } from './dashboard-guard.ts';
import { BASE_PATH } from './dashboard-pages.ts';
import { type ProxyLogin, proxiedViewer } from './dashboard-proxy.ts';

/** How people say who they are; nobody is asked where both are left out. */
export interface Logins {
  /** HTTP basic authentication. */
  readonly login?: { readonly user: string; readonly password: string };
  /** A proxy that has asked already. Whom it names is not asked for a password. */
  readonly proxy?: ProxyLogin;
}

/** Whether anybody is asked. */
export function asksForLogin({ login, proxy }: Logins): boolean {
  return login !== undefined || proxy !== undefined;
}

/** Path that answers whoever asks. */
export const HEALTH_PATH = '/healthz';

/** Stands before every route but the probe's, also those that there are not. Returns who a request is from, where a login tells. */
export async function guard(
  server: FastifyInstance,
  { readOnly, ...logins }: Logins & { readonly readOnly: boolean },
): Promise<(request: FastifyRequest) => string | undefined> {
  const open = (request: FastifyRequest) => request.routeOptions.url === HEALTH_PATH;
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(isBoard(request) ? BOARD_HEADERS : SECURITY_HEADERS);
    if (open(request)) return;
    const { host, origin, 'sec-fetch-site': fetchSite } = request.headers;
    const asked = { method: request.method, host, origin, fetchSite: fetchSite?.toString() };
    const refusal = refusalOf(asked, { login: asksForLogin(logins), readOnly });
    if (refusal !== undefined) await reply.code(refusal.status).send({ error: refusal.message });
  });
  const viewers = new WeakMap<FastifyRequest, string>();
  const proxied = logins.proxy === undefined ? () => undefined : proxiedViewer(logins.proxy);
  await requireLogin(server, logins, {
    open: (request) => {
      const viewer = proxied({ address: request.socket.remoteAddress, rawHeaders: request.raw.rawHeaders });
      if (viewer !== undefined) viewers.set(request, viewer);
      return viewer !== undefined || open(request);
    },
    known: (request, user) => viewers.set(request, user),
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
  return (request) => viewers.get(request);
}

function isBoard({ url }: FastifyRequest): boolean {
  return url === BASE_PATH || url.startsWith(`${BASE_PATH}/`) || url.startsWith(`${BASE_PATH}?`);
}

interface Door {
  /** Whether a request may pass without a password. */
  open(request: FastifyRequest): boolean;
  /** Told who has given one. */
  known(request: FastifyRequest, user: string): void;
}

async function requireLogin(server: FastifyInstance, { login, proxy }: Logins, { open, known }: Door): Promise<void> {
  if (login === undefined) {
    if (proxy === undefined) return;
    server.addHook('onRequest', async (request, reply) => {
      if (!open(request))
        await reply.code(403).send({ error: 'open the dashboard through the proxy that logs people in' });
    });
    return;
  }
  const validate = async (user: string, password: string, request: FastifyRequest) => {
    // Both are compared, whatever the first says: the time taken must tell nothing.
    const [isUser, isRight] = [same(user, login.user), same(password, login.password)];
    if (!isUser || !isRight) throw new Error('wrong user or password');
    known(request, user);
  };
  await server.register(basicAuth, { validate, authenticate: { realm: 'mongolake' } });
  server.addHook('onRequest', (request, reply, next) => {
    if (open(request)) next();
    else server.basicAuth(request, reply, next);
  });
}

function same(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
