import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Sets a gauge, at each scrape. */
type Collect<L extends string> = (gauge: Gauge<L>) => Promise<void>;

/** The metrics of one process. What is made here is named `mongolake_…` and scraped with the rest. */
export interface MetricsRegistry {
  readonly registry: Registry;
  gauge<L extends string>(name: string, help: string, labelNames: readonly L[], collect?: Collect<L>): Gauge<L>;
  counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L>;
  /** Of durations, in seconds. */
  histogram<L extends string>(name: string, help: string, labelNames: readonly L[]): Histogram<L>;
}

/** From a tenth of a second to six hours. */
const BUCKETS_S = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];

/** An empty registry but for Node's own metrics: memory, garbage collection, event loop lag, handles. Loads prom-client. */
export async function metricsRegistry(): Promise<MetricsRegistry> {
  const prom = await import('prom-client');
  const registry = new prom.Registry();
  prom.collectDefaultMetrics({ register: registry });
  const named = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `mongolake_${name}`,
    help,
    labelNames,
    registers: [registry],
  });
  return {
    registry,
    gauge<L extends string>(name: string, help: string, labelNames: readonly L[], collect?: Collect<L>) {
      const config = named(name, help, labelNames);
      if (collect === undefined) return new prom.Gauge<L>(config);
      return new prom.Gauge<L>({
        ...config,
        collect() {
          return collect(this);
        },
      });
    },
    counter: (...metric) => new prom.Counter(named(...metric)),
    histogram: (...metric) => new prom.Histogram({ ...named(...metric), buckets: BUCKETS_S }),
  };
}
