import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { notifications } from '../../examples/sample/collection.ts';
import { describeWith } from '../services/context.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { sampleOf } from '../shared/adapters/exposition.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { servedBy } from './served.ts';

const DOCS = 3000;
const PARTITIONS = 2;
const TABLE = 'guest.notifications';
const LISTEN = { listen: '127.0.0.1:0' };

function config(url: string, prefix: string, schedule: string) {
  return {
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    queue: { kind: 'redis', url, prefix },
    defaults: { partitions: PARTITIONS, schedule },
    coordinator: LISTEN,
    worker: { ...LISTEN, scratch: './scratch' },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  };
}

describeWith(['redis'], 'what coordinator and worker serve', ({ redis }) => {
  let space: Workspace;
  let own: RedisServer;
  const dir = mkdtempSync(join(tmpdir(), 'mongolake-metrics-redis-'));
  const begin = async (port?: number) => {
    const started = await startRedis({ dir, ...(port === undefined ? {} : { port }) });
    if (!started.available) throw new Error(started.reason);
    return started;
  };
  beforeAll(async () => {
    own = await begin();
    space = workspace(config(redis.url, redis.prefix, '1s'));
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [...notifications({ docs: DOCS, seed: 8 })],
      new Date('2026-06-01T00:00:00Z'),
    );
  });
  afterAll(async () => {
    await space.close();
    await own.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('a table on its way: jobs that wait, that run, and what came of them', async () => {
    const coordinator = space.start('coordinator');
    const cluster = await servedBy(coordinator);
    await cluster.becomes('/readyz', 200, { status: 'ready' });
    const state = (name: string) => ['mongolake_queue_jobs', { state: name }] as const;
    await cluster.reaches(...state('prioritized'), (jobs) => jobs === 1);
    const before = await cluster.scrape();
    expect(sampleOf(before, 'mongolake_queue_up')).toBe(1);
    expect(sampleOf(before, 'mongolake_tables')).toBe(1);
    expect(sampleOf(before, 'mongolake_runs_running')).toBe(1);
    expect(sampleOf(before, 'mongolake_runs_total', { table: TABLE, result: 'committed' })).toBe(0);
    expect(before.get('mongolake_freshness_timestamp_seconds')?.samples).toEqual([]);
    expect(sampleOf(before, 'mongolake_freshness_limit_seconds', { table: TABLE })).toBe(900);
    expect(sampleOf(before, 'mongolake_lease_held', { table: TABLE })).toBe(1);
    expect(sampleOf(before, 'mongolake_run_started_timestamp_seconds', { table: TABLE })).toBeGreaterThan(
      Date.now() / 1000 - 120,
    );
    expect(sampleOf(before, 'mongolake_table_rows', { table: TABLE })).toBeUndefined();
    expect(sampleOf(before, 'mongolake_alive')).toBe(1);
    expect(before.get('mongolake_build_info')?.samples).toHaveLength(1);

    const worker = space.start('--log-level', 'debug', 'worker', '--concurrency', '1');
    const pod = await servedBy(worker);
    await worker.line('extract started');
    // Held still, it has its job for as long as it takes to look.
    worker.child.kill('SIGSTOP');
    await cluster.reaches(...state('active'), (jobs) => jobs === 1);
    await cluster.reaches(...state('prioritized'), (jobs) => jobs === 0);
    worker.child.kill('SIGCONT');
    await cluster.reaches('mongolake_runs_total', { table: TABLE, result: 'committed' }, (runs) => runs === 1);
    await cluster.reaches('mongolake_runs_total', { table: TABLE, result: 'unchanged' }, (runs) => runs >= 1);

    const after = await cluster.scrape();
    const of = (name: string, labels = {}) => sampleOf(after, `mongolake_${name}`, { table: TABLE, ...labels }) ?? -1;
    expect(of('documents_total', { outcome: 'inserted' })).toBe(DOCS);
    // Every run reads a dump as a whole.
    expect(of('documents_read_total') % DOCS).toBe(0);
    expect(of('run_read_bytes_total')).toBeGreaterThan(DOCS * 100);
    expect(of('run_written_bytes_total')).toBeGreaterThan(DOCS);
    expect(of('run_last_result', { result: 'failed' })).toBe(0);
    expect(of('table_rows')).toBe(DOCS);
    expect(of('table_files')).toBe(PARTITIONS);
    expect(of('table_bytes')).toBeGreaterThan(DOCS);
    expect(of('table_version')).toBe(0);
    expect(of('quarantined_documents')).toBe(0);
    expect(of('freshness_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 - 120);
    expect(of('freshness_timestamp_seconds')).toBeLessThan(Date.now() / 1000 + 1);
    expect(of('watermark_timestamp_seconds')).toBeLessThanOrEqual(Date.UTC(2026, 5, 1) / 1000);
    expect(of('run_last_stage_duration_seconds', { stage: 'extract' })).toBeGreaterThan(0);
    for (const stage of ['window', 'schema', 'merge', 'commit'])
      expect(of('run_last_stage_duration_seconds', { stage })).toBeGreaterThanOrEqual(0);

    // The worker writes its receipt before it counts the job.
    const done = (kind: string) => ['mongolake_jobs_total', { kind, result: 'done' }] as const;
    await pod.reaches(...done('extract'), (jobs) => jobs >= 1);
    await pod.reaches(...done('merge'), (jobs) => jobs >= PARTITIONS);
    const work = await pod.scrape();
    expect(sampleOf(work, 'mongolake_job_rows_total', { kind: 'extract' })).toBeGreaterThanOrEqual(DOCS);
    expect(sampleOf(work, 'mongolake_job_rows_total', { kind: 'merge' })).toBeGreaterThanOrEqual(DOCS);
    for (const kind of ['extract', 'merge']) {
      for (const bytes of ['read', 'written'])
        expect(sampleOf(work, `mongolake_job_${bytes}_bytes_total`, { kind })).toBeGreaterThan(DOCS);
      expect(sampleOf(work, 'mongolake_jobs_total', { kind, result: 'failed' })).toBe(0);
    }
    expect(sampleOf(work, 'mongolake_scratch_free_bytes')).toBeGreaterThan(0);
    expect(sampleOf(work, 'nodejs_eventloop_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect(await coordinator.end('SIGTERM')).toBe(0);
    expect(await worker.end('SIGTERM')).toBe(0);
  });

  it('freshness is known before the first run of a coordinator', async () => {
    space.configure(config(redis.url, redis.prefix, 'none'));
    const coordinator = space.start('coordinator');
    const cluster = await servedBy(coordinator);
    await cluster.reaches(
      'mongolake_freshness_timestamp_seconds',
      { table: TABLE },
      (at) => at > Date.now() / 1000 - 300,
    );
    await cluster.reaches('mongolake_table_rows', { table: TABLE }, (rows) => rows === DOCS);
    expect(sampleOf(await cluster.scrape(), 'mongolake_runs_total', { table: TABLE, result: 'unchanged' })).toBe(0);
    // Without a schedule nothing says how old it may be.
    expect(sampleOf(await cluster.scrape(), 'mongolake_freshness_limit_seconds', { table: TABLE })).toBeUndefined();
    expect(sampleOf(await cluster.scrape(), 'mongolake_lease_held', { table: TABLE })).toBe(0);
    expect(await coordinator.end('SIGTERM')).toBe(0);
  });

  it('Redis goes and comes back: not ready meanwhile, with the reason, alive all along', async () => {
    space.configure(config(own.url, '{own}', 'none'));
    const processes = [space.start('coordinator'), space.start('worker')];
    const all = await Promise.all(processes.map(servedBy));
    for (const one of all) await one.becomes('/readyz', 200, { status: 'ready' });
    await own.kill();
    for (const one of all) {
      await one.becomes('/readyz', 503, { status: 'unavailable', code: 'QUEUE_UNREACHABLE' });
      expect((await one.probe('/healthz')).status).toBe(200);
    }
    const away = await (all[0] as (typeof all)[number]).scrape();
    expect(sampleOf(away, 'mongolake_queue_up')).toBe(0);
    expect(away.get('mongolake_queue_jobs')?.samples).toEqual([]);
    expect(sampleOf(away, 'mongolake_tables')).toBe(1);
    own = await begin(own.port);
    for (const one of all) await one.becomes('/readyz', 200, { status: 'ready' });
    for (const process of processes) expect(await process.end('SIGTERM')).toBe(0);
  });

  it('a port that is taken ends the command and says who asked for it', async () => {
    space.configure(config(redis.url, redis.prefix, 'none'));
    const taken = new URL(own.url).port;
    const option = await space.run('worker', '--listen', `127.0.0.1:${taken}`);
    expect(option.code).toBe(1);
    expect(option.stderr).toContain(`--listen: 127.0.0.1:${taken} can't be listened on: another process has it`);
    space.configure({ ...config(redis.url, redis.prefix, 'none'), coordinator: { listen: `127.0.0.1:${taken}` } });
    const file = await space.run('coordinator');
    expect(file.stderr).toMatch(new RegExp(`mongolake\\.yaml: coordinator\\.listen: 127\\.0\\.0\\.1:${taken} `));
    expect(file.stderr).toContain('[LISTEN_FAILED]');
  });
});
