import { appRoutes } from '@bull-board/api/dist/routes.js';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { type Dashboard, type DashboardOptions, startDashboard } from '../../../src/shared/adapters/dashboard.ts';
import type { Pages } from '../../../src/shared/adapters/dashboard-pages.ts';
import { bullmqQueue } from '../../../src/shared/adapters/queue-bullmq.ts';
import type { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { describeWith } from '../../services/context.ts';
import { startRedis } from '../../services/redis.ts';
import { required } from '../../services/result.ts';
import { waitUntil } from '../../services/server.ts';
import { MERGE_JOB } from './merge-job.ts';

const LOGIN = { user: 'mongolake', password: 'canary-4720' };
const DEADLINE_MS = 30_000;

interface Listing {
  readonly queues: readonly [{ readonly isPaused: boolean; readonly counts: object; readonly jobs: readonly object[] }];
}

/** One page, which tells who looks. */
const PAGES: Pages = {
  answer: async (path, viewer) =>
    path === '/' ? { status: 200, type: 'text/html', body: `hello ${viewer ?? 'you'}` } : undefined,
};
const board = ({ url }: Dashboard) => `${url}queues`;

describeWith(['redis'], 'the dashboard', ({ redis }) => {
  const open = new Set<{ close(): Promise<void> }>();
  const errors: MongolakeError[] = [];
  const start = async (options: Partial<DashboardOptions> = {}): Promise<Dashboard> => {
    const dashboard = await startDashboard({
      queue: { redis: { url: redis.url }, prefix: redis.prefix },
      pages: PAGES,
      listen: { host: '127.0.0.1', port: 0 },
      origin: 'dashboard.listen',
      readOnly: true,
      clock: systemClock(),
      onError: (error) => errors.push(error),
      ...options,
    });
    open.add(dashboard);
    return dashboard;
  };
  const withJob = async () => {
    const queue = bullmqQueue({ url: redis.url, prefix: redis.prefix, clock: systemClock(), onError: () => {} });
    open.add(queue);
    await queue.enqueue([MERGE_JOB]);
  };
  const listing = async (dashboard: Dashboard, status = 'prioritized') =>
    ((await (await fetch(`${board(dashboard)}/api/queues?activeQueue=jobs&status=${status}`)).json()) as Listing)
      .queues[0];
  afterEach(async () => {
    for (const one of open) await one.close();
    open.clear();
    errors.length = 0;
  });

  it('read-only, every route of Bull Board that changes something is refused', async () => {
    await withJob();
    const dashboard = await start();
    const before = await listing(dashboard);
    expect(before).toMatchObject({ isPaused: false, counts: { prioritized: 1 }, readOnlyMode: true });
    const changing = appRoutes.api.filter(({ method }) => method !== 'get');
    expect(changing.length).toBeGreaterThan(15);
    for (const { method, route } of changing) {
      const path = String(route)
        .replace(':queueName', 'jobs')
        .replace(':jobId', MERGE_JOB.id)
        .replace(':queueStatus', 'failed')
        .replace(':schedulerId', 'x');
      const answer = await fetch(board(dashboard) + path, {
        method: String(method).toUpperCase(),
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect([path, answer.status]).toEqual([path, 405]);
    }
    expect(await listing(dashboard)).toEqual(before);
  });

  it('read-write, people pause a queue, but not from the page of another site', async () => {
    await withJob();
    const dashboard = await start({ readOnly: false });
    const pause = (headers: Record<string, string>) =>
      fetch(`${board(dashboard)}/api/queues/jobs/pause`, { method: 'PUT', headers });
    expect((await pause({ origin: 'http://evil.example' })).status).toBe(403);
    expect((await listing(dashboard)).isPaused).toBe(false);
    expect((await pause({ origin: new URL(dashboard.url).origin })).status).toBe(200);
    const { isPaused, jobs } = await listing(dashboard);
    expect(isPaused).toBe(true);
    // What people may edit is the whole of the data.
    expect(jobs).toMatchObject([{ name: 'merge · guest.notifications · partition 3', data: MERGE_JOB }]);
    await fetch(`${board(dashboard)}/api/queues/jobs/resume`, { method: 'PUT' });
  });

  it('with a password nothing but the probe answers without it', async () => {
    const dashboard = await start({ login: LOGIN });
    const status = async (path: string, login?: string, method = 'GET') => {
      const headers = login === undefined ? {} : { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
      const answer = await fetch(new URL(path, dashboard.url), { method, headers, redirect: 'manual' });
      return answer.status;
    };
    const paths = ['/', '/queues', '/queues/', '/queues/api/queues', '/logo.svg', '/nowhere', '/queues/static/x'];
    for (const path of paths) expect([path, await status(path)]).toEqual([path, 401]);
    for (const login of ['mongolake:wrong', 'me:canary-4720', 'mongolake:', ':', 'mongolake:canary-4720x']) {
      expect([login, await status('/queues', login)]).toEqual([login, 401]);
    }
    expect(await status('/queues', undefined, 'PUT')).toBeGreaterThanOrEqual(400);
    expect(await status('/queues', 'mongolake:canary-4720')).toBe(200);
    expect(await status('/healthz')).toBe(200);
    expect(await status('/healthz', undefined, 'POST')).toBeGreaterThanOrEqual(400);
  });

  it('a port that is taken: LISTEN_FAILED, with the address', async () => {
    const { port } = new URL((await start()).url);
    await expect(start({ listen: { host: '127.0.0.1', port: Number(port) } })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it('takes nothing from other hosts', async () => {
    const page = await fetch(board(await start()));
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(await page.text()).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });

  describe('while Redis goes away and comes back', () => {
    it('answers an error, tells it once, and recovers', async () => {
      const own = required(await startRedis());
      try {
        const dashboard = await start({ queue: { redis: { url: own.url }, prefix: redis.prefix }, timeoutMs: 500 });
        const read = () => fetch(`${board(dashboard)}/api/queues?activeQueue=jobs`);
        expect((await read()).status).toBe(200);
        await own.kill();
        const answer = await read();
        expect(answer.status).toBe(500);
        expect(await answer.text()).toContain(`Redis at ${own.url}`);
        const page = await fetch(board(dashboard), { headers: { accept: 'text/html' } });
        expect(page.status).toBe(500);
        expect(await page.text()).toContain("can't be reached");
        expect((await fetch(new URL('/healthz', dashboard.url))).status).toBe(200);
        expect(errors.map(({ code }) => code)).toEqual(['QUEUE_UNREACHABLE']);
        const again = required(await startRedis({ port: own.port }));
        try {
          await waitUntil(async () => expect((await read()).status).toBe(200), DEADLINE_MS);
          // One that takes commands and says nothing.
          process.kill(again.pid, 'SIGSTOP');
          expect((await read()).status).toBe(500);
          process.kill(again.pid, 'SIGCONT');
          await waitUntil(async () => expect((await read()).status).toBe(200), DEADLINE_MS);
        } finally {
          await again.stop();
        }
      } finally {
        await own.stop();
      }
    });
  });
});
