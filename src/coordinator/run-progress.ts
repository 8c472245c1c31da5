import { findJson } from '../shared/documents.ts';
import { mergeInputKey, planKey, receiptsPrefix } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { Stage } from '../shared/domain/stage.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';

/** Jobs with a receipt, of all; `total` is `undefined` until it is known. */
export interface JobsDone {
  readonly done: number;
  readonly total: number | undefined;
}

/** How far a run is, as object storage tells it. */
export interface RunProgress {
  readonly run: string;
  /** What it is: `backfill`, `sync`, …; `undefined` until it is planned. */
  readonly what: string | undefined;
  /** When it was planned, epoch milliseconds; `undefined` until it is. */
  readonly startedAt: number | undefined;
  readonly stage: Stage;
  /** Ranges read. */
  readonly extract: JobsDone;
  /** Partitions merged. */
  readonly merge: JobsDone;
}

/** What a run has left in object storage so far. */
export interface StagedRun {
  readonly run: string;
  /** `undefined` until it is planned, and where it is over. */
  readonly plan: Plan | undefined;
  /** Receipts of each stage, and what the merge jobs read, in the order of their keys. */
  readonly extracted: readonly ObjectInfo[];
  readonly inputs: readonly ObjectInfo[];
  readonly merged: readonly ObjectInfo[];
}

/** Looks at what a run has staged. Errors: those of the storage, `OBJECT_CORRUPT`. */
export async function readStaged(storage: Storage, run: string): Promise<StagedRun> {
  const [plan, extracted, inputs, merged] = await Promise.all([
    findJson<Plan>(storage, planKey(run)),
    listed(storage, receiptsPrefix(run, 'extract')),
    listed(storage, mergeInputsPrefix(run)),
    listed(storage, receiptsPrefix(run, 'merge')),
  ]);
  return { run, plan: plan?.body, extracted, inputs, merged };
}

/** How far the run is by what it has staged. */
export function progressOf({ run, plan, extracted, inputs, merged }: StagedRun): RunProgress {
  const extract = { done: extracted.length, total: plan?.ranges.length };
  const merge = { done: merged.length, total: inputs.length === 0 ? undefined : inputs.length };
  return {
    run,
    what: plan && runName(plan),
    startedAt: plan?.createdAt,
    stage: stageOf(extract, merge),
    extract,
    merge,
  };
}

/** What a run is at, by the jobs done: the receipts tell it, so the queue need not be asked. */
export function stageOf(extract: JobsDone, merge: JobsDone): Stage {
  if (extract.total === undefined) return 'window';
  if (extract.done < extract.total) return 'extract';
  if (merge.total === undefined) return 'schema';
  return merge.done < merge.total ? 'merge' : 'commit';
}

/** What a run is called where people read of it. */
export function runName({ rewrite, reads, replace, backfill }: Plan): string {
  if (rewrite !== null) return rewrite.kind === 'compact' ? 'compaction' : 'repartition';
  if (reads === 'quarantine') return 'quarantine retry';
  if (reads === 'ids') return 'repair';
  if (reads === 'erase') return 'erase';
  if (replace) return backfill ? 'backfill --replace' : 'sync of mode full';
  return backfill ? 'backfill' : 'sync';
}

/** `backfill (planned 2026-01-31T02:00:00.000Z, 12 of 64 ranges read)`; `run` where there is no plan of it. */
export function progressText({ what, startedAt, extract, merge }: RunProgress): string {
  if (what === undefined || startedAt === undefined) return 'run';
  const read = `${extract.done} of ${extract.total} ranges read`;
  const parts = [
    ...(extract.total === 0 ? [] : [read]),
    ...(merge.total === undefined ? [] : [`${merge.done} of ${merge.total} partitions merged`]),
  ];
  return `${what} (${[`planned ${new Date(startedAt).toISOString()}`, ...parts].join(', ')})`;
}

/** The folder of a run's merge inputs. */
function mergeInputsPrefix(run: string): string {
  const key = mergeInputKey(run, 0);
  return key.slice(0, key.lastIndexOf('/') + 1);
}

async function listed(storage: Storage, prefix: string): Promise<readonly ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of storage.list(prefix)) found.push(info);
  return found;
}
