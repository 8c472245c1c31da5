import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { coordinatorMetrics } from '../../../src/shared/adapters/metrics-coordinator.ts';
import { notificationMetrics } from '../../../src/shared/adapters/metrics-notifications.ts';
import { memoryLimit, processMetrics, scratchMetrics } from '../../../src/shared/adapters/metrics-process.ts';
import { queueMetrics, queueProbe } from '../../../src/shared/adapters/metrics-queue.ts';
import { type MetricsRegistry, metricsRegistry } from '../../../src/shared/adapters/metrics-registry.ts';
import { workerMetrics } from '../../../src/shared/adapters/metrics-worker.ts';
import { EVENTS } from '../../../src/shared/domain/notification.ts';
import type { QueueDepth } from '../../../src/shared/ports/queue.ts';
import { fakeClock } from '../../coordinator/fake-clock.ts';
import { parseExposition, sampleOf } from './exposition.ts';

const DEPTH: QueueDepth = { waiting: 1, prioritized: 2, active: 3, delayed: 4, failed: 5 };
const COUNTS = {
  read: 28,
  inserted: 1,
  updated: 2,
  deleted: 3,
  unchanged: 4,
  superseded: 5,
  quarantined: 6,
  erased: 7,
};
const STARTED = 1_700_000_000_000;
const CONTENTS = { version: 7, rows: 100, files: 3, bytes: 5000, quarantined: 2 };
const FIGURES = {
  version: 7,
  counts: COUNTS,
  bytesRead: 1000,
  bytesWritten: 500,
  stagesMs: { window: 100, extract: 2000, schema: 30, merge: 4000, commit: 500 },
};

const named = (name: string) => ({ name, freshnessLimit_ms: 900_000, verificationLimit_ms: undefined });

async function scrape({ registry }: MetricsRegistry) {
  return parseExposition(await registry.metrics());
}

async function everything(worker: { readonly scratch: string; readonly scratchSize?: number } = { scratch: tmpdir() }) {
  const into = await metricsRegistry();
  processMetrics(into, { version: '1.2.3', isAlive: () => true });
  scratchMetrics(into, worker, fakeClock(0));
  notificationMetrics(into);
  queueMetrics(into, queueProbe({ depth: async () => DEPTH }, fakeClock(0)));
  return { into, coordinator: coordinatorMetrics(into), worker: workerMetrics(into) };
}

