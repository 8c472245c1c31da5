import type { Counter, Gauge, Histogram } from 'prom-client';
import { STAGES } from '../domain/stage.ts';
import type { CoordinatorMetrics, RunEnd, RunFigures, RunOutcome } from '../ports/metrics.ts';
import type { MetricsRegistry } from './metrics-registry.ts';
import { standingMetrics } from './metrics-tables.ts';

const RESULTS = ['committed', 'unchanged', 'failed', 'skipped'] as const satisfies readonly RunOutcome[];
const OUTCOMES = ['inserted', 'updated', 'unchanged', 'superseded', 'deleted', 'quarantined', 'erased'] as const;

/** The metrics of runs. */
interface Metrics {
  readonly running: Gauge;
  readonly duration: Histogram<'result'>;
  readonly stageDuration: Histogram<'stage'>;
  readonly runs: Counter<'table' | 'result'>;
  readonly startedAt: Gauge<'table'>;
  readonly lastResult: Gauge<'table' | 'result'>;
  readonly lastAt: Gauge<'table'>;
  readonly lastDuration: Gauge<'table'>;
  readonly stages: Gauge<'table' | 'stage'>;
  readonly read: Counter<'table'>;
  readonly documents: Counter<'table' | 'outcome'>;
  readonly bytesRead: Counter<'table'>;
  readonly bytesWritten: Counter<'table'>;
  readonly enqueuedAgain: Counter<'table'>;
}

/** The metrics of a coordinator's tables and runs, in `registry`. */
export function coordinatorMetrics(into: MetricsRegistry): CoordinatorMetrics {
  const tables = into.gauge('tables', 'Tables that this coordinator keeps in step', []);
  const standing = standingMetrics(into);
  const metrics = makeMetrics(into);
  const known = new Set<string>();
  for (const result of RESULTS) metrics.duration.zero({ result });
  for (const stage of STAGES) metrics.stageDuration.zero({ stage });
  /** A table may leave the configuration while something of it goes on: nothing brings its series back. */
  const ofKnown =
    <Args extends readonly unknown[]>(tell: (table: string, ...args: Args) => void) =>
    (table: string, ...args: Args) => {
      if (known.has(table)) tell(table, ...args);
    };
  const leaseHeld = ofKnown(standing.leaseHeld);
  const enqueuedAgain = ofKnown((table, jobs: number) => metrics.enqueuedAgain.inc({ table }, jobs));
  const ended = ofKnown((table, end: RunEnd) => tellEnd(metrics, table, end));
  return {
    tables(list) {
      const names = new Set(list.map(({ name }) => name));
      for (const table of [...known].filter((name) => !names.has(name))) {
        known.delete(table);
        standing.forget(table);
        forget(metrics, table);
      }
      for (const table of [...names].filter((name) => !known.has(name))) {
        known.add(table);
        standing.begin(table);
        begin(metrics, table);
      }
      for (const table of list) standing.limits(table);
      tables.set(known.size);
    },
    observer: (table) => ({
      leaseHeld: (isHeld) => leaseHeld(table, isHeld),
      enqueuedAgain: (jobs) => enqueuedAgain(table, jobs),
    }),
    runStarted(table, at) {
      metrics.running.inc();
      if (known.has(table)) metrics.startedAt.set({ table }, at / 1000);
    },
    runEnded(table, end) {
      const { outcome, durationMs, figures } = end;
      metrics.running.dec();
      metrics.duration.observe({ result: outcome }, durationMs / 1000);
      if (figures !== undefined)
        for (const stage of STAGES) metrics.stageDuration.observe({ stage }, figures.stagesMs[stage] / 1000);
      ended(table, end);
    },
    fresh: ofKnown(standing.fresh),
    verified: ofKnown(standing.verified),
    contents: ofKnown(standing.contents),
  };
}

function tellEnd(metrics: Metrics, table: string, { outcome, at, durationMs, figures }: RunEnd): void {
  metrics.startedAt.remove({ table });
  metrics.runs.inc({ table, result: outcome });
  for (const result of RESULTS) metrics.lastResult.set({ table, result }, result === outcome ? 1 : 0);
  metrics.lastAt.set({ table }, at / 1000);
  metrics.lastDuration.set({ table }, durationMs / 1000);
  if (figures !== undefined) count(metrics, table, figures);
}

/** A counter's series begins at 0, so that its first step is seen as one. */
function begin({ runs, read, documents, bytesRead, bytesWritten, enqueuedAgain }: Metrics, table: string): void {
  for (const result of RESULTS) runs.inc({ table, result }, 0);
  for (const outcome of OUTCOMES) documents.inc({ table, outcome }, 0);
  for (const metric of [read, bytesRead, bytesWritten, enqueuedAgain]) metric.inc({ table }, 0);
}

function count(metrics: Metrics, table: string, { counts, bytesRead, bytesWritten, stagesMs }: RunFigures): void {
  for (const stage of STAGES) metrics.stages.set({ table, stage }, stagesMs[stage] / 1000);
  for (const outcome of OUTCOMES) metrics.documents.inc({ table, outcome }, counts[outcome]);
  metrics.read.inc({ table }, counts.read);
  metrics.bytesRead.inc({ table }, bytesRead);
  metrics.bytesWritten.inc({ table }, bytesWritten);
}

function forget(metrics: Metrics, table: string): void {
  const { runs, lastResult, stages, documents } = metrics;
  const { read, bytesRead, bytesWritten, enqueuedAgain, startedAt, lastAt, lastDuration } = metrics;
  for (const metric of [read, bytesRead, bytesWritten, enqueuedAgain, startedAt, lastAt, lastDuration])
    metric.remove({ table });
  for (const result of RESULTS) for (const metric of [runs, lastResult]) metric.remove({ table, result });
  for (const stage of STAGES) stages.remove({ table, stage });
  for (const outcome of OUTCOMES) documents.remove({ table, outcome });
}

function makeMetrics({ gauge, counter, histogram }: MetricsRegistry): Metrics {
  const table = ['table'] as const;
  return {
    running: gauge('runs_running', 'Runs that go on', []),
    duration: histogram('run_duration_seconds', 'How long runs took, by how they ended', ['result']),
    stageDuration: histogram<'stage'>(
      'run_stage_duration_seconds',
      'How long the stages of runs took that ended well, of all tables',
      ['stage'],
    ),
    runs: counter('runs_total', 'Runs that ended', ['table', 'result']),
    startedAt: gauge('run_started_timestamp_seconds', 'When the run began that goes on; no sample without one', table),
    lastResult: gauge('run_last_result', 'How the last run ended: 1 for its result, 0 for the others', [
      'table',
      'result',
    ]),
    lastAt: gauge('run_last_timestamp_seconds', 'When the last run ended, however it did', table),
    lastDuration: gauge('run_last_duration_seconds', 'How long the last run took, however it ended', table),
    stages: gauge('run_last_stage_duration_seconds', 'How long each stage of the last run took that ended well', [
      'table',
      'stage',
    ]),
    read: counter('documents_read_total', 'Documents that runs read from the source', table),
    documents: counter('documents_total', 'What became of the documents read; the outcomes add up to them', [
      'table',
      'outcome',
    ]),
    bytesRead: counter(
      'run_read_bytes_total',
      "Bytes that runs read: BSON of the source, runs' segments, data files",
      table,
    ),
    bytesWritten: counter('run_written_bytes_total', 'Bytes of data files that runs wrote', table),
    enqueuedAgain: counter(
      'jobs_enqueued_again_total',
      'Jobs that runs handed out again, since nothing was heard of them',
      table,
    ),
  };
}
