import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostInUrl, listenError } from './listen.ts';

/** Where to listen, and for messages where that was said: an option or a key of the configuration. */
export interface HealthAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly origin: string;
}

/** What a probe is told: `body` as JSON, with 200 where `ok` and 503 where not. Codes and figures only. */
export interface Verdict {
  readonly ok: boolean;
  readonly body: Readonly<Record<string, string | number>>;
}

/** What is served. An outage is an answer: nothing here rejects because something else is away. */
export interface HealthRoutes {
  /** The text exposition format of Prometheus and its content type. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether the process makes progress; a container that does not is to be started anew. */
  live(): Verdict;
  /** Whether it can do its work now. */
  ready(): Promise<Verdict>;
}

export interface HealthServer {
  /** `http://host:port`, with the real port. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`, by node:http: three routes without a parameter need no framework. Throws
 * `LISTEN_FAILED`.
 */
export async function serveHealth(address: HealthAddress, routes: HealthRoutes): Promise<HealthServer> {
  const server = createServer((request, response) => {
    answer(request, response, routes).catch(() => {
      // A bug. What is wrong may name anything, so it stays here.
      if (!response.headersSent) send(response, 500, { status: 'error', code: 'INTERNAL' });
      else response.destroy();
    });
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${hostInUrl(address.host)}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port, origin }: HealthAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      reject(listenError(error, { host, port }, origin));
    });
    server.listen({ host, port }, resolve);
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, routes: HealthRoutes): Promise<void> {
  const path = request.url?.split('?')[0];
  if (path !== '/metrics' && path !== '/healthz' && path !== '/readyz')
    return send(response, 404, { status: 'error', code: 'NOT_FOUND' });
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, 405, { status: 'error', code: 'METHOD_NOT_ALLOWED' });
  }
  if (path === '/metrics') {
    const { contentType, text } = await routes.metrics();
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text);
    return;
  }
  const verdict = path === '/healthz' ? routes.live() : await routes.ready();
  send(response, verdict.ok ? 200 : 503, verdict.body);
}

function send(response: ServerResponse, status: number, body: Verdict['body']): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`);
}
