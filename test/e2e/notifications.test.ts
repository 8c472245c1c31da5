// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration refers to variables
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { BSON } from '../../src/shared/domain/bson.ts';
import { type WebhookReceiver, webhookReceiver } from '../shared/adapters/receiver.ts';
import { bson, documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { type Workspace, workspace } from './cli.ts';
import { servedBy } from './served.ts';

const TABLE = 'guest.notifications';
const NAMES = { version: 1, table: TABLE, pipeline: 'guest', collection: 'notifications' };

const good = (id: number) => bson({ _id: id, a: 1, updateTime: new Date(1_700_000_000_000 + id) });
/** A document with its field `a` twice. */
const twice = (id: number) => documentOf([good(id).subarray(4, -1), element(BSON.int32, 'a', int32(1))]);

let space: Workspace;
let json: WebhookReceiver;
let chat: WebhookReceiver;
/** Takes requests and never answers. */
let hangs: WebhookReceiver;

function config(hanging = false) {
  return {
    version: 1,
    connections: { dump: { kind: 'dump', path: './dump' } },
    defaults: { partitions: 1, schedule: '1s', staleAfter: '1s' },
    worker: { scratch: './scratch' },
    coordinator: { listen: '127.0.0.1:0' },
    notify: [
      {
        url: '${HOOK}',
        events: ['failed', 'stale', 'quarantined', 'recovered', 'committed'],
        headers: { authorization: 'Bearer ${TOKEN}' },
      },
      { url: chat.origin, format: 'slack' },
      ...(hanging ? [{ url: hangs.origin }] : []),
    ],
    pipelines: {
      guest: {
        source: { connection: 'dump', database: 'guest', collections: ['notifications'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  };
}

const dump = (...documents: Buffer[]) => {
  mkdirSync(`${space.folder}/dump/guest`, { recursive: true });
  writeFileSync(`${space.folder}/dump/guest/notifications.bson`, Buffer.concat(documents));
};
const hide = () => renameSync(`${space.folder}/dump`, `${space.folder}/away`);
const show = () => renameSync(`${space.folder}/away`, `${space.folder}/dump`);
/** What the receiver of everything was told from its `from`th request on. */
const told = (from: number) => json.received.slice(from).map(({ body }) => body);

beforeAll(async () => {
  [json, chat, hangs] = await Promise.all([webhookReceiver(), webhookReceiver(), webhookReceiver(() => {})]);
  space = workspace('', { HOOK: `${json.origin}/hooks/canary-4801`, TOKEN: 'canary-4802' });
  space.configure(config());
});
afterAll(async () => {
  await space.close();
  await Promise.all([json, chat, hangs].map((one) => one.close()));
});

it('a command tells what it committed, what it put aside and why it failed, before it ends', async () => {
  dump(good(1), twice(2), good(3));
  expect((await space.run('sync')).code).toBe(0);
  expect(told(0)).toEqual([
    {
      ...NAMES,
      event: 'committed',
      at: expect.any(String),
      tableVersion: 0,
      counts: expect.objectContaining({ read: 3, inserted: 2, quarantined: 1 }),
      durationMs: expect.any(Number),
    },
    { ...NAMES, event: 'quarantined', at: expect.any(String), added: 1, listed: 1, tableVersion: 0 },
  ]);
  expect(json.received[0]).toMatchObject({
    path: '/hooks/canary-4801',
    headers: { authorization: 'Bearer canary-4802' },
  });
  expect(chat.received.map(({ body }) => body)).toEqual([{ text: expect.stringContaining("can't be stored") }]);
  hide();
  const failed = await space.run('sync');
  expect(failed.code).not.toBe(0);
  expect(told(2)).toEqual([
    {
      ...NAMES,
      event: 'failed',
      at: expect.any(String),
      code: 'SOURCE_MISSING',
      message: expect.any(String),
      retryable: false,
      exit: failed.code,
    },
  ]);
  show();
});

it('a receiver that hangs keeps no command from its result', async () => {
  space.configure(config(true));
  dump(good(1), twice(2), good(3), twice(4));
  const ended = await space.run('sync');
  expect(ended.code).toBe(0);
  expect(hangs.received).toHaveLength(1);
  expect(ended.stderr).toContain('a notification could not be delivered');
  expect(ended.stderr).not.toContain('canary');
  space.configure(config());
});

it('a coordinator tells of a failure once, of staleness, of the end of both, and of each document put aside once', async () => {
  hide();
  const from = json.received.length;
  const coordinator = space.start('coordinator');
  const metrics = await servedBy(coordinator);
  await json.got(from + 2);
  await metrics.reaches('mongolake_runs_total', { table: TABLE, result: 'failed' }, (runs) => runs >= 3);
  expect(
    told(from)
      .map(({ event }) => event)
      .sort(),
  ).toEqual(['failed', 'stale']);
  show();
  dump(good(1), twice(2), good(3), twice(4), twice(5));
  await json.got(from + 4);
  await metrics.reaches('mongolake_runs_total', { table: TABLE, result: 'unchanged' }, (runs) => runs >= 2);
  const since = told(from + 2);
  // The table may grow stale once more while its run goes on.
  expect(since.find(({ event }) => event === 'recovered')).toMatchObject({
    from: expect.arrayContaining(['failed', 'stale']),
  });
  expect(since.filter(({ event }) => event === 'quarantined')).toMatchObject([{ added: 1, listed: 3 }]);
  const count = (event: string) =>
    metrics.reaches('mongolake_notifications_total', { event, result: 'sent' }, (sent) => sent >= 1);
  await Promise.all(['failed', 'stale', 'recovered', 'quarantined'].map(count));
  await metrics.reaches('mongolake_quarantined_documents', { table: TABLE }, (documents) => documents === 3);
  expect(await coordinator.end('SIGTERM')).toBe(0);
  await vi.waitFor(() => expect(chat.received.length).toBeGreaterThanOrEqual(4));
  expect(coordinator.lines.join('\n')).not.toContain('canary');
});
