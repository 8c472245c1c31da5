import type { Registry } from 'prom-client';

/** The metrics of one process, and the library that makes them. */
export interface MetricsRegistry {
  readonly prom: typeof import('prom-client');
  readonly registry: Registry;
}

/** An empty registry but for Node's own metrics: memory, garbage collection, event loop lag, handles. Loads prom-client. */
export async function metricsRegistry(): Promise<MetricsRegistry> {
  const prom = await import('prom-client');
  const registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry });
  return { prom, registry };
}

/** Buckets of durations from a tenth of a second to six hours, seconds. */
export const DURATION_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
