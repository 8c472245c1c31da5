import { afterEach, expect, test } from 'vitest';
import { type HealthRoutes, type HealthServer, serveHealth } from '../../../src/shared/adapters/health-server.ts';

const ADDRESS = { host: '127.0.0.1', port: 0, origin: 'mongolake.yaml: worker.listen' };
const servers: HealthServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serve(routes: Partial<HealthRoutes> = {}): Promise<HealthServer> {
  const server = await serveHealth(ADDRESS, {
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' }),
    live: () => ({ ok: true, body: { status: 'ok' } }),
    ready: async () => ({ ok: false, body: { status: 'unavailable', code: 'QUEUE_UNREACHABLE' } }),
    ...routes,
  });
  servers.push(server);
  return server;
}

test('serves the three, each with its status and type, with the real port in the URL', async () => {
  const { url } = await serve();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  const metrics = await fetch(`${url}/metrics?x=1`);
  expect([metrics.status, metrics.headers.get('content-type'), await metrics.text()]).toEqual([
    200,
    'text/plain; version=0.0.4',
    'a 1\n',
  ]);
  const live = await fetch(`${url}/healthz`);
  expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'unavailable', code: 'QUEUE_UNREACHABLE' }]);
});

test('nothing else: 404, 405; and no body for HEAD', async () => {
  const { url } = await serve();
  expect((await fetch(`${url}/`)).status).toBe(404);
  expect((await fetch(`${url}/metrics/x`)).status).toBe(404);
  const post = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a bug is a 500 that tells nothing of it', async () => {
  const { url } = await serve({
    metrics: async () => {
      throw new Error('canary-4713');
    },
  });
  const answer = await fetch(`${url}/metrics`);
  expect([answer.status, await answer.json()]).toEqual([500, { status: 'error', code: 'INTERNAL' }]);
});

test('a port that is taken: LISTEN_FAILED, with the address and where it was said', async () => {
  const { url } = await serve();
  const port = Number(new URL(url).port);
  await expect(serveHealth({ ...ADDRESS, port }, {} as HealthRoutes)).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: `mongolake.yaml: worker.listen: 127.0.0.1:${port} can't be listened on: another process has it`,
  });
});

test('closes although a connection is kept open', async () => {
  const server = await serve();
  await (await fetch(`${server.url}/healthz`)).text();
  await server.close();
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
