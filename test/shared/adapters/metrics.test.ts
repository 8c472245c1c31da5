import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { coordinatorMetrics } from '../../../src/shared/adapters/metrics-coordinator.ts';
import { queueMetrics, queueProbe } from '../../../src/shared/adapters/metrics-queue.ts';
import { type MetricsRegistry, metricsRegistry } from '../../../src/shared/adapters/metrics-registry.ts';
import { workerMetrics } from '../../../src/shared/adapters/metrics-worker.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { QueueDepth } from '../../../src/shared/ports/queue.ts';
import { fakeClock, settle } from '../../coordinator/fake-clock.ts';
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
const FIGURES = {
  counts: COUNTS,
  bytesRead: 1000,
  bytesWritten: 500,
  stagesMs: { window: 100, extract: 2000, schema: 30, merge: 4000, commit: 500 },
};

async function scrape({ registry }: MetricsRegistry) {
  return parseExposition(await registry.metrics());
}

async function everything(depth: () => Promise<QueueDepth> = async () => DEPTH) {
  const into = await metricsRegistry();
  queueMetrics(into, queueProbe({ depth }, fakeClock(0)));
  return { into, coordinator: coordinatorMetrics(into), worker: workerMetrics(into) };
}

describe('all of them', () => {
  test("the exposition is right line by line, and each of ours is named by Prometheus' conventions and has a help", async () => {
    const { into, coordinator, worker } = await everything();
    coordinator.tables(['guest.a"b\\c']);
    coordinator.runEnded('guest.a"b\\c', 'committed', 1000, 10, FIGURES);
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

describe('a worker', () => {
  test('every series is there from the start, at 0', async () => {
    const { into } = await everything();
    const families = await scrape(into);
    for (const kind of ['extract', 'merge']) {
      expect(sampleOf(families, 'mongolake_jobs_running', { kind })).toBe(0);
      for (const result of ['done', 'failed', 'handed_back'])
        expect(sampleOf(families, 'mongolake_jobs_total', { kind, result })).toBe(0);
      expect(sampleOf(families, 'mongolake_job_duration_seconds_count', { kind })).toBe(0);
    }
  });

  test('counts jobs by how they end; only what is done has figures', async () => {
    const { into, worker } = await everything();
    for (let i = 0; i < 3; i++) worker.jobStarted('merge');
    worker.jobEnded('merge', 'done', 1500, { rows: 10, bytesRead: 200, bytesWritten: 30 });
    worker.jobEnded('merge', 'handed_back', 90_000);
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_jobs_running', { kind: 'merge' })).toBe(1);
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
    coordinator.tables([table]);
    coordinator.runStarted(table);
    expect(sampleOf(await scrape(into), 'mongolake_runs_running')).toBe(1);
    coordinator.runEnded(table, 'committed', 1_700_000_000_500, 6630, FIGURES);
    coordinator.fresh(table, { checkedAt: 1_700_000_000_000, watermark: 1_600_000_000_000 });
    const families = await scrape(into);
    const of = (name: string, labels = {}) => sampleOf(families, `mongolake_${name}`, { table, ...labels });
    expect(sampleOf(families, 'mongolake_runs_running')).toBe(0);
    expect(sampleOf(families, 'mongolake_tables')).toBe(1);
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
    coordinator.tables(['guest.a']);
    coordinator.runStarted('guest.a');
    coordinator.runEnded('guest.a', 'failed', 1000, 50);
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_runs_total', { table: 'guest.a', result: 'failed' })).toBe(1);
    expect(sampleOf(families, 'mongolake_run_last_result', { table: 'guest.a', result: 'failed' })).toBe(1);
    expect(sampleOf(families, 'mongolake_documents_read_total', { table: 'guest.a' })).toBe(0);
    expect(families.get('mongolake_freshness_timestamp_seconds')?.samples).toEqual([]);
    expect(families.get('mongolake_run_last_stage_duration_seconds')?.samples).toEqual([]);
  });

  test('a table that leaves takes all of its series along, and a run of it that ends later brings none back', async () => {
    const { into, coordinator } = await everything();
    coordinator.tables(['guest.goes', 'guest.stays']);
    for (const table of ['guest.goes', 'guest.stays']) {
      coordinator.runStarted(table);
      coordinator.runEnded(table, 'committed', 1000, 10, FIGURES);
      coordinator.fresh(table, { checkedAt: 1, watermark: 1 });
    }
    coordinator.runStarted('guest.goes');
    coordinator.tables(['guest.stays']);
    coordinator.runEnded('guest.goes', 'committed', 1000, 10, FIGURES);
    coordinator.fresh('guest.goes', { checkedAt: 1, watermark: 1 });
    const text = await into.registry.metrics();
    expect(text).not.toContain('guest.goes');
    expect(text).toContain('guest.stays');
    expect(sampleOf(parseExposition(text), 'mongolake_runs_running')).toBe(0);
    expect(sampleOf(parseExposition(text), 'mongolake_tables')).toBe(1);
  });
});

describe('the queue', () => {
  test('its depth by state', async () => {
    const { into } = await everything();
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_queue_up')).toBe(1);
    for (const [state, jobs] of Object.entries(DEPTH))
      expect(sampleOf(families, 'mongolake_queue_jobs', { state })).toBe(jobs);
  });

  test('down: says so, tells no depth, and the rest is served', async () => {
    const { into } = await everything(() => Promise.reject(new MongolakeError('QUEUE_UNREACHABLE', 'away')));
    const families = await scrape(into);
    expect(sampleOf(families, 'mongolake_queue_up')).toBe(0);
    expect(families.get('mongolake_queue_jobs')?.samples).toEqual([]);
    expect(sampleOf(families, 'mongolake_tables')).toBe(0);
  });

  test('goes down after it was up: the depth of before is gone', async () => {
    const clock = fakeClock(0);
    const into = await metricsRegistry();
    let up = true;
    const depth = async () => {
      if (!up) throw new MongolakeError('QUEUE_UNREACHABLE', 'away');
      return DEPTH;
    };
    queueMetrics(into, queueProbe({ depth }, clock));
    await scrape(into);
    up = false;
    await clock.advance(2000);
    expect((await scrape(into)).get('mongolake_queue_jobs')?.samples).toEqual([]);
  });

  test('is asked once for all who ask within a moment, and again after it', async () => {
    const clock = fakeClock(0);
    let asked = 0;
    const probe = queueProbe(
      {
        depth: async () => {
          asked++;
          return DEPTH;
        },
      },
      clock,
    );
    await Promise.all([probe(), probe()]);
    await clock.advance(1000);
    await probe();
    expect(asked).toBe(1);
    await clock.advance(1000);
    await probe();
    expect(asked).toBe(2);
  });

  test('that never answers counts as down after 2 s', async () => {
    const clock = fakeClock(0);
    const probe = queueProbe({ depth: () => new Promise(() => {}) }, clock);
    const answer = probe();
    let answered = false;
    void answer.then(() => {
      answered = true;
    });
    await clock.advance(1999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await settle();
    expect(await answer).toEqual({ up: false, code: 'QUEUE_UNREACHABLE' });
  });
});
