import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that a fake server had. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
}

/** An answer: a status and JSON, or text as it is. `hang` never answers. */
export type Reply = { readonly status: number; readonly body?: unknown } | 'hang';

export interface FakeServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** What `METHOD /path` is answered with from now on; several are for one request each, the last one stays. */
  on(request: string, ...replies: Reply[]): void;
  close(): Promise<void>;
}

/** A server on loopback that answers what the test says, and else as Vault does what it has no token for. */
export async function fakeServer(): Promise<FakeServer> {
  const seen: Seen[] = [];
  const replies = new Map<string, Reply[]>();
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const { method = '', url = '' } = request;
      seen.push({ method, path: url, headers: request.headers, body: text === '' ? {} : JSON.parse(text) });
      const queue = replies.get(`${method} ${url}`) ?? [refusal(403, 'permission denied')];
      send(response, queue.length > 1 ? queue.shift() : queue[0]);
    });
  });
  await listen(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    on: (request, ...answers) => replies.set(request, answers),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function send(response: ServerResponse, reply: Reply | undefined): void {
  if (reply === undefined || reply === 'hang') return;
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? '');
  response.writeHead(reply.status, {
    'content-type': typeof reply.body === 'string' ? 'text/plain' : 'application/json',
  });
  response.end(text);
}

/** Errors as Vault answers them. */
export function refusal(status: number, ...errors: string[]): Reply {
  return { status, body: { errors } };
}

/** A login or a renewal. */
export function auth(token: string, lease_duration: number, renewable = true): Reply {
  const granted = { client_token: token, accessor: 'a', policies: ['default'], lease_duration, renewable };
  return {
    status: 200,
    body: { request_id: 'r', lease_id: '', renewable: false, lease_duration: 0, data: null, auth: granted },
  };
}

/** The answer to lookup-self. */
export function lookUp(ttl: number, renewable = true): Reply {
  return { status: 200, body: { request_id: 'r', data: { id: 'x', ttl, renewable, creation_ttl: ttl }, auth: null } };
}

/** A read of a KV engine of version 2. */
export function kv2(data: Readonly<Record<string, unknown>>): Reply {
  const metadata = {
    created_time: '2026-01-01T00:00:00Z',
    custom_metadata: null,
    deletion_time: '',
    destroyed: false,
    version: 1,
  };
  return {
    status: 200,
    body: { request_id: 'r', lease_id: '', lease_duration: 0, data: { data, metadata }, auth: null },
  };
}

/** A read of a KV engine of version 1. */
export function kv1(data: Readonly<Record<string, unknown>>): Reply {
  return { status: 200, body: { request_id: 'r', lease_id: '', lease_duration: 2_764_800, data, auth: null } };
}
