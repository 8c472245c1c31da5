// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables, as a user writes them
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Workspace, workspace } from '../e2e/cli.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';

const SECRET = 'n0t-the-key';

interface Checked {
  readonly table: string | null;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly code: string | null;
    readonly hint: string | null;
  }[];
}

/** `check --json`: every part by name, and the exit code. */
async function check(space: Workspace, ...args: string[]) {
  const { ended, results } = await space.json('check', ...args);
  const checks = (results as unknown as readonly Checked[]).flatMap(({ table, checks: own }) =>
    own.map((one) => ({ ...one, table })),
  );
  const of = (name: string) => checks.find((one) => one.name === name);
  return { code: ended.code, text: ended.stdout + ended.stderr, checks, of };
}

describeWith(['redis', 's3', 'mongodb'], 'check and init, over real servers', ({ redis, s3, mongodb }) => {
  let space: Workspace;
  let client: MongoClient;
  let own: RedisServer | undefined;

  const config = (change: { secret?: string; queue?: string; cursorField?: string; collections?: string[] } = {}) => ({
    version: 1,
    connections: {
      guest: { kind: 'mongodb', uri: mongodb.uri },
      lake: {
        kind: 's3',
        region: s3.region,
        endpoint: s3.endpoint,
        forcePathStyle: true,
        credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: change.secret ?? s3.secretAccessKey },
      },
    },
    queue: { kind: 'redis', url: change.queue ?? redis.url, prefix: redis.prefix },
    defaults: { cursorField: change.cursorField ?? 'updateTime', targetFileSize: '1MB' },
    pipelines: {
      guest: {
        source: {
          connection: 'guest',
          database: mongodb.database,
          collections: change.collections ?? ['notifications'],
        },
        table: { connection: 'lake', uri: `s3://${s3.bucket}/{collection}` },
      },
    },
  });

  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    const notifications = client.db(mongodb.database).collection('notifications');
    await notifications.createIndex({ updateTime: 1 });
    const at = new Date('2026-01-01T00:00:00Z');
    await notifications.insertMany([1, 2, 3].map((_id) => ({ _id: _id as never, updateTime: at, createTime: at })));
    space = workspace('', { MONGODB_URI: mongodb.uri });
  });
  afterAll(async () => {
    await space.close();
    await client.close();
    await own?.stop();
  });

  it('is ok where everything is there', async () => {
    space.configure(config());
    const { code, checks } = await check(space);
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      ...['config', 'queue', 'eviction', 'persistence', 'scratch'],
      ...['source', 'collection', 'cursor', 'index', 'clock', 'store', 'table'],
    ]);
    expect(code).toBe(0);
  });

  it('warns of a cursor field without an index, with the command that makes it', async () => {
    space.configure(config({ cursorField: 'createTime' }));
    const { code, of } = await check(space);
    expect(of('index')).toMatchObject({
      status: 'warning',
      hint: 'db.getCollection("notifications").createIndex({ "createTime": 1 })',
    });
    expect(code).toBe(0);
  });

  it('fails for wrong credentials of the store, and tells no secret', async () => {
    space.configure(config({ secret: SECRET }));
    const { code, of, text } = await check(space);
    expect(of('store')).toMatchObject({ status: 'failed', code: 'STORE_REFUSED' });
    expect(of('table')).toMatchObject({ status: 'skipped' });
    expect(of('source')).toMatchObject({ status: 'ok' });
    expect(code).toBe(77);
    expect(text).not.toContain(SECRET);
  });

  it('fails for a Redis that is not there, and checks the rest', async () => {
    space.configure(config({ queue: `redis://:${SECRET}@127.0.0.1:1` }));
    const { code, of, text } = await check(space);
    expect(of('queue')).toMatchObject({ status: 'failed', code: 'QUEUE_UNREACHABLE' });
    expect(of('persistence')).toMatchObject({ status: 'skipped' });
    expect(of('table')).toMatchObject({ status: 'ok' });
    expect(code).toBe(75);
    expect(text).not.toContain(SECRET);
  });

  it('fails for a Redis that may drop jobs, and warns of one that forgets them', async () => {
    const started = await startRedis();
    if (!started.available) throw new Error(started.reason);
    own = started;
    const admin = new Redis(own.url);
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await admin.config('SET', 'appendonly', 'no');
    admin.disconnect();
    space.configure(config({ queue: own.url }));
    const { code, of } = await check(space);
    expect(of('queue')).toMatchObject({ status: 'ok' });
    expect(of('eviction')).toMatchObject({ status: 'failed', hint: expect.stringContaining('noeviction') });
    expect(of('persistence')).toMatchObject({ status: 'warning' });
    expect(code).toBe(77);
  });

  it('names a collection that is not there', async () => {
    space.configure(config({ collections: ['notifications', 'bookings'] }));
    const { code, checks } = await check(space);
    const failed = checks.filter(({ status }) => status === 'failed');
    expect(failed).toMatchObject([{ table: 'guest.bookings', name: 'collection', code: 'SOURCE_MISSING' }]);
    expect(code).toBe(1);
  });

  it('status of a table in the store has the depth of the queue', async () => {
    space.configure(config());
    const { results } = await space.json('status');
    expect(results).toMatchObject([{ status: 'missing', queue: { waiting: 0, active: 0, failed: 0 } }]);
  });

  it('head fetches the files of a table in the store', async () => {
    space.configure({ ...config(), queue: { kind: 'local' } });
    expect((await space.json('sync')).results).toMatchObject([{ inserted: 3 }]);
    const { results } = await space.json('head', '-n', '3');
    expect(results).toMatchObject([{ version: 0 }]);
    expect((results as unknown as readonly { rows: object[] }[])[0]?.rows.length).toBe(3);
  });

  it('init finds collections, dates and indexes, and writes no connection string', async () => {
    const ended = await space.run('init', '-o', 'found.yaml', '--database', mongodb.database);
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(ended.stdout).toMatch(/\nnotifications +3 {2}updateTime +yes +createTime\n/);
    const text = readFileSync(join(space.folder, 'found.yaml'), 'utf8');
    expect(text).toContain('uri: "${MONGODB_URI}"');
    expect(text).not.toContain(mongodb.uri);
    expect((await space.run('-c', 'found.yaml', 'check')).code).toBe(0);
  });
});
