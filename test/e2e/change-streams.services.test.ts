import { type Document, MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { required } from '../services/result.ts';
import { type StreamServer, startStreamServer } from '../services/streams.ts';
import { type Workspace, workspace } from './cli.ts';

const SLOW_MS = 120_000;
const WAIT = { timeout: 60_000, interval: 100 };

type Item = Document & { readonly _id: number };

describeWith(['streams', 'readers'], 'a table that follows a change stream', () => {
  let server: StreamServer;
  let client: MongoClient;
  let space: Workspace;
  let made = 0;

  beforeAll(async () => {
    server = required(await startStreamServer());
    client = await MongoClient.connect(server.uri);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });
  beforeEach(() => {
    made += 1;
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'mongodb', uri: server.uri } },
      defaults: { partitions: 2 },
      pipelines: {
        guest: {
          source: {
            connection: 'guest',
            database: 'guest',
            collections: [name()],
            mode: 'changestream',
            followInterval: '1s',
          },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterEach(() => space.close());

  const name = () => `notifications${made}`;
  const items = () => client.db('guest').collection<Item>(name());
  const table = () => `${space.folder}/lake/${name()}`;
  const rows = async (engine: (typeof LIGHT_ENGINES)[number] = 'duckdb') =>
    (await readTable(engine, table(), { columns: ['_id', 'status'] })).map(({ _id, status }) => [_id, status]);
  const load = async (ids: readonly number[]) => {
    await items().insertMany(ids.map((_id) => ({ _id, status: 'new' })));
    return (await space.json('sync')).results;
  };

  it('is loaded whole; then each sync takes what came: inserts, updates, replacements and deletions', {
    timeout: SLOW_MS,
  }, async () => {
    expect(await load([1, 2, 3, 4])).toMatchObject([{ version: 0, inserted: 4 }]);
    await items().updateOne({ _id: 1 }, { $set: { status: 'sent' } });
    await items().replaceOne({ _id: 2 }, { status: 'read' });
    await items().deleteOne({ _id: 3 });
    await items().insertOne({ _id: 5, status: 'new' });
    await items().updateOne({ _id: 4 }, { $set: { status: 'gone' } });
    await items().deleteOne({ _id: 4 });
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ version: 1, inserted: 1, updated: 2, deleted: 2 }]);
    const expected = [
      [1, 'sent'],
      [2, 'read'],
      [5, 'new'],
    ];
    for (const engine of LIGHT_ENGINES) expect([engine, await rows(engine)]).toEqual([engine, expected]);
    expect((await space.json('sync')).results).toMatchObject([{ status: 'unchanged', version: null }]);
    expect((await space.json('verify', '--deep')).results).toMatchObject([{ status: 'equal' }]);
  });

  it('check and status say where it is', { timeout: SLOW_MS }, async () => {
    await items().insertOne({ _id: 1, status: 'new' });
    const before = await space.run('check');
    expect(before.stdout).toMatch(/ok +stream +the change stream can be read/);
    expect(before.stdout).not.toMatch(/index|cursor/);
    await space.json('sync');
    const after = await space.run('check');
    expect(after.stdout).toMatch(/ok +position +changes up to 20.* are in the table/);
    expect(after.code).toBe(0);
    const [status] = (await space.json('status')).results as unknown as Record<string, unknown>[];
    expect(status).toMatchObject({ mode: 'changestream', version: 0 });
    expect(Date.parse(String(status?.watermark))).toBeGreaterThan(Date.now() - 600_000);
    expect((await space.run('plan')).stdout).toMatch(/the change stream/);
  });

  it('where the server has lost what came it says so, and the collection takes the place of the table', {
    timeout: SLOW_MS,
  }, async () => {
    await load([1, 2]);
    await items().deleteOne({ _id: 1 });
    await client.db('admin').command({ forgetHistory: 1 });
    expect((await space.run('check')).stdout).toMatch(/warning +position .*no longer has what came after/);
    const { ended, results } = await space.json('sync');
    expect(ended.stderr).toContain('no longer has the changes since the last sync');
    expect(results).toMatchObject([{ status: 'committed', version: 1 }]);
    expect(await rows()).toEqual([[2, 'new']]);
    await items().insertOne({ _id: 3, status: 'new' });
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, inserted: 1 }]);
  });

  it.each([
    ['dropped', () => items().drop()],
    ['renamed', () => items().rename(`${name()}_old`)],
  ])(
    'where the collection was %s it ends clearly, and begins anew when told to',
    { timeout: SLOW_MS },
    async (_, end) => {
      await load([1, 2]);
      await end();
      for (const __ of [1, 2]) {
        const { ended, results } = await space.json('sync');
        expect(ended.code).toBe(1);
        expect(results).toMatchObject([{ status: 'failed', error: { code: 'STREAM_ENDED', retryable: false } }]);
      }
      expect(await rows()).toEqual([
        [1, 'new'],
        [2, 'new'],
      ]);
      await items().insertOne({ _id: 9, status: 'new' });
      expect((await space.json('backfill', '--replace')).results).toMatchObject([{ version: 1, inserted: 1 }]);
      await items().insertOne({ _id: 10, status: 'new' });
      expect((await space.json('sync')).results).toMatchObject([{ version: 2, inserted: 1 }]);
    },
  );

  it('the coordinator follows: a change is in the table without a schedule, and where none comes nothing is written', {
    timeout: SLOW_MS,
  }, async () => {
    await load([1]);
    const coordinator = space.start('coordinator');
    await coordinator.line('scheduled');
    await items().insertOne({ _id: 2, status: 'new' });
    await vi.waitUntil(async () => (await rows()).length === 2, WAIT);
    await items().deleteOne({ _id: 1 });
    await vi.waitUntil(async () => (await rows()).length === 1, WAIT);
    expect(await coordinator.end('SIGTERM')).toBe(0);
    const [status] = (await space.json('status')).results;
    expect(status?.version).toBe(2);
  });

  it('a dump has no stream, and bounds of a cursor mean nothing', { timeout: SLOW_MS }, async () => {
    await items().insertOne({ _id: 1 });
    const bounded = await space.run('sync', '--from', '2026-01-01');
    expect([bounded.code, bounded.stderr + bounded.stdout]).toEqual([64, expect.stringContaining('changestream')]);
    space.configure({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      pipelines: {
        guest: {
          source: { connection: 'guest', mode: 'changestream' },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    const refused = await space.run('sync');
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain('a dump has no change stream');
  });
});
