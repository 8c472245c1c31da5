import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { describeWith } from '../services/context.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const DOCS = 4000;
const PARTITIONS = 8;
const PASSWORD = 'canary-4730';
const SEEN_MS = 30_000;
/** A name that is not of loopback, yet leads there: what a page elsewhere would use. */
const ELSEWHERE = 'dashboard.example';

/** Keeps a picture of what is seen, where MONGOLAKE_TEST_SCREENSHOTS names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.MONGOLAKE_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  // Once the page has faded in.
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
}

describeWith(['redis', 'chromium'], 'the dashboard in a browser', ({ redis, chromium }) => {
  let space: Workspace;
  let browser: Browser;
  let page: Page;
  let url: string;
  /** Requests to other hosts, and what the page was refused. */
  const strays: string[] = [];
  const config = (dashboard: object = {}) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    queue: { kind: 'redis', url: redis.url, prefix: redis.prefix },
    dashboard: { listen: '127.0.0.1:0', ...dashboard },
    defaults: { partitions: PARTITIONS },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications', 'bookings'] },
        table: { uri: 'file:./lake/{collection}' },
        // The one document that can't be stored is one too many.
        collections: { bookings: { maxQuarantined: 0 } },
      },
    },
  });
  const startDashboard = async () => {
    const dashboard = space.start('--log-format', 'json', 'dashboard');
    const { message } = JSON.parse(await dashboard.line('dashboard at')) as { message: string };
    return { dashboard, url: `${message.replace('dashboard at ', '')}queues` };
  };
  const show = (tab: string) => page.goto(`${url}/queue/jobs?status=${tab}`);
  const seen = (text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: SEEN_MS });

  beforeAll(async () => {
    space = workspace(config());
    const documents = [...notifications({ docs: DOCS, seed: 5 })];
    const { _id, ...nameless } = documents[137] as (typeof documents)[number];
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, new Date('2026-06-01T00:00:00Z'));
    writeDump(`${space.folder}/dump/guest/bookings.bson`, [...documents.slice(0, 137), nameless]);
    ({ url } = await startDashboard());
    browser = await driver.launch({
      executablePath: chromium.executable,
      args: ['--no-sandbox', `--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(url).host) strays.push(request.url());
    });
    page.on('console', (said) => {
      if (said.type() === 'error') strays.push(said.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await space.close();
  });

  it('shows jobs waiting, then active, then completed with their rows and bytes', async () => {
    const sync = space.start('--json', '--log-level', 'info', 'sync', 'guest.notifications');
    await sync.line('planned');
    await show('prioritized');
    await seen('extract · guest.notifications · range 0');
    await seen('No workers');
    await picture(page, 'waiting');
    const worker = space.start('--log-level', 'debug', 'worker', '--concurrency', '1');
    await worker.line('merge started');
    // Stopped, it holds its job for as long as its lock lasts.
    worker.child.kill('SIGSTOP');
    await show('active');
    await seen(/^merge · guest\.notifications · partition \d$/);
    await seen('by ');
    await picture(page, 'active');
    worker.child.kill('SIGCONT');
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    await show('completed');
    await seen(/"\d{3} rows, \d+\.\d kB"/);
    await picture(page, 'completed');
    const [queue] = await completed(page, url);
    expect(queue?.jobs.map(({ returnValue }) => returnValue).join('\n')).toMatch(/^4,000 documents, 2\.\d MB$/m);
    expect(queue?.jobs).toHaveLength(PARTITIONS + 1);
    expect(await page.title()).toBe('mongolake');
    await worker.end('SIGTERM');
  });

  it('shows why a job failed, in words', async () => {
    const worker = space.start('worker');
    expect((await space.run('sync', 'guest.bookings')).code).toBe(1);
    await show('failed');
    await seen('extract · guest.bookings · range 0');
    await seen(/^QUARANTINE_LIMIT: range 0 met .*a document without _id\. Nothing was committed/);
    await picture(page, 'failed');
    expect(await page.getByText('"retryable"').count()).toBe(0);
    await worker.end('SIGTERM');
  });

  it('read-only has no button that changes anything, and refuses what one would send', async () => {
    await show('failed');
    await seen('extract · guest.bookings · range 0');
    const labels = await page
      .getByRole('button')
      .evaluateAll((all) => all.map((one) => `${one.textContent} ${one.title}`));
    expect(labels.join('\n')).not.toMatch(/pause|retry|clean|remove|promote|empty|obliterate/i);
    const status = await page.evaluate(async () => (await fetch('api/queues/jobs/pause', { method: 'PUT' })).status);
    expect(status).toBe(405);
    expect((await completed(page, url))[0]).toMatchObject({ isPaused: false, readOnlyMode: true });
  });

  it('took nothing from other hosts, and broke no policy of its own', () => {
    // The one above, which the browser tells as an error.
    expect(strays.filter((stray) => !stray.includes('405'))).toEqual([]);
  });

  it('is not there under the name of another site', async () => {
    const other = await browser.newPage();
    const answer = await other.goto(url.replace('127.0.0.1', ELSEWHERE));
    expect(answer?.status()).toBe(403);
    await other.close();
  });

  it('with a password shows nothing without it; SIGTERM ends it well', async () => {
    space.configure(config({ password: PASSWORD }));
    const locked = await startDashboard();
    const stranger = await browser.newPage();
    await expect(stranger.goto(locked.url)).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');
    expect((await stranger.request.get(locked.url)).status()).toBe(401);
    await stranger.close();
    const known = await browser.newPage({ httpCredentials: { username: 'mongolake', password: PASSWORD } });
    expect((await known.goto(`${locked.url}/queue/jobs?status=failed`))?.status()).toBe(200);
    await known.getByText('extract · guest.bookings · range 0').waitFor({ timeout: SEEN_MS });
    await known.close();
    expect(await locked.dashboard.end('SIGTERM')).toBe(0);
    expect(locked.dashboard.lines.join('\n')).not.toContain(PASSWORD);
  });
});

interface Listed {
  readonly isPaused: boolean;
  readonly readOnlyMode: boolean;
  readonly jobs: readonly { readonly returnValue: unknown }[];
}

async function completed(page: Page, url: string): Promise<readonly Listed[]> {
  const answer = await page.request.get(`${url}/api/queues?activeQueue=jobs&status=completed&jobsPerPage=50`);
  return ((await answer.json()) as { readonly queues: readonly Listed[] }).queues;
}
