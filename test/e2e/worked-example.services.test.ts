// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables, as a user writes them
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { base, document, fresh, old, rows, T } from './worked-example.ts';

describeWith(['readers', 'spark'], 'worked example: dump → folder, one process', () => {
  let space: Workspace;
  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  });
  afterAll(() => space.close());

  it('gives 1 T1, 2 T2, 3 T3, 4 T4, each once, in every engine', async () => {
    const file = `${space.folder}/dump/guest/notifications.bson`;
    writeDump(file, old, new Date(base + 2.5 * 300_000));
    expect((await space.json('backfill')).results).toMatchObject([{ status: 'committed', version: 0, inserted: 3 }]);
    writeDump(file, fresh, new Date(base + 5 * 300_000));
    const { ended, results } = await space.json('sync', '--from', T(2).toISOString());
    expect(results).toMatchObject([
      { table: 'guest.notifications', version: 1, read: 2, inserted: 1, updated: 1, unchanged: 0 },
    ]);
    expect(ended.code).toBe(0);
    for (const engine of [...LIGHT_ENGINES, 'spark'] as const) {
      expect(await readTable(engine, `${space.folder}/lake/notifications`), engine).toEqual(rows(fresh));
    }
    expect(await readTable('deltars', `${space.folder}/lake/notifications`, { version: 0 })).toEqual(rows(old));
  });
});

describeWith(
  ['redis', 's3', 'mongodb', 'readers'],
  'worked example: MongoDB → S3, coordinator and two workers',
  ({ redis, s3, mongodb }) => {
    let space: Workspace;
    let client: MongoClient;
    const table = `s3://${s3.bucket}/guest/notifications`;
    const read = () => Promise.all((['duckdb', 'deltars'] as const).map((engine) => readTable(engine, table, { s3 })));

    beforeAll(async () => {
      client = await MongoClient.connect(mongodb.uri);
      space = workspace(
        {
          version: 1,
          connections: {
            guest: { kind: 'mongodb', uri: '${MONGODB_URI}' },
            lake: {
              kind: 's3',
              region: s3.region,
              endpoint: s3.endpoint,
              forcePathStyle: true,
              credentials: { accessKeyId: '${S3_KEY}', secretAccessKey: '${S3_SECRET}' },
            },
          },
          queue: { kind: 'redis', url: '${REDIS_URL}', prefix: redis.prefix },
          defaults: { partitions: 4, schedule: '1s' },
          pipelines: {
            guest: {
              source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
              table: { connection: 'lake', uri: `s3://${s3.bucket}/guest/{collection}` },
            },
          },
        },
        { MONGODB_URI: mongodb.uri, REDIS_URL: redis.url, S3_KEY: s3.accessKeyId, S3_SECRET: s3.secretAccessKey },
      );
    });
    afterAll(async () => {
      await space.close();
      await client.close();
    });

    it('gives the four rows by an explicit window, then follows the collection on its schedule', async () => {
      const collection = client.db(mongodb.database).collection<ReturnType<typeof document>>('notifications');
      await collection.createIndex({ updateTime: 1 });
      await collection.insertMany(old.map((one) => ({ ...one })));
      const workers = [space.start('worker'), space.start('worker')];
      await Promise.all(workers.map((worker) => worker.line('worker started')));
      expect((await space.json('backfill')).results).toMatchObject([{ status: 'committed', version: 0, inserted: 3 }]);

      await collection.replaceOne({ _id: 3 }, document(3));
      await collection.insertOne(document(4));
      const { results } = await space.json('sync', '--from', T(2).toISOString());
      expect(results).toMatchObject([{ version: 1, read: 2, inserted: 1, updated: 1 }]);
      expect(await read()).toEqual([rows(fresh), rows(fresh)]);

      // From here on the coordinator does it by itself: a document of now lies past the watermark.
      const coordinator = space.start('coordinator');
      const now = document(5, 'A5', 'B5', new Date());
      await collection.insertOne(now);
      await vi.waitFor(async () => expect(await readTable('deltars', table, { s3 })).toHaveLength(5), {
        timeout: 60_000,
        interval: 500,
      });
      expect(await read()).toEqual([rows([...fresh, now]), rows([...fresh, now])]);
      expect(await coordinator.end('SIGTERM')).toBe(0);
      expect(await Promise.all(workers.map((worker) => worker.end('SIGTERM')))).toEqual([0, 0]);
    });
  },
);