describe('all of them', () => {
  test("the exposition is right line by line, and each of ours is named by Prometheus' conventions and has a help", async () => {
    const { into, coordinator, worker } = await everything();
    coordinator.tables([named('guest.a"b\\c')]);
    coordinator.runEnded('guest.a"b\\c', { outcome: 'committed', at: 1000, durationMs: 10, figures: FIGURES });
    worker.jobEnded('merge', 'done', 10, { rows: 1, bytesRead: 2, bytesWritten: 3 });
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_runs_total', { table: 'guest.a"b\\c', result: 'committed' })).toBe(1);
    for (const [name, { help, type }] of [...families].filter(([name]) => !/^(?:process|nodejs)_/.test(name))) {
      expect(name).toMatch(/^mongolake_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_ms$|_ms_|_milliseconds/);
      expect(help.length).toBeGreaterThan(10);
    }
    expect([...families.keys()]).toContain('process_resident_memory_bytes');
    expect([...families.keys()]).toContain('nodejs_eventloop_lag_seconds');
  });

  test('docs/metrics.md lists each one, with its type and labels, and no other', async () => {
    const { into } = await everything();
    const registered = into.registry
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith('mongolake_'))
      .map(({ name, type, labelNames }: { name: string; type?: unknown; labelNames?: readonly string[] }) =>
        `${name} ${type} ${(labelNames ?? []).join(' ')}`.trim(),
      );
    const rows = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8').matchAll(
      /^\| `(mongolake_\w+)` +\| (\w+) +\| (.*?) *\| \S.* \|$/gm,
    );
    const listed = [...rows].map(([, name, type, labels = '']) =>
      `${name} ${type} ${labels.replaceAll(/[`,]/g, '')}`.trim(),
    );
    expect(listed.sort()).toEqual(registered.sort());
  });
});

test('notifications are counted by event and result, from 0', async () => {
  const into = await metricsRegistry();
  const count = notificationMetrics(into);
  const told = async (event: string, result: string) =>
    sampleOf(await scrape(into), 'mongolake_notifications_total', { event, result });
  for (const event of EVENTS) for (const result of ['sent', 'failed']) expect(await told(event, result)).toBe(0);
  count('stale', 'failed');
  expect(await told('stale', 'failed')).toBe(1);
});

describe('a process', () => {
  test('its version, and that it makes progress until it does not', async () => {
    const into = await metricsRegistry();
    let isAlive = true;
    processMetrics(into, { version: '1.2.3', isAlive: () => isAlive });
    expect(sampleOf(await scrape(into), 'mongolake_build_info', { version: '1.2.3' })).toBe(1);
    expect(sampleOf(await scrape(into), 'mongolake_alive')).toBe(1);
    isAlive = false;
    expect(sampleOf(await scrape(into), 'mongolake_alive')).toBe(0);
  });

  test('its memory limit, where the system tells one that is less than all memory', () => {
    expect(memoryLimit(512e6, 64e9)).toBe(512e6);
    for (const none of [undefined, 0, 64e9, 18446744073709552000]) expect(memoryLimit(none, 64e9)).toBeUndefined();
  });

  test('the space of its scratch folder; none where there is no folder yet', async () => {
    const families = await scrape((await everything()).into);
    const size = sampleOf(families, 'mongolake_scratch_size_bytes') ?? 0;
    expect(size).toBeGreaterThan(0);
    expect(sampleOf(families, 'mongolake_scratch_free_bytes')).toBeGreaterThan(0);
    expect(sampleOf(families, 'mongolake_scratch_free_bytes')).toBeLessThanOrEqual(size);
    const none = await scrape((await everything({ scratch: join(tmpdir(), 'mongolake-not-there') })).into);
    for (const name of ['free', 'size']) expect(none.get(`mongolake_scratch_${name}_bytes`)?.samples).toEqual([]);
  });
});

describe('the space of a scratch folder that may hold less than its file system', () => {
  const LIMIT = 2 ** 20;
  const spaceOf = async (scratch: string, scratchSize: number) => {
    const families = await scrape((await everything({ scratch, scratchSize })).into);
    return ['size', 'free'].map((name) => sampleOf(families, `mongolake_scratch_${name}_bytes`));
  };

  test('is what it may hold, and what its files, at any depth, leave of that', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mongolake-space-'));
    try {
      expect(await spaceOf(folder, LIMIT)).toEqual([LIMIT, LIMIT]);
      mkdirSync(join(folder, 'a', 'b'), { recursive: true });
      writeFileSync(join(folder, 'a', 'b', 'file'), Buffer.alloc(LIMIT / 4, 1));
      writeFileSync(join(folder, 'file'), Buffer.alloc(LIMIT / 4, 1));
      expect(await spaceOf(folder, LIMIT)).toEqual([LIMIT, LIMIT / 2]);
      // It has more than it may hold: it is about to be evicted.
      expect(await spaceOf(folder, LIMIT / 4)).toEqual([LIMIT / 4, 0]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("is the file system's where that is less", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mongolake-space-'));
    try {
      const { blocks, bsize } = statfsSync(folder);
      const [size, free = 0] = await spaceOf(folder, Number.MAX_SAFE_INTEGER);
      expect(size).toBe(blocks * bsize);
      expect(free).toBeLessThanOrEqual(blocks * bsize);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a worker', () => {
  test('every series is there from the start, at 0', async () => {
    const { into } = await everything();
    const families = await scrape(into);
    for (const kind of ['extract', 'merge']) {
      expect(sampleOf(families, 'mongolake_jobs_running', { kind })).toBe(0);
      expect(sampleOf(families, 'mongolake_job_retries_total', { kind })).toBe(0);
      for (const result of ['done', 'failed', 'handed_back'])
        expect(sampleOf(families, 'mongolake_jobs_total', { kind, result })).toBe(0);
      expect(sampleOf(families, 'mongolake_job_duration_seconds_count', { kind })).toBe(0);
    }
  });

  test('counts jobs by how they end; only what is done has figures', async () => {
    const { into, worker } = await everything();
    for (const attempt of [1, 2, 1]) worker.jobStarted('merge', attempt);
    worker.jobEnded('merge', 'done', 1500, { rows: 10, bytesRead: 200, bytesWritten: 30 });
    worker.jobEnded('merge', 'handed_back', 90_000);
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_jobs_running', { kind: 'merge' })).toBe(1);
    expect(sampleOf(families, 'mongolake_job_retries_total', { kind: 'merge' })).toBe(1);
    expect(sampleOf(families, 'mongolake_jobs_total', { kind: 'merge', result: 'done' })).toBe(1);
    expect(sampleOf(families, 'mongolake_jobs_total', { kind: 'merge', result: 'handed_back' })).toBe(1);
    expect(sampleOf(families, 'mongolake_job_duration_seconds_sum', { kind: 'merge' })).toBe(1.5);
    expect(sampleOf(families, 'mongolake_job_rows_total', { kind: 'merge' })).toBe(10);
    expect(sampleOf(families, 'mongolake_job_read_bytes_total', { kind: 'merge' })).toBe(200);
    expect(sampleOf(families, 'mongolake_job_written_bytes_total', { kind: 'merge' })).toBe(30);
  });
});

describe('a coordinator', () => {
  test('tells of a run that ended well all there is, in base units', async () => {
    const { into, coordinator } = await everything();
    const table = 'guest.a';
    coordinator.tables([named(table)]);
    coordinator.runStarted(table, STARTED);
    const during = await scrape(into);
    expect(sampleOf(during, 'mongolake_runs_running')).toBe(1);
    expect(sampleOf(during, 'mongolake_run_started_timestamp_seconds', { table })).toBe(STARTED / 1000);
    coordinator.runEnded(table, { outcome: 'committed', at: 1_700_000_000_500, durationMs: 6630, figures: FIGURES });
    coordinator.fresh(table, { checkedAt: 1_700_000_000_000, watermark: 1_600_000_000_000 });
    const families = await scrape(into);
    const of = (name: string, labels = {}) => sampleOf(families, `mongolake_${name}`, { table, ...labels });
    expect(sampleOf(families, 'mongolake_runs_running')).toBe(0);
    expect(sampleOf(families, 'mongolake_tables')).toBe(1);
    expect(families.get('mongolake_run_started_timestamp_seconds')?.samples).toEqual([]);
    const stage = { stage: 'merge' };
    expect(sampleOf(families, 'mongolake_run_stage_duration_seconds_sum', stage)).toBe(4);
    expect(sampleOf(families, 'mongolake_run_stage_duration_seconds_count', stage)).toBe(1);
    expect(of('run_last_timestamp_seconds')).toBe(1_700_000_000.5);
    expect(of('run_last_duration_seconds')).toBe(6.63);
    expect(of('run_last_stage_duration_seconds', { stage: 'extract' })).toBe(2);
    expect(of('run_last_result', { result: 'committed' })).toBe(1);
    expect(of('run_last_result', { result: 'failed' })).toBe(0);
    expect(of('documents_read_total')).toBe(28);
    const outcomes = families.get('mongolake_documents_total')?.samples ?? [];
    expect(outcomes.reduce((sum, { value }) => sum + value, 0)).toBe(28);
    expect(of('documents_total', { outcome: 'quarantined' })).toBe(6);
    expect(of('run_read_bytes_total')).toBe(1000);
    expect(of('run_written_bytes_total')).toBe(500);
    expect(of('freshness_timestamp_seconds')).toBe(1_700_000_000);
    expect(of('watermark_timestamp_seconds')).toBe(1_600_000_000);
  });

  test('a run that failed moves neither freshness nor figures', async () => {
    const { into, coordinator } = await everything();
    coordinator.tables([named('guest.a')]);
    coordinator.runStarted('guest.a', STARTED);
    coordinator.runEnded('guest.a', { outcome: 'failed', at: 1000, durationMs: 50 });
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_runs_total', { table: 'guest.a', result: 'failed' })).toBe(1);
    expect(sampleOf(families, 'mongolake_run_last_result', { table: 'guest.a', result: 'failed' })).toBe(1);
    expect(sampleOf(families, 'mongolake_documents_read_total', { table: 'guest.a' })).toBe(0);
    expect(families.get('mongolake_freshness_timestamp_seconds')?.samples).toEqual([]);
    expect(families.get('mongolake_run_last_stage_duration_seconds')?.samples).toEqual([]);
    expect(sampleOf(families, 'mongolake_run_stage_duration_seconds_count', { stage: 'merge' })).toBe(0);
  });

  test('how a table stands: its limits, what it has, whose its lease is, jobs that were handed out again', async () => {
    const { into, coordinator } = await everything();
    const table = 'guest.a';
    const told = async (name: string) => sampleOf(await scrape(into), `mongolake_${name}`, { table });
    coordinator.tables([{ name: table, freshnessLimit_ms: 900_000, verificationLimit_ms: 3_600_000 }]);
    expect(await told('freshness_limit_seconds')).toBe(900);
    expect(await told('verification_limit_seconds')).toBe(3600);
    coordinator.contents(table, undefined);
    expect(await told('table_rows')).toBeUndefined();
    expect(await told('quarantined_documents')).toBe(0);
    coordinator.contents(table, CONTENTS);
    for (const name of ['version', 'rows', 'files', 'bytes'] as const)
      expect(await told(`table_${name}`)).toBe(CONTENTS[name]);
    expect(await told('quarantined_documents')).toBe(2);
    const observer = coordinator.observer(table);
    expect(await told('lease_held')).toBe(0);
    observer.leaseHeld(true);
    expect(await told('lease_held')).toBe(1);
    observer.leaseHeld(false);
    expect(await told('lease_held')).toBe(0);
    expect(await told('jobs_enqueued_again_total')).toBe(0);
    observer.enqueuedAgain(3);
    expect(await told('jobs_enqueued_again_total')).toBe(3);
    coordinator.tables([{ name: table, freshnessLimit_ms: undefined, verificationLimit_ms: undefined }]);
    expect(await told('freshness_limit_seconds')).toBeUndefined();
    expect(await told('verification_limit_seconds')).toBeUndefined();
  });

  test('a table that leaves takes all of its series along, and a run of it that ends later brings none back', async () => {
    const { into, coordinator } = await everything();
    coordinator.tables([named('guest.goes'), named('guest.stays')]);
    for (const table of ['guest.goes', 'guest.stays']) {
      coordinator.runStarted(table, STARTED);
      coordinator.runEnded(table, { outcome: 'committed', at: 1000, durationMs: 10, figures: FIGURES });
      coordinator.fresh(table, { checkedAt: 1, watermark: 1 });
      coordinator.verified(
        table,
        { checkedAt: 1, differences: { missing: 1, stale: 1, gone: 1 }, repairedIn: 2 },
        true,
      );
      coordinator.contents(table, CONTENTS);
    }
    const observer = coordinator.observer('guest.goes');
    observer.leaseHeld(true);
    coordinator.runStarted('guest.goes', STARTED);
    coordinator.tables([named('guest.stays')]);
    coordinator.runEnded('guest.goes', { outcome: 'committed', at: 1000, durationMs: 10, figures: FIGURES });
    coordinator.fresh('guest.goes', { checkedAt: 1, watermark: 1 });
    coordinator.contents('guest.goes', CONTENTS);
    observer.enqueuedAgain(1);
    observer.leaseHeld(false);
    const text = await into.registry.metrics();
    expect(text).not.toContain('guest.goes');
    expect(text).toContain('guest.stays');
    expect(sampleOf(parseExposition(text), 'mongolake_runs_running')).toBe(0);
    expect(sampleOf(parseExposition(text), 'mongolake_tables')).toBe(1);
  });
});
