import pMap from 'p-map';
import type { ChartedVersion } from '../../coordinator/charted.ts';
import type { RunStatus, TableStatus } from '../../coordinator/status.ts';
import type { TableState } from '../../coordinator/table.ts';
import { findJson } from '../../shared/documents.ts';
import { receiptIndex, receiptKey } from '../../shared/domain/keys.ts';
import type { MergeReceipt } from '../../shared/domain/receipt.ts';
import type { Storage } from '../../shared/ports/storage.ts';
import type { MergeCell, PartitionSize, RunView } from './view.ts';

/** What a merge job did, of its receipt. */
export type MergeDone = Pick<MergeCell, 'documents' | 'durationMs'>;

/** What each partition holds; empty where there is no table. */
export function partitionSizes(state: Pick<TableState, 'files' | 'partitions'> | undefined): readonly PartitionSize[] {
  if (state === undefined) return [];
  return Array.from({ length: state.partitions }, (_, partition) => {
    const files = state.files.get(partition) ?? [];
    return {
      files: files.length,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      bytes: files.reduce((sum, { size }) => sum + size, 0),
    };
  });
}

/** The run of a table job by job; `done` is what is known of its merge jobs, `last` the table's newest version. */
export function runView(
  { run, unfinished, lease }: TableStatus,
  done: ReadonlyMap<number, MergeDone>,
  last: Pick<ChartedVersion, 'run'> | undefined,
): RunView | undefined {
  const status = run ?? unfinished;
  if (status === undefined) return undefined;
  const state = run === undefined ? 'unfinished' : lease?.state === 'held' ? 'running' : 'silent';
  const { plan, extracted, inputs, merged } = status.staged;
  // What it has staged goes after its commit: nothing there is more to come then.
  const stage = last?.run === status.run ? 'commit' : status.stage;
  const read = new Set(extracted.map(({ key }) => receiptIndex(key)));
  const ranges = Array.from({ length: plan?.ranges.length ?? 0 }, (_, ordinal) => read.has(ordinal));
  const planned = inputs.map(({ key }) => jobOf(key));
  const cells = cellsOf(plan, planned, new Set(merged.map(({ key }) => receiptIndex(key))), done);
  return { status, state, stage, ranges, cells };
}

/** The job of a merge input's key, whose name is the number. */
function jobOf(key: string): number {
  return Number(/(\d+)\.json$/.exec(key)?.[1]);
}

function cellsOf(
  plan: RunStatus['staged']['plan'],
  planned: readonly number[],
  merged: ReadonlySet<number>,
  done: ReadonlyMap<number, MergeDone>,
): readonly MergeCell[] {
  if (plan === undefined || planned.length === 0) return [];
  const jobs = new Set(planned);
  // Where a table is partitioned anew, a job is a group of partitions.
  const count = plan.rewrite === null ? plan.partitions : planned.length;
  return Array.from({ length: count }, (_, job) => ({
    state: merged.has(job) ? 'merged' : jobs.has(job) ? 'waiting' : 'untouched',
    documents: done.get(job)?.documents,
    durationMs: done.get(job)?.durationMs,
  }));
}

const READS_AT_ONCE = 16;
/** Receipts that one look reads: the next ones read the rest. */
const READS_AT_MOST = 128;

/** Reads what merge jobs of a run did, each receipt once: an old one never changes. */
export function mergesOf(storage: Storage): (run: RunStatus | undefined) => Promise<ReadonlyMap<number, MergeDone>> {
  let known: { readonly run: string | undefined; readonly done: Map<number, MergeDone> } | undefined;
  return async (status) => {
    if (known?.run !== status?.run) known = { run: status?.run, done: new Map() };
    const done = known?.done ?? new Map<number, MergeDone>();
    if (status === undefined) return done;
    const unread = status.staged.merged.map(({ key }) => receiptIndex(key)).filter((job) => !done.has(job));
    await pMap(
      unread.slice(0, READS_AT_MOST),
      async (job) => {
        const found = await findJson<MergeReceipt>(storage, receiptKey(status.run, 'merge', job));
        if (found !== undefined) done.set(job, doneOf(found.body));
      },
      { concurrency: READS_AT_ONCE },
    );
    return new Map(done);
  };
}

function doneOf({ counts, durationMs }: MergeReceipt): MergeDone {
  return { documents: counts.read, durationMs };
}
