import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { type Receiver, type WebhookOptions, webhookNotifier } from '../../../src/shared/adapters/notifier-webhook.ts';
import { type Notice, notificationOf } from '../../../src/shared/domain/notification.ts';
import type { Logger } from '../../../src/shared/ports/logger.ts';
import { type WebhookReceiver, webhookReceiver } from './receiver.ts';

const SECRET = '/services/T00/canary-4801';
const STALE: Notice = { event: 'stale', lastCheckAt: null, limitSeconds: 900 };
const LONG_MS = 60_000;

const open: WebhookReceiver[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

async function receiver(...answer: Parameters<typeof webhookReceiver>): Promise<WebhookReceiver> {
  const started = await webhookReceiver(...answer);
  open.push(started);
  return started;
}

/** A notifier of one receiver, with what became of its notifications and what it said. */
function notifier(origin: string, change: Partial<Receiver> = {}, options: Partial<WebhookOptions> = {}) {
  const results: string[] = [];
  const lines: string[] = [];
  const say = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug() {}, info: say, warn: say, error: say, child: () => logger };
  const one: Receiver = {
    url: `${origin}${SECRET}?key=canary-4802`,
    format: 'json',
    events: ['stale', 'recovered'],
    headers: { authorization: 'Bearer canary-4803' },
    timeoutMs: 10_000,
    ...change,
  };
  const made = webhookNotifier(() => [one], {
    clock: systemClock(),
    logger,
    userAgent: 'mongolake/1.2.3',
    backoffMs: 1,
    onResult: (event, result) => results.push(`${event} ${result}`),
    ...options,
  });
  return { ...made, results, lines, tell: (notice: Notice) => made.notify(notificationOf('guest.a', notice, 0)) };
}

test('posts JSON with the headers to the whole URL, in order, and only the events that are asked for', async () => {
  const server = await receiver();
  const { tell, drain, results } = notifier(server.origin);
  tell(STALE);
  tell({ event: 'quarantined', added: 1, listed: 1, tableVersion: 0 });
  tell({ event: 'recovered', from: ['stale'], since: 'then' });
  await drain(LONG_MS);
  expect(results).toEqual(['stale sent', 'recovered sent']);
  expect(server.received.map(({ body }) => body.event)).toEqual(['stale', 'recovered']);
  expect(server.received[0]).toMatchObject({
    path: `${SECRET}?key=canary-4802`,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'mongolake/1.2.3',
      authorization: 'Bearer canary-4803',
    },
    body: {
      version: 1,
      event: 'stale',
      table: 'guest.a',
      pipeline: 'guest',
      collection: 'a',
      at: '1970-01-01T00:00:00.000Z',
      lastCheckAt: null,
      limitSeconds: 900,
    },
  });
});

test('posts text for Slack', async () => {
  const server = await receiver();
  const { tell, drain } = notifier(server.origin, { format: 'slack' });
  tell(STALE);
  await drain(LONG_MS);
  expect(server.received[0]?.body).toEqual({ text: expect.stringContaining('guest.a is stale') });
});

test.each([429, 500, 503])(
  'status %i is tried again until it goes, with what comes after it behind',
  async (status) => {
    const server = await receiver((response, before) => {
      response.statusCode = before < 2 ? status : 204;
      response.end();
    });
    const { tell, drain, results } = notifier(server.origin);
    tell(STALE);
    tell({ event: 'recovered', from: ['stale'], since: 'then' });
    await drain(LONG_MS);
    expect(server.received.map(({ body }) => body.event)).toEqual(['stale', 'stale', 'stale', 'recovered']);
    expect(results).toEqual(['stale sent', 'recovered sent']);
  },
);

test.each([
  ['seconds', '7', 7000],
  ['a date', 'Thu, 01 Jan 1970 00:00:09 GMT', 9000],
  ['more than a minute', '3600', 60_000],
  ['nothing that is one', 'soon', 1000],
])('waits as long as the receiver asks for, a minute at most: %s', async (_, header, waited) => {
  const server = await receiver((response, before) => {
    if (before === 0) response.writeHead(429, { 'retry-after': header });
    response.end();
  });
  const slept: number[] = [];
  const clock = {
    ...systemClock(),
    now: () => 0,
    sleep: (...args: Parameters<ReturnType<typeof systemClock>['sleep']>) => {
      if (args[2]?.background !== true) return systemClock().sleep(...args);
      slept.push(args[0]);
      return Promise.resolve();
    },
  };
  const { tell, drain } = notifier(server.origin, {}, { clock, backoffMs: 1000 });
  tell(STALE);
  await drain(LONG_MS);
  expect(slept).toEqual([waited]);
  expect(server.received).toHaveLength(2);
});

test.each([
  [404, 1],
  [302, 1],
  [500, 5],
])('status %i is given up after %i tries, counted and logged by host and status alone', async (status, tries) => {
  const server = await receiver((response) => void response.writeHead(status, { location: '/elsewhere' }).end());
  const { tell, drain, results, lines } = notifier(server.origin);
  tell(STALE);
  await drain(LONG_MS);
  expect(server.received).toHaveLength(tries);
  expect(results).toEqual(['stale failed']);
  expect(lines).toEqual([
    `a notification could not be delivered ${JSON.stringify({
      event: 'stale',
      table: 'guest.a',
      to: new URL(server.origin).host,
      reason: `status ${status}`,
    })}`,
  ]);
});

test('a receiver that is not there is tried again, then told of without its URL', async () => {
  const server = await webhookReceiver();
  await server.close();
  const { tell, drain, results, lines } = notifier(server.origin);
  tell(STALE);
  await drain(LONG_MS);
  expect(results).toEqual(['stale failed']);
  expect(lines[0]).toContain('ECONNREFUSED');
  expect(lines.join()).not.toContain('canary');
});

test('a receiver that never answers is given up after its timeout', async () => {
  const server = await receiver(() => {});
  const { tell, drain, results, lines } = notifier(server.origin, { timeoutMs: 30 });
  tell(STALE);
  await drain(LONG_MS);
  expect(server.received).toHaveLength(5);
  expect(results).toEqual(['stale failed']);
  expect(lines[0]).toContain('no answer within 30 ms');
});

test('the end waits for a receiver that hangs no longer than it is told to, and gives up all that waits', async () => {
  const server = await receiver(() => {});
  const { tell, drain, results } = notifier(server.origin);
  for (let i = 0; i < 3; i++) tell(STALE);
  await server.got(1);
  await drain(20);
  expect(results).toEqual(['stale failed', 'stale failed', 'stale failed']);
  expect(server.received).toHaveLength(1);
});

test('no more than a hundred wait for one that hangs: what comes then is lost, and told of', async () => {
  const server = await receiver(() => {});
  const { tell, drain, results, lines } = notifier(server.origin);
  tell(STALE);
  await server.got(1);
  for (let i = 0; i < 101; i++) tell(STALE);
  await vi.waitFor(() => expect(results).toEqual(['stale failed']));
  expect(lines[0]).toContain('too many wait');
  await drain(1);
  expect(results).toHaveLength(102);
});
