import type { Counter, Gauge, Histogram } from 'prom-client';
import { DIFFERENCES } from '../domain/comparison.ts';
import { STAGES } from '../domain/stage.ts';
import type { CoordinatorMetrics, RunFigures, RunOutcome } from '../ports/metrics.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

const RESULTS = ['committed', 'unchanged', 'failed', 'skipped'] as const satisfies readonly RunOutcome[];
const OUTCOMES = ['inserted', 'updated', 'unchanged', 'superseded', 'deleted', 'quarantined', 'erased'] as const;

interface Metrics {
  readonly tables: Gauge;
  readonly running: Gauge;
  readonly duration: Histogram<'result'>;
  readonly runs: Counter<'table' | 'result'>;
  readonly lastResult: Gauge<'table' | 'result'>;
  readonly lastAt: Gauge<'table'>;
  readonly lastDuration: Gauge<'table'>;
  readonly stages: Gauge<'table' | 'stage'>;
  readonly read: Counter<'table'>;
  readonly documents: Counter<'table' | 'outcome'>;
  readonly bytesRead: Counter<'table'>;
  readonly bytesWritten: Counter<'table'>;
  readonly freshness: Gauge<'table'>;
  readonly watermark: Gauge<'table'>;
  readonly verifiedAt: Gauge<'table'>;
  readonly differences: Gauge<'table' | 'difference'>;
}

/** The metrics of a coordinator's tables and runs, in `registry`. */
export function coordinatorMetrics(into: MetricsRegistry): CoordinatorMetrics {
  const metrics = makeMetrics(into);
  const known = new Set<string>();
  for (const result of RESULTS) metrics.duration.zero({ result });
  return {
    tables(names) {
      for (const table of [...known].filter((name) => !names.includes(name))) {
        known.delete(table);
        forget(metrics, table);
      }
      for (const table of names) if (!known.has(table)) begin(metrics, table);
      for (const table of names) known.add(table);
      metrics.tables.set(known.size);
    },
    runStarted: () => metrics.running.inc(),
    runEnded(table, outcome, at, durationMs, figures) {
      metrics.running.dec();
      metrics.duration.observe({ result: outcome }, durationMs / 1000);
      // The table may have left the configuration while its run went on.
      if (!known.has(table)) return;
      metrics.runs.inc({ table, result: outcome });
      for (const result of RESULTS) metrics.lastResult.set({ table, result }, result === outcome ? 1 : 0);
      metrics.lastAt.set({ table }, at / 1000);
      metrics.lastDuration.set({ table }, durationMs / 1000);
      if (figures !== undefined) count(metrics, table, figures);
    },
    fresh(table, { checkedAt, watermark }) {
      if (!known.has(table)) return;
      metrics.freshness.set({ table }, checkedAt / 1000);
      if (watermark !== null) metrics.watermark.set({ table }, watermark / 1000);
    },
    verified(table, { checkedAt, differences }) {
      if (!known.has(table)) return;
      metrics.verifiedAt.set({ table }, checkedAt / 1000);
      for (const difference of DIFFERENCES) metrics.differences.set({ table, difference }, differences[difference]);
    },
  };
}

/** A counter's series begins at 0, so that its first step is seen as one. */
function begin({ runs, read, documents, bytesRead, bytesWritten }: Metrics, table: string): void {
  for (const result of RESULTS) runs.inc({ table, result }, 0);
  for (const outcome of OUTCOMES) documents.inc({ table, outcome }, 0);
  for (const metric of [read, bytesRead, bytesWritten]) metric.inc({ table }, 0);
}

function count(metrics: Metrics, table: string, { counts, bytesRead, bytesWritten, stagesMs }: RunFigures): void {
  for (const stage of STAGES) metrics.stages.set({ table, stage }, stagesMs[stage] / 1000);
  for (const outcome of OUTCOMES) metrics.documents.inc({ table, outcome }, counts[outcome]);
  metrics.read.inc({ table }, counts.read);
  metrics.bytesRead.inc({ table }, bytesRead);
  metrics.bytesWritten.inc({ table }, bytesWritten);
}

function forget(metrics: Metrics, table: string): void {
  const { runs, lastResult, stages, documents, differences, ...rest } = metrics;
  const { read, bytesRead, bytesWritten, lastAt, lastDuration, freshness, watermark, verifiedAt } = rest;
  for (const metric of [read, bytesRead, bytesWritten, lastAt, lastDuration, freshness, watermark, verifiedAt])
    metric.remove({ table });
  for (const difference of DIFFERENCES) differences.remove({ table, difference });
  for (const result of RESULTS) for (const metric of [runs, lastResult]) metric.remove({ table, result });
  for (const stage of STAGES) stages.remove({ table, stage });
  for (const outcome of OUTCOMES) documents.remove({ table, outcome });
}

function makeMetrics({ gauge, counter, histogram }: MetricsRegistry): Metrics {
  return {
    tables: gauge('tables', 'Tables that this coordinator keeps in step', []),
    running: gauge('runs_running', 'Runs that go on', []),
    duration: histogram('run_duration_seconds', 'How long runs took, by how they ended', ['result']),
    runs: counter('runs_total', 'Runs that ended', ['table', 'result']),
    lastResult: gauge('run_last_result', 'How the last run ended: 1 for its result, 0 for the others', [
      'table',
      'result',
    ]),
    lastAt: gauge('run_last_timestamp_seconds', 'When the last run ended, however it did', ['table']),
    lastDuration: gauge('run_last_duration_seconds', 'How long the last run took, however it ended', ['table']),
    stages: gauge('run_last_stage_duration_seconds', 'How long each stage of the last run took that ended well', [
      'table',
      'stage',
    ]),
    read: counter('documents_read_total', 'Documents that runs read from the source', ['table']),
    documents: counter('documents_total', 'What became of the documents read; the outcomes add up to them', [
      'table',
      'outcome',
    ]),
    bytesRead: counter('run_read_bytes_total', "Bytes that runs read: BSON of the source, runs' segments, data files", [
      'table',
    ]),
    bytesWritten: counter('run_written_bytes_total', 'Bytes of data files that runs wrote', ['table']),
    freshness: gauge(
      'freshness_timestamp_seconds',
      'What the source held at this time is in the table: when the last check that ended well began',
      ['table'],
    ),
    watermark: gauge('watermark_timestamp_seconds', 'The watermark: the next run reads what has a later cursor', [
      'table',
    ]),
    verifiedAt: gauge('verification_timestamp_seconds', 'When the last verification began that ended well', ['table']),
    differences: gauge('verification_differences', 'Ids that differed in the last verification, before any repair', [
      'table',
      'difference',
    ]),
  };
}
