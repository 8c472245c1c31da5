import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { servedBy } from './served.ts';

const DOCS = 20_000;
/** A job of a worker that is silent is taken up after this at the earliest: more than any of these tests may take. */
const LOCK_MS = 60_000;
const GRACE_MS = 15_000;

describeWith(['redis', 'readers'], 'a worker that is told to stop in the middle of a merge', ({ redis }) => {
  let space: Workspace;
  let tables = 0;
  const lake = () => `${space.folder}/lake-${tables}/notifications`;
  const scratch = () => readdirSync(`${space.folder}/scratch`);
  const shared = () => ({
    kind: 'redis',
    url: redis.url,
    prefix: redis.prefix,
    lockDuration: `${LOCK_MS / 1000}s`,
  });
  /** A table of its own, so that each test begins with a backfill of one partition. */
  const configure = (drainTimeout: string, queue: object = shared()) => {
    tables++;
    // What ended at once left its files.
    for (const name of scratch()) rmSync(`${space.folder}/scratch/${name}`, { recursive: true });
    space.configure({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      queue,
      // Compressing hard makes the merge long.
      defaults: { partitions: 1, compressionLevel: 19 },
      worker: { scratch: './scratch', drainTimeout, listen: '127.0.0.1:0' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: `file:./lake-${tables}/{collection}` },
        },
      },
    });
  };
  const startWorker = () => space.start('--log-level', 'debug', '--log-format', 'json', 'worker', '--concurrency', '1');
  /** Waits until the engine has begun to write the merged file. */
  const merging = (process: Running) =>
    vi.waitUntil(
      () =>
        scratch().some((name) => existsSync(`${space.folder}/scratch/${name}/out`)) ||
        process.lines.some((line) => line.includes('merge done')),
      { timeout: 60_000, interval: 5 },
    );
  /** A worker in the middle of a merge, and the run that waits for it. */
  const inTheMiddle = async (): Promise<{ worker: Running; sync: Running }> => {
    const worker = startWorker();
    await worker.line('worker started');
    const sync = space.start('--json', '--log-level', 'warn', 'sync');
    await worker.line('merge started');
    await merging(worker);
    return { worker, sync };
  };
  const expectWhole = async () => {
    const rows = await readTable('duckdb', lake(), { columns: ['_id'] });
    expect(rows).toHaveLength(DOCS);
    expect(new Set(rows.map((row) => row._id)).size).toBe(DOCS);
    expect(scratch()).toEqual([]);
  };
  beforeAll(() => {
    space = workspace({ version: 1 });
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [...notifications({ docs: DOCS, seed: 6 })],
      new Date('2026-06-01T00:00:00Z'),
    );
  });
  afterAll(() => space.close());

  it('with time to drain: it finishes the merge, then ends with 0', async () => {
    configure('60s');
    const { worker, sync } = await inTheMiddle();
    const health = await servedBy(worker);
    const ended = once(worker.child, 'close');
    worker.child.kill('SIGTERM');
    await health.becomes('/readyz', 503, { status: 'draining' });
    expect(await health.probe('/healthz')).toEqual({ status: 200, body: { status: 'draining' } });
    expect(await ended).toEqual([0, null]);
    const after = worker.lines.slice(worker.lines.findIndex((line) => line.includes('SIGTERM')));
    expect(after.some((line) => line.includes('merge done'))).toBe(true);
    // Its work counts: no other worker was ever there.
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    await expectWhole();
  });

  it('without: it hands the merge back within the grace period, and another worker takes it at once', async () => {
    configure('0s');
    const { worker, sync } = await inTheMiddle();
    const told = performance.now();
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(performance.now() - told).toBeLessThan(GRACE_MS);
    expect(worker.lines.some((line) => line.includes('merge done'))).toBe(false);
    expect(worker.lines.some((line) => line.includes('merge handed back'))).toBe(true);
    expect(scratch()).toEqual([]);
    const second = startWorker();
    const taken = JSON.parse(await second.line('merge started')) as { attempt: number };
    expect(taken.attempt).toBe(2);
    // Sooner than a lock could have run out: it was handed back, not found stalled.
    expect(performance.now() - told).toBeLessThan(LOCK_MS);
    expect(await sync.line('"status":"committed"')).toContain(`"inserted":${DOCS}`);
    expect(await second.end('SIGTERM')).toBe(0);
    await expectWhole();
  });

  it('a second SIGTERM ends it at once with 130, and no reader sees anything of it', async () => {
    configure('60s');
    const { worker, sync } = await inTheMiddle();
    worker.child.kill('SIGTERM');
    await worker.line('once more to stop at once');
    expect(await worker.end('SIGTERM')).toBe(130);
    expect(worker.lines.some((line) => line.includes('merge done'))).toBe(false);
    expect(existsSync(`${lake()}/_delta_log/00000000000000000000.json`)).toBe(false);
    await sync.end('SIGTERM');
  });

  it('Ctrl-C in a `sync` that does its own work: 130, also when pressed twice', async () => {
    for (const times of [1, 2]) {
      configure('60s', { kind: 'local' });
      const sync = space.start('--log-level', 'debug', '--log-format', 'json', 'sync');
      await merging(sync);
      if (times === 2) {
        sync.child.kill('SIGINT');
        await sync.line('once more to stop at once');
      }
      expect(await sync.end('SIGINT')).toBe(130);
      expect(sync.lines.some((line) => line.includes('merge done'))).toBe(false);
    }
  });
});
