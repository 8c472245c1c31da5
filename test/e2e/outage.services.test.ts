import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { bullmqQueue } from '../../src/shared/adapters/queue-bullmq.ts';
import { mergeJob, stateOf } from '../contracts/queue-contract-helpers.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { type BlackHole, blackHole } from './black-hole.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { servedBy } from './served.ts';

const DOCS = 3000;
const PREFIX = '{outage}';
const SOON = { timeout: 60_000, interval: 50 };

describeWith(['redis'], 'processes whose Redis goes away in the middle', () => {
  let space: Workspace;
  let own: RedisServer;
  const dir = mkdtempSync(join(tmpdir(), 'mongolake-outage-'));
  const begin = async (port?: number) => {
    const started = await startRedis({ dir, ...(port === undefined ? {} : { port }) });
    if (!started.available) throw new Error(started.reason);
    return started;
  };
  /** Goes and comes back as it was. `meanwhile` is done while it is away. */
  const outage = async (meanwhile: () => Promise<unknown>) => {
    await own.kill();
    await meanwhile();
    own = await begin(own.port);
  };
  const configure = () => {
    rmSync(`${space.folder}/lake`, { recursive: true, force: true });
    space.configure({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      queue: { kind: 'redis', url: own.url, prefix: PREFIX, lockDuration: '2s' },
      defaults: { partitions: 2 },
      worker: { scratch: './scratch', listen: '127.0.0.1:0' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
  };
  beforeAll(async () => {
    own = await begin();
    space = workspace({ version: 1 });
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [...notifications({ docs: DOCS, seed: 9 })],
      new Date('2026-06-01T00:00:00Z'),
    );
  });
  afterAll(async () => {
    await space.close();
    await own.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('the run waits, says so once, and once that it is back, then finishes by itself', async () => {
    configure();
    const worker = space.start('--log-level', 'info', 'worker');
    await worker.line('worker started');
    const health = await servedBy(worker);
    // Held still, it takes no job before Redis is gone.
    worker.child.kill('SIGSTOP');
    const sync = space.start('--json', '--log-level', 'info', 'sync');
    await sync.line('planned');
    await outage(async () => {
      await sync.line('the queue is away');
      worker.child.kill('SIGCONT');
      await health.becomes('/readyz', 503, { status: 'unavailable', code: 'QUEUE_UNREACHABLE' });
      expect(await health.probe('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    });
    await sync.line('the queue is back');
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    for (const said of ['the queue is away', 'the queue is back'])
      expect(sync.lines.filter((line) => line.includes(said))).toHaveLength(1);
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('a run does not begin without it, and leaves nothing', async () => {
    configure();
    await outage(async () => {
      const { ended, results } = await space.json('sync');
      expect(results).toMatchObject([{ status: 'failed', error: { code: 'QUEUE_UNREACHABLE', retryable: true } }]);
      expect(ended.code).toBe(75);
    });
    const worker = space.start('worker');
    const { results } = await space.json('sync');
    expect(results).toMatchObject([{ status: 'committed', version: 0, inserted: DOCS }]);
    expect(await worker.end('SIGTERM')).toBe(0);
  });
});

describeWith(['redis'], 'a worker whose job hangs', ({ redis }) => {
  let space: Workspace;
  let hole: BlackHole;
  const run = 'hangs';
  const queue = () => bullmqQueue({ url: redis.url, prefix: redis.prefix, clock: systemClock(), onError() {} });
  beforeAll(async () => {
    hole = await blackHole();
    space = workspace({
      version: 1,
      connections: {
        guest: { kind: 'dump', path: './dump' },
        lake: {
          kind: 's3',
          region: 'us-east-1',
          endpoint: `http://127.0.0.1:${hole.port}`,
          forcePathStyle: true,
          credentials: { accessKeyId: 'nobody', secretAccessKey: 'nothing' },
        },
      },
      queue: { kind: 'redis', url: redis.url, prefix: redis.prefix, lockDuration: '60s' },
      worker: { scratch: './scratch', listen: '127.0.0.1:0', drainTimeout: '1s', stuckTimeout: '1s' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { connection: 'lake', uri: 's3://lake/{collection}' },
        },
      },
    });
  });
  afterAll(async () => {
    await space.close();
    await hole.close();
  });

  it('/healthz says which job makes no progress; told to stop, it hands the job back in time', async () => {
    const worker = space.start('--log-level', 'debug', 'worker', '--concurrency', '1');
    await worker.line('worker started');
    const health = await servedBy(worker);
    const jobs = queue();
    try {
      const job = mergeJob(1, 0, run);
      await jobs.enqueue([job]);
      await health.becomes('/healthz', 503, {
        status: 'stuck',
        what: 'merge',
        table: 'guest.notifications',
        run,
        silentSeconds: expect.any(Number),
      });
      expect((await health.probe('/readyz')).status).toBe(200);
      const told = performance.now();
      expect(await worker.end('SIGTERM')).toBe(0);
      // Its drain timeout, and what a worker may take after it.
      expect(performance.now() - told).toBeLessThan(13_000);
      await vi.waitFor(async () => expect(await stateOf(jobs, job.id)).toEqual({ state: 'waiting' }), SOON);
      // Nobody else is to take it.
      await jobs.forget([job.id]);
    } finally {
      await jobs.close();
    }
  });
});
