import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { type Dashboard, type DashboardOptions, startDashboard } from '../../../src/shared/adapters/dashboard.ts';
import type { Pages } from '../../../src/shared/adapters/dashboard-pages.ts';

/** One page, which tells the path and who looks, and one that is not found. */
const PAGES: Pages = {
  answer: async (path, viewer) => {
    if (path === '/nowhere') return undefined;
    const status = path === '/gone' ? 404 : 200;
    return { status, type: 'text/html; charset=utf-8', body: `${path} for ${viewer ?? 'anybody'}` };
  },
};
const PROXY = { header: 'X-Forwarded-Email', trusted: ['127.0.0.1'] };
const LOGIN = { user: 'mongolake', password: 'canary-4731' };
const BASIC = `Basic ${Buffer.from('mongolake:canary-4731').toString('base64')}`;

describe('the dashboard without a queue', () => {
  const open = new Set<Dashboard>();
  const start = async (options: Partial<DashboardOptions> = {}): Promise<string> => {
    const dashboard = await startDashboard({
      pages: PAGES,
      listen: { host: '127.0.0.1', port: 0 },
      origin: 'dashboard.listen',
      readOnly: true,
      clock: systemClock(),
      onError: () => {},
      ...options,
    });
    open.add(dashboard);
    return dashboard.url;
  };
  const status = async (url: string, headers: Record<string, string> = {}, method = 'GET') =>
    (await fetch(url, { headers, method })).status;
  afterEach(async () => {
    for (const one of open) await one.close();
    open.clear();
  });

  it('serves pages by their path as it came, and says so where there is none', async () => {
    const url = await start();
    expect(await (await fetch(`${url}tables/a%2Fb?c=%3F`)).text()).toBe('/tables/a%2Fb for anybody');
    expect(await status(`${url}gone`)).toBe(404);
    expect(await status(`${url}nowhere`)).toBe(404);
    expect(await status(`${url}logo.svg`)).toBe(200);
    expect(await status(`${url}healthz`)).toBe(200);
  });

  it('every answer has a strict policy, and none is kept', async () => {
    const answer = await fetch(await start());
    expect(answer.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('read-only, nothing but GET and HEAD passes', async () => {
    const url = await start();
    for (const method of ['POST', 'PUT', 'DELETE']) expect(await status(url, {}, method)).toBe(405);
  });

  it('with a proxy, lets in whom it names, tells the page, and nobody else', async () => {
    const url = await start({ proxy: PROXY });
    const answer = await fetch(url, { headers: { 'x-forwarded-email': 'ann@example.com' } });
    expect([answer.status, await answer.text()]).toEqual([200, '/ for ann@example.com']);
    for (const path of ['', 'logo.svg', 'nowhere']) expect([path, await status(url + path)]).toEqual([path, 403]);
    expect(await status(`${url}healthz`)).toBe(200);
    expect(await twice(url, 'x-forwarded-email', ['eve@example.com', 'ann@example.com'])).toBe(403);
  });

  it('a header from where no proxy is trusted is worth nothing', async () => {
    const url = await start({ proxy: { ...PROXY, trusted: ['10.0.0.0/8'] } });
    expect(await status(url, { 'x-forwarded-email': 'ann@example.com', 'x-forwarded-for': '10.0.0.1' })).toBe(403);
  });

  it('with both, whom the proxy does not name is asked for the password', async () => {
    const url = await start({ proxy: PROXY, login: LOGIN });
    expect(await status(url)).toBe(401);
    expect(await status(url, { authorization: 'Basic AAAA' })).toBe(401);
    expect(await (await fetch(url, { headers: { authorization: BASIC } })).text()).toBe('/ for mongolake');
    expect(await (await fetch(url, { headers: { 'x-forwarded-email': 'ann' } })).text()).toBe('/ for ann');
  });

  it('a proxy is a login: other addresses may be listened on', async () => {
    await expect(start({ listen: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await start({ listen: { host: '0.0.0.0', port: 0 }, proxy: PROXY })).toContain('0.0.0.0');
  });
});

/** Sends a header more than once, which `fetch` would join to one. */
function twice(url: string, name: string, values: string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { [name]: values } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
}
