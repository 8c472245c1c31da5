import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Workspace, workspace } from './cli.ts';

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
const DEADLINE_MS = 60_000;

/** Runs over all three servers, and tells what is open right after. */
const PROGRAM = `
import { status, sync } from ${JSON.stringify(LIBRARY)};
const config = 'mongolake.yaml';
const [synced] = await sync({ config });
const [stands] = await status({ config });
const open = process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Message|DNS|GetAddr/.test(name));
console.log(JSON.stringify({ synced, stands, open }));
`;

describeWith(['mongodb', 's3', 'redis'], 'the library with servers', ({ mongodb, s3, redis }) => {
  let space: Workspace;
  let client: MongoClient;
  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    const collection = client.db(mongodb.database).collection('notifications');
    await collection.insertMany(
      Array.from({ length: 100 }, (_, n) => ({ n, updateTime: new Date(Date.UTC(2026, 0, 1)) })),
    );
    await collection.createIndex({ updateTime: 1 });
    const { endpoint, region, accessKeyId, secretAccessKey, bucket } = s3;
    space = workspace({
      version: 1,
      connections: {
        guest: { kind: 'mongodb', uri: mongodb.uri },
        lake: { kind: 's3', region, endpoint, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } },
      },
      queue: { kind: 'redis', url: redis.url, prefix: redis.prefix },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
          table: { connection: 'lake', uri: `s3://${bucket}/{collection}` },
        },
      },
    });
  });
  afterAll(async () => {
    await space.close();
    await client.close();
  });

  it('coordinates a run that a worker carries out, closes its connections, and ends by itself', async () => {
    const worker = space.start('worker');
    await worker.line('worker started');
    const program = join(space.folder, 'program.mjs');
    writeFileSync(program, PROGRAM);
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      cwd: space.folder,
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    expect(JSON.parse(stdout)).toMatchObject({
      synced: { table: 'guest.notifications', status: 'committed', version: 0, inserted: 100 },
      stands: { status: 'present', rows: 100, queue: { waiting: 0, active: 0 } },
      open: [],
    });
    expect(await worker.end('SIGTERM')).toBe(0);
  });
});
