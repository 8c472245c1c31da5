import type { WorkerMetrics } from '../ports/metrics.ts';
import { DURATION_BUCKETS, type MetricsRegistry } from './metrics-registry.ts';

const KINDS = ['extract', 'merge'] as const;
const RESULTS = ['done', 'failed', 'handed_back'] as const;

/** The metrics of a worker's jobs, in `registry`. Every series is there from the start, so that a first failure is seen as one. */
export function workerMetrics({ prom, registry }: MetricsRegistry): WorkerMetrics {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new prom.Counter({ name, help, labelNames, registers });
  const byKind = ['kind'] as const;
  const running = new prom.Gauge({
    name: 'mongolake_jobs_running',
    help: 'Jobs that run in this worker',
    labelNames: byKind,
    registers,
  });
  const jobs = counter('mongolake_jobs_total', 'Jobs that ended in this worker', ['kind', 'result']);
  const duration = new prom.Histogram({
    name: 'mongolake_job_duration_seconds',
    help: 'How long jobs took that were done, fetching and uploading included',
    labelNames: byKind,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const rows = counter('mongolake_job_rows_total', 'Documents that done jobs read', byKind);
  const read = counter('mongolake_job_read_bytes_total', 'Bytes that done jobs read', byKind);
  const written = counter('mongolake_job_written_bytes_total', 'Bytes that done jobs wrote', byKind);
  for (const kind of KINDS) {
    running.set({ kind }, 0);
    duration.zero({ kind });
    for (const metric of [rows, read, written]) metric.inc({ kind }, 0);
    for (const result of RESULTS) jobs.inc({ kind, result }, 0);
  }
  return {
    jobStarted: (kind) => running.inc({ kind }),
    jobEnded(kind, result, durationMs, summary) {
      running.dec({ kind });
      jobs.inc({ kind, result });
      if (summary === undefined) return;
      duration.observe({ kind }, durationMs / 1000);
      rows.inc({ kind }, summary.rows);
      read.inc({ kind }, summary.bytesRead);
      written.inc({ kind }, summary.bytesWritten);
    },
  };
}
