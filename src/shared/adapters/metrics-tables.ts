import type { Gauge } from 'prom-client';
import { DIFFERENCES } from '../domain/comparison.ts';
import type { CoordinatorMetrics, TableLimits } from '../ports/metrics.ts';
import type { MetricsRegistry } from './metrics-registry.ts';

/** The gauges of how tables stand. They know nothing of which tables there are. */
export interface StandingMetrics extends Pick<CoordinatorMetrics, 'fresh' | 'verified' | 'contents'> {
  begin(table: string): void;
  limits(limits: TableLimits): void;
  leaseHeld(table: string, isHeld: boolean): void;
  forget(table: string): void;
}

/** The gauges of how tables stand, in `registry`: freshness, verification, what they have, and whose their lease is. */
export function standingMetrics({ gauge }: MetricsRegistry): StandingMetrics {
  const byTable = ['table'] as const;
  const of = (name: string, help: string) => gauge(name, help, byTable);
  const freshness = of(
    'freshness_timestamp_seconds',
    'What the source held at this time is in the table: when the last check that ended well began',
  );
  const freshnessLimit = of('freshness_limit_seconds', 'A table whose freshness is older than this is stale');
  const watermark = of('watermark_timestamp_seconds', 'The watermark: the next run reads what has a later cursor');
  const verifiedAt = of('verification_timestamp_seconds', 'When the last verification began that ended well');
  const repaired = of('verification_repaired', 'Whether the last verification repaired what it found: 1 or 0');
  const verificationLimit = of(
    'verification_limit_seconds',
    'A table whose last verification is older than this is overdue for one',
  );
  const lease = of('lease_held', "Whether this process has the table's lease: 1 or 0");
  const sizes = {
    version: of('table_version', 'The newest version that is known'),
    rows: of('table_rows', 'Rows of that version'),
    files: of('table_files', 'Data files of that version'),
    bytes: of('table_bytes', 'Bytes of its data files'),
    quarantined: of('quarantined_documents', 'Documents on its list of what can not be stored'),
  };
  const differences = gauge(
    'verification_differences',
    'Ids that differed in the last verification, before any repair',
    ['table', 'difference'],
  );
  const all = [
    freshness,
    freshnessLimit,
    watermark,
    verifiedAt,
    repaired,
    verificationLimit,
    lease,
    ...Object.values(sizes),
  ];
  return {
    begin: (table) => lease.set({ table }, 0),
    limits({ name: table, freshnessLimit_ms, verificationLimit_ms }) {
      setOrRemove(freshnessLimit, table, freshnessLimit_ms);
      setOrRemove(verificationLimit, table, verificationLimit_ms);
    },
    leaseHeld: (table, isHeld) => lease.set({ table }, isHeld ? 1 : 0),
    fresh(table, { checkedAt, watermark: reached }) {
      freshness.set({ table }, checkedAt / 1000);
      if (reached !== null) watermark.set({ table }, reached / 1000);
    },
    verified(table, { checkedAt, differences: found, repairedIn }) {
      verifiedAt.set({ table }, checkedAt / 1000);
      repaired.set({ table }, repairedIn === null ? 0 : 1);
      for (const difference of DIFFERENCES) differences.set({ table, difference }, found[difference]);
    },
    contents(table, contents) {
      // So that what a first load puts aside is seen to come.
      if (contents === undefined) return sizes.quarantined.set({ table }, 0);
      for (const [name, metric] of Object.entries(sizes)) metric.set({ table }, contents[name as keyof typeof sizes]);
    },
    forget(table) {
      for (const metric of all) metric.remove({ table });
      forgetDifferences(differences, table);
    },
  };
}

function forgetDifferences(differences: Gauge<'table' | 'difference'>, table: string): void {
  for (const difference of DIFFERENCES) differences.remove({ table, difference });
}

function setOrRemove(metric: Gauge<'table'>, table: string, ms: number | undefined): void {
  if (ms === undefined) metric.remove({ table });
  else metric.set({ table }, ms / 1000);
}
