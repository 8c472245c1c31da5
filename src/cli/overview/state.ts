import type { Verification } from '../../coordinator/verification.ts';
import { differing } from '../../shared/domain/comparison.ts';
import type { PartitionSize, TableEntry, TableView } from './view.ts';

/** How a table is doing, from what can wait to what somebody should look at. */
export type Health = 'fresh' | 'idle' | 'running' | 'missing' | 'pending' | 'stale' | 'unfinished' | 'failed';

/** In words, as on the badge. */
export const HEALTH_TEXT: Readonly<Record<Health, string>> = {
  fresh: 'Fresh',
  idle: 'Not scheduled',
  running: 'Running',
  missing: 'No table yet',
  pending: 'Not read yet',
  stale: 'Stale',
  unfinished: 'Unfinished run',
  failed: 'Unreadable',
};

/** How a table is doing at `now`. */
export function healthOf({ reading, freshnessLimit_ms }: TableEntry, now: number): Health {
  if (reading.kind === 'trouble') return 'failed';
  if (reading.kind === 'pending') return 'pending';
  const { run, status } = reading.value;
  if (run?.state === 'running') return 'running';
  if (run !== undefined) return 'unfinished';
  if (status.table === undefined) return 'missing';
  const checkedAt = status.lastCheck?.at;
  if (freshnessLimit_ms === undefined) return 'idle';
  return checkedAt === undefined || now - checkedAt > freshnessLimit_ms ? 'stale' : 'fresh';
}

/** Whether somebody should look: what is stale or broken, differs from its source, or has documents put aside. */
export function needsAttention(entry: TableEntry, now: number): boolean {
  const health = healthOf(entry, now);
  if (health === 'stale' || health === 'unfinished' || health === 'failed') return true;
  return entry.reading.kind === 'read' && hasFindings(entry.reading.value);
}

function hasFindings({ status }: TableView): boolean {
  const { verification, quarantined, notes } = status;
  return quarantined > 0 || notes.length > 0 || (verification !== undefined && differs(verification));
}

/** Whether a verification found differences that nobody has repaired. */
export function differs({ differences, unconfirmed, repairedIn }: Verification): boolean {
  return repairedIn === null && differing(differences) + unconfirmed > 0;
}

/** How evenly a table's rows lie in its partitions. */
export interface Skew {
  readonly total: PartitionSize;
  readonly empty: number;
  /** Bytes. */
  readonly mean: number;
  /** The number of the largest one, and what it holds; `undefined` without partitions. */
  readonly largest: { readonly partition: number; readonly size: PartitionSize } | undefined;
  /** Bytes of the largest partition, in means; 0 where there is nothing. */
  readonly ratio: number;
}

/** The skew of a table's partitions, by bytes. */
export function skewOf(partitions: readonly PartitionSize[]): Skew {
  const total = { files: 0, rows: 0, bytes: 0 };
  let largest: Skew['largest'];
  for (const [partition, size] of partitions.entries()) {
    total.files += size.files;
    total.rows += size.rows;
    total.bytes += size.bytes;
    if (largest === undefined || size.bytes > largest.size.bytes) largest = { partition, size };
  }
  const mean = partitions.length === 0 ? 0 : total.bytes / partitions.length;
  return {
    total,
    empty: partitions.filter(({ rows }) => rows === 0).length,
    mean,
    largest,
    ratio: mean === 0 ? 0 : (largest?.size.bytes ?? 0) / mean,
  };
}
