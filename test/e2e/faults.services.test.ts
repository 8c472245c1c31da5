import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { freePort } from '../services/server.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const DOCS = 4000;

describeWith(['redis', 'readers'], 'processes that die or meet each other', ({ redis }) => {
  let space: Workspace;
  const config = (overrides: object = {}) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    queue: { kind: 'redis', url: redis.url, prefix: redis.prefix, lockDuration: '2s' },
    defaults: { partitions: 8, leaseTtl: '5s', ...overrides },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });
  beforeAll(() => {
    space = workspace(config());
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [...notifications({ docs: DOCS, seed: 5 })],
      new Date('2026-06-01T00:00:00Z'),
    );
  });
  afterAll(() => space.close());

  it('a worker killed in the middle of a merge: the run finishes, right; a second sync meanwhile exits 75 and says who holds the lease', async () => {
    const first = space.start('--log-level', 'debug', 'worker', '--concurrency', '1');
    await first.line('worker started');
    const sync = space.start('--json', '--log-level', 'info', 'sync');
    await first.line('merge started');
    // Stopped, it holds its job and renews nothing; killed, it never comes back.
    first.child.kill('SIGSTOP');
    const second = await space.json('sync');
    expect(second.ended.code).toBe(75);
    expect(second.results).toMatchObject([{ status: 'failed', error: { code: 'LEASE_HELD', retryable: true } }]);
    expect(second.ended.stderr).toMatch(/lease is held by .+:\d+ \(run /);
    await first.end('SIGKILL');
    const rescue = space.start('worker');
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    await rescue.end('SIGTERM');
    const rows = await readTable('duckdb', `${space.folder}/lake/notifications`, { columns: ['_id'] });
    expect(new Set(rows.map((row) => row._id)).size).toBe(DOCS);
    expect(rows).toHaveLength(DOCS);
  });

  it('a coordinator killed in the middle: the next run takes the lease over, fences the dead run and is right', async () => {
    const sync = space.start('--log-level', 'info', 'backfill');
    // Without a worker it waits for its extract job.
    await sync.line('planned');
    await sync.end('SIGKILL');
    const worker = space.start('worker');
    await worker.line('worker started');
    const early = await space.json('sync');
    if (early.ended.code !== 0) expect(early.results).toMatchObject([{ error: { code: 'LEASE_HELD' } }]);
    const late = early.ended.code === 0 ? early : await afterExpiry(space);
    expect(late.results).toMatchObject([{ inserted: 0, updated: 0 }]);
    await worker.end('SIGTERM');
    const log = readdirSync(`${space.folder}/lake/notifications/_delta_log`).filter((name) => name.endsWith('.json'));
    expect(log.sort()).toEqual(['00000000000000000000.json', '00000000000000000001.json']);
    expect(await readTable('deltars', `${space.folder}/lake/notifications`, { columns: ['_id'] })).toHaveLength(DOCS);
  });
});

/** Syncs until the lease of the dead run has expired: each try says that it is held. */
async function afterExpiry(space: Workspace) {
  for (let tries = 0; tries < 30; tries++) {
    const tried = await space.json('sync');
    if (tried.ended.code !== 75) return tried;
  }
  throw new Error('the lease of a dead run was never given up');
}

describeWith(['s3', 'mongodb', 'redis'], 'servers that are not there', ({ s3, mongodb, redis }) => {
  let space: Workspace;
  const parts = async () => {
    const closed = await freePort();
    return {
      closed,
      mongo: { kind: 'mongodb', uri: mongodb.uri },
      lake: {
        kind: 's3',
        region: s3.region,
        endpoint: s3.endpoint,
        forcePathStyle: true,
        credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
      },
    };
  };
  const config = (guest: object, lake: object, queue: object = { kind: 'local' }) => ({
    version: 1,
    connections: { guest, lake },
    queue,
    pipelines: {
      guest: {
        source: { connection: 'guest', database: mongodb.database, collections: ['notifications'] },
        table: { connection: 'lake', uri: `s3://${s3.bucket}/{collection}` },
      },
    },
  });
  beforeAll(() => {
    space = workspace({ version: 1 });
  });
  afterAll(() => space.close());
  const BOUND_MS = 40_000;

  it('Redis down at start: 75', async () => {
    const { mongo, lake, closed } = await parts();
    space.configure(config(mongo, lake, { kind: 'redis', url: `redis://127.0.0.1:${closed}`, prefix: redis.prefix }));
    const { ended, results } = await space.json('sync');
    expect(results).toMatchObject([{ status: 'failed', error: { code: 'QUEUE_UNREACHABLE' } }]);
    expect(ended.code).toBe(75);
    expect(ended.durationMs).toBeLessThan(BOUND_MS);
  });

  it('S3 refuses: 77; S3 not there: 75', async () => {
    const { mongo, lake, closed } = await parts();
    space.configure(
      config(mongo, { ...lake, credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: 'wrong-canary-4711' } }),
    );
    const refused = await space.json('sync');
    expect(refused.results).toMatchObject([{ error: { code: 'STORE_REFUSED' } }]);
    expect(refused.ended.code).toBe(77);
    expect(refused.ended.stdout + refused.ended.stderr).not.toContain('canary-4711');
    space.configure(config(mongo, { ...lake, endpoint: `http://127.0.0.1:${closed}` }));
    const gone = await space.json('sync');
    expect(gone.results).toMatchObject([{ error: { code: 'STORE_UNREACHABLE' } }]);
    expect(gone.ended.code).toBe(75);
    expect(gone.ended.durationMs).toBeLessThan(BOUND_MS);
  });

  it('MongoDB not there: 75, and no password in any line', async () => {
    const { lake, closed } = await parts();
    space.configure(
      config(
        { kind: 'mongodb', uri: `mongodb://me:canary-4712@127.0.0.1:${closed}/`, serverSelectionTimeout: '3s' },
        lake,
      ),
    );
    const { ended, results } = await space.json('sync');
    expect(results).toMatchObject([{ error: { code: 'SOURCE_UNREACHABLE' } }]);
    expect(ended.code).toBe(75);
    expect(ended.durationMs).toBeLessThan(BOUND_MS);
    expect(ended.stdout + ended.stderr).not.toContain('canary-4712');
  });
});
