import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { describeWith } from '../services/context.ts';
import { waitUntil } from '../services/server.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { weakTexts } from './contrast.ts';
import { writeDump } from './dump.ts';
import { writeWideTable } from './wide-table.ts';

const DOCS = 6000;
const PARTITIONS = 256;
const WIDE = { partitions: 1024, versions: 10_000 };
const PASSWORD = 'canary-4732';
const HOSTILE = `<img src=x onerror="document.title='taken'">`;
const SEEN_MS = 60_000;

/** Keeps a picture of what is seen, where MONGOLAKE_TEST_SCREENSHOTS names a folder. */
async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.MONGOLAKE_TEST_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

describeWith(['redis', 'chromium'], 'the overview in a browser', ({ redis, chromium }) => {
  let space: Workspace;
  let browser: Browser;
  let dashboard: Running;
  let url: string;
  /** Requests to other hosts, and whatever a page complained of. */
  const strays: string[] = [];
  const config = (dashboard: object = {}, queue: object = { kind: 'redis', url: redis.url, prefix: redis.prefix }) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    queue,
    dashboard: { listen: '127.0.0.1:0', ...dashboard },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications', 'wide', HOSTILE] },
        table: { uri: 'file:./lake/{collection}' },
        partitions: PARTITIONS,
      },
    },
  });
  const start = async () => {
    const running = space.start('--log-format', 'json', 'dashboard');
    const { message } = JSON.parse(await running.line('dashboard at')) as { message: string };
    return { running, url: message.replace('dashboard at ', '') };
  };
  const open = async (address: string, options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    page.on('request', (request) => {
      if (new URL(request.url()).host !== new URL(address).host) strays.push(request.url());
    });
    page.on('console', (said) => {
      if (['error', 'warning'].includes(said.type())) strays.push(said.text());
    });
    page.on('pageerror', (error) => strays.push(error.message));
    await page.goto(address);
    return page;
  };
  const merged = (page: Page) => page.locator('.run .heat i[class^=m]').count();

  beforeAll(async () => {
    space = workspace(config());
    const documents = [...notifications({ docs: DOCS, seed: 11 })];
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, new Date('2026-06-01T00:00:00Z'));
    await writeWideTable(`${space.folder}/lake/wide`, WIDE);
    ({ running: dashboard, url } = await start());
    browser = await driver.launch({ executablePath: chromium.executable, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await space.close();
  });

  it('shows a run stage by stage and partition by partition while it goes, without a reload', async () => {
    const page = await open(url);
    await page.evaluate('window.sameDocument = true');
    await page.getByRole('link', { name: 'guest.notifications' }).first().focus();
    const sync = space.start('--json', '--log-level', 'info', 'sync', 'guest.notifications');
    const said = (text: string) =>
      page.locator('#said', { hasText: text }).waitFor({ state: 'attached', timeout: SEEN_MS });
    await said('guest.notifications: reading.');
    await page.getByRole('progressbar', { name: 'Ranges read' }).waitFor();
    const worker = space.start('--log-level', 'warn', 'worker', '--concurrency', '1');
    await said('guest.notifications: merging.');
    await page.locator('.run .heat i[class^=m]').first().waitFor({ timeout: SEEN_MS });
    worker.child.kill('SIGSTOP');
    const done = await merged(page);
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(PARTITIONS);
    await page.getByRole('img', { name: /^\d+ of 256 partitions merged, \d+ to go/ }).waitFor();
    expect(await page.locator('.stages [aria-current=step]').textContent()).toBe('Merge');
    await picture(page, 'overview-running');
    worker.child.kill('SIGCONT');
    await waitUntil(async () => expect(await merged(page)).toBeGreaterThan(done), SEEN_MS);
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    await said('No run in progress.');
    await page.getByRole('cell', { name: '6,000', exact: true }).waitFor({ timeout: SEEN_MS });
    expect(await page.evaluate('window.sameDocument')).toBe(true);
    expect(await page.evaluate('document.activeElement.textContent')).toBe('notifications');
    await worker.end('SIGTERM');
    await page.close();
  });

  it('renders 1,024 partitions and the newest of 10,000 versions in one answer', async () => {
    const page = await open(`${url}tables/guest.wide`);
    expect(await page.locator('.heat i').count()).toBe(WIDE.partitions);
    expect(await page.locator('.chart .hit').count()).toBe(200);
    expect(await page.locator('.chart .mark.schema').count()).toBe(1);
    await page
      .getByRole('img', { name: /Versions 9,800 to 9,999: .* The schema changed in version 9,980\./ })
      .waitFor();
    await page.getByRole('img', { name: /The largest of 1,024 partitions, number 1,023/ }).waitFor();
    await picture(page, 'overview-wide');
    await page.getByRole('link', { name: '1,024 partitions as a table' }).click();
    expect(await page.getByRole('row').count()).toBe(WIDE.partitions + 1);
    await page.close();
  });

  it('is used by keyboard: to the content first, and updates can be paused', async () => {
    const page = await open(url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    const button = page.getByRole('button', { name: 'Pause updates' });
    await button.focus();
    await page.keyboard.press('Space');
    expect(await button.getAttribute('aria-pressed')).toBe('true');
    await page.evaluate('document.querySelector("footer").replaceChildren("by hand")');
    await page.keyboard.press('Space');
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    await page.getByText('Read from object storage at').waitFor();
    await page.close();
  });

  it('fits a phone and a desk, and can be read in light and in dark', async () => {
    const paths = [
      '',
      'tables/guest.notifications',
      'tables/guest.wide',
      'tables/guest.wide/versions',
      'tables/nothing',
    ];
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [390, 1280]) {
        const page = await open(url, { viewport: { width, height: 844 }, colorScheme });
        for (const path of paths.filter((path) => path !== 'tables/nothing')) {
          await page.goto(url + path);
          expect([path, width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
            path,
            width,
            width,
          ]);
          expect([path, colorScheme, await page.evaluate(weakTexts(4.5))]).toEqual([path, colorScheme, []]);
          await picture(page, `overview-${path.replaceAll('/', '-') || 'all'}-${width}-${colorScheme}`);
        }
        await page.close();
      }
    }
  });

  it('takes a name for a name, whatever it is', async () => {
    const page = await open(url);
    await page.getByText(HOSTILE).first().click();
    await page.getByRole('heading', { level: 1, name: HOSTILE }).waitFor();
    expect(await page.title()).toBe(`guest.${HOSTILE} · mongolake`);
    await page.close();
  });

  it('works without JavaScript', async () => {
    const page = await open(url, { javaScriptEnabled: false });
    await page.getByRole('rowheader', { name: 'guest.notifications' }).waitFor();
    expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(1);
    expect(await page.getByRole('button').count()).toBe(0);
    await page.close();
  });

  it('took nothing from other hosts, ran nothing that the policy forbids, and no page complained', () => {
    expect(strays).toEqual([]);
  });

  it('says when the dashboard is away, and goes on when it is back', async () => {
    const page = await open(url);
    await dashboard.end('SIGTERM');
    const note = page.getByText('The dashboard does not answer');
    await note.waitFor({ timeout: SEEN_MS });
    const again = space.start('dashboard', '--listen', new URL(url).host);
    await note.waitFor({ state: 'hidden', timeout: SEEN_MS });
    await page.close();
    await again.end('SIGTERM');
  });

  it('asks for the login before anything is shown, and tells who is in', async () => {
    space.configure(config({ password: PASSWORD }));
    const locked = await start();
    const page = await browser.newPage();
    for (const path of ['', 'tables/guest.wide', 'overview.js', 'overview.css', 'logo.svg', 'queues']) {
      expect([path, (await page.request.get(locked.url + path)).status()]).toEqual([path, 401]);
    }
    await page.close();
    const known = await open(locked.url, { httpCredentials: { username: 'mongolake', password: PASSWORD } });
    await known.getByText('Logged in as').waitFor({ state: 'attached' });
    await known.getByRole('link', { name: 'Queue' }).click();
    await known.getByText('mongolake').first().waitFor();
    await known.close();
    expect(await locked.running.end('SIGTERM')).toBe(0);
  });

  it('with the local queue there is the overview, and no Bull Board', async () => {
    space.configure(config({}, { kind: 'local' }));
    const local = await start();
    const page = await open(local.url);
    await page.getByRole('rowheader', { name: 'guest.notifications' }).waitFor();
    expect(await page.getByRole('link', { name: 'Queue' }).count()).toBe(0);
    expect((await page.request.get(`${local.url}queues`)).status()).toBe(404);
    expect((await page.request.post(local.url)).status()).toBe(405);
    await page.close();
    expect(await local.running.end('SIGTERM')).toBe(0);
  });
});
