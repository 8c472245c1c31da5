import type { Cursor } from './cursor.ts';

/** Which documents a run reads. Times are epoch milliseconds, UTC. */
export type ReadScope =
  | { readonly kind: 'full' }
  /** `from < cursor`, and `cursor < to` where `to` is given: both ends are exclusive. */
  | { readonly kind: 'window'; readonly cursor: Cursor; readonly from: number | null; readonly to: number | null };

/** What one extract job reads: the scope, cut by the source into parts that together cover it exactly. */
export interface ExtractRange {
  readonly scope: ReadScope;
  /** Source-specific part of the scope, as plain JSON; `null` where the range is the whole scope. */
  readonly part: string | null;
}

/** The data of a job: ids only, under 1 KB. Everything else is in the run's plan, in object storage. */
export type Job = ExtractJob | MergeJob;

interface JobBase {
  /** Unique per run and unit of work; letters, digits and hyphens only (BullMQ refuses colons and pure numbers). */
  readonly id: string;
  /** Names the table's configuration: `pipeline.collection`, both as in the config file. */
  readonly pipeline: string;
  readonly collection: string;
  readonly run: string;
  /** Smaller is taken first; 0 is no priority and comes before all. */
  readonly priority: number;
}

/** Read one range of the source and shuffle it by partition into one segment. */
export interface ExtractJob extends JobBase {
  readonly kind: 'extract';
  readonly ordinal: number;
}

/** Anti-join and merge one hash partition. */
export interface MergeJob extends JobBase {
  readonly kind: 'merge';
  readonly partition: number;
}

/** The job's id in the queue: unique per run, so a finished job of another run never shadows it. */
export function jobId(run: string, kind: Job['kind'], index: number): string {
  return `${run}-${kind}-${index}`;
}
