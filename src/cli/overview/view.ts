import type { ChartedVersion, SchemaChange } from '../../coordinator/charted.ts';
import type { RunStatus, TableStatus } from '../../coordinator/status.ts';
import type { Stage } from '../../shared/domain/stage.ts';
import type { TableMode } from '../../shared/domain/window.ts';
import type { QueueDepth } from '../../shared/ports/queue.ts';

/** What the pages show: plain data, read by `read.ts`. Times are epoch milliseconds. */
export interface OverviewView {
  readonly now: number;
  readonly queue: QueueView;
  /** In the order of the configuration. */
  readonly tables: readonly TableEntry[];
  /** Pipelines whose collections could not be listed. */
  readonly unresolved: readonly { readonly pipeline: string; readonly trouble: Trouble }[];
}

/** `local`: there is none to look at. `pending`: it has not answered yet. */
export type QueueView =
  | { readonly kind: 'local' | 'pending' }
  | { readonly kind: 'depth'; readonly depth: QueueDepth }
  | { readonly kind: 'trouble'; readonly trouble: Trouble };

/** An error as it is told, without a stack. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A table, and what is known of it. */
export interface TableEntry {
  /** `pipeline.collection`. */
  readonly name: string;
  readonly pipeline: string;
  /** Stale where its last check is older; `undefined` where nothing says, as without a schedule. */
  readonly freshnessLimit_ms: number | undefined;
  readonly reading: Reading<TableView>;
}

/** `pending`: the store has not answered yet. */
export type Reading<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'pending' };

/** How one table stands. */
export interface TableView {
  readonly mode: TableMode;
  readonly status: TableStatus;
  /** Partition → what it holds, of every partition; empty where there is no table. */
  readonly partitions: readonly PartitionSize[];
  /** The newest version. */
  readonly last: ChartedVersion | undefined;
  readonly run: RunView | undefined;
}

export interface PartitionSize {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** A run, in progress or not ended, job by job. */
export interface RunView {
  readonly status: RunStatus;
  /** Whether it holds the lease, and renews it. */
  readonly state: 'running' | 'silent' | 'unfinished';
  /** What it is at; `commit` also while it drops its staging after it. */
  readonly stage: Stage;
  /** Range → whether it is read. */
  readonly ranges: readonly boolean[];
  /** What merge jobs do; empty until they are planned. */
  readonly cells: readonly MergeCell[];
}

/** One partition, or one group of them where the table is partitioned anew. */
export interface MergeCell {
  /** `untouched`: nothing of it changes. */
  readonly state: 'merged' | 'waiting' | 'untouched';
  /** Documents merged; `undefined` where it is not known, or not yet. */
  readonly documents: number | undefined;
  /** Milliseconds, as `documents`. */
  readonly durationMs: number | undefined;
}

/** What a table was. */
export interface TableHistory {
  /** The newest versions, newest first; empty where there is no table. */
  readonly versions: readonly ChartedVersion[];
  /** Version → what it changed in the schema, of those that did. */
  readonly schemas: ReadonlyMap<number, SchemaChange>;
}

/** One table in detail. */
export interface TableDetail extends TableEntry, TableHistory {
  readonly now: number;
  /** Why history and reasons are missing; `undefined` where they are not. */
  readonly missing: Exclude<Reading<unknown>, { readonly kind: 'read' }> | undefined;
  /** Reason → documents that are quarantined for it, the most frequent first. */
  readonly reasons: readonly { readonly reason: string; readonly documents: number }[];
}

/** What was read of a table; `undefined` where nothing was. */
export function viewOf({ reading }: Pick<TableEntry, 'reading'>): TableView | undefined {
  return reading.kind === 'read' ? reading.value : undefined;
}
