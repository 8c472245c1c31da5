import type { WorkerMetrics } from '../ports/metrics.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

const KINDS = ['extract', 'merge'] as const;
const RESULTS = ['done', 'failed', 'handed_back', 'other_version'] as const;

/** The metrics of a worker's jobs, in `registry`. Every series is there from the start, so that a first failure is seen as one. */
export function workerMetrics({ gauge, counter, histogram }: MetricsRegistry): WorkerMetrics {
  const byKind = ['kind'] as const;
  const running = gauge('jobs_running', 'Jobs that run in this worker', byKind);
  const jobs = counter('jobs_total', 'Jobs that ended in this worker', ['kind', 'result']);
  const retries = counter('job_retries_total', 'Tries of jobs after their first', byKind);
  const duration = histogram(
    'job_duration_seconds',
    'How long jobs took that were done, fetching and uploading included',
    byKind,
  );
  const rows = counter('job_rows_total', 'Documents that done jobs read', byKind);
  const read = counter('job_read_bytes_total', 'Bytes that done jobs read', byKind);
  const written = counter('job_written_bytes_total', 'Bytes that done jobs wrote', byKind);
  for (const kind of KINDS) {
    running.set({ kind }, 0);
    duration.zero({ kind });
    for (const metric of [retries, rows, read, written]) metric.inc({ kind }, 0);
    for (const result of RESULTS) jobs.inc({ kind, result }, 0);
  }
  return {
    jobStarted(kind, attempt) {
      running.inc({ kind });
      if (attempt > 1) retries.inc({ kind });
    },
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
