import pMap from 'p-map';
import { jsonBody } from '../shared/documents.ts';
import { mergeInputKey, schemaKey } from '../shared/domain/keys.ts';
import type { MergeInput, Plan } from '../shared/domain/plan.ts';
import type { MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { commitEntry } from './commit.ts';
import { type DispatchContext, dispatch } from './dispatch.ts';
import { fenceActions } from './entry.ts';
import { dropOldStaging } from './housekeep.ts';
import { acquireLease, type Lease } from './lease.ts';
import { mergeJobs } from './plan.ts';
import type { ProgressListener, StageProgress } from './progress.ts';
import { runId } from './run-id.ts';
import { openState, type TableState } from './table.ts';

/** The steps that every run of a table takes, whatever it does to it. */

export interface StepContext {
  readonly storage: Storage;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress: ProgressListener;
  /** Aborted by Ctrl-C or SIGTERM; within `holdTable` also where the lease is lost. */
  readonly signal: AbortSignal;
  readonly stallTimeoutMs: number;
  readonly engineVersion: string;
  readonly scratch: string;
}

/** A table that this run alone works on. */
export interface HeldTable {
  readonly run: string;
  /** The lease's fencing number. */
  readonly epoch: number;
  /** The version that the run stands on; `undefined` where there is no table yet. */
  readonly state: TableState | undefined;
}

/** Works on a table under its lease, which is given back at the end. Throws `LEASE_HELD` where another run has it. */
export async function holdTable<C extends StepContext, T>(
  leaseTtl: number,
  outer: C,
  work: (held: HeldTable, context: C) => Promise<T>,
): Promise<T> {
  const { storage, clock } = outer;
  const run = runId(clock);
  const lease = await acquireLease({ storage, clock, logger: outer.logger, run, ttlMs: leaseTtl });
  const context = {
    ...outer,
    logger: outer.logger.child({ run }),
    signal: AbortSignal.any([outer.signal, lease.lost]),
  };
  try {
    const state = await standOn(lease, run, context);
    return await work({ run, epoch: lease.epoch, state }, context);
  } finally {
    await lease.release();
  }
}

/** The version that the run stands on. What a crashed run could still commit is fenced off first, then its staging goes. */
async function standOn(lease: Lease, run: string, context: StepContext): Promise<TableState | undefined> {
  const { storage, clock, logger } = context;
  let state = await openState(storage);
  for (const note of state?.notes ?? []) logger.warn(note);
  if (lease.crashed !== undefined && state !== undefined) {
    logger.warn('an earlier run did not end; its version is taken by an empty entry so that it can never commit', {
      crashedRun: lease.crashed.run,
    });
    await commitEntry(
      storage,
      state.version + 1,
      run,
      fenceActions(state, run, lease.epoch, clock.now(), context.engineVersion),
    );
    state = await openState(storage);
  }
  await dropOldStaging(storage, run);
  return state;
}

/** Writes what each merge job reads: one schema for the whole version, and its own input. */
export async function stageMerge(
  plan: Plan,
  schema: TableSchema,
  inputs: readonly MergeInput[],
  storage: Storage,
): Promise<void> {
  if (inputs.length > 0) await storage.putIfAbsent(schemaKey(plan.run), jsonBody({ schema, run: plan.run }), plan.run);
  await pMap(inputs, (input) => storage.put(mergeInputKey(plan.run, input.partition), jsonBody(input)), {
    concurrency: 16,
  });
}

/** Runs the merge job of each partition that has an input; the others cost nothing. */
export async function mergePartitions(
  plan: Plan,
  inputs: readonly MergeInput[],
  context: StepContext,
): Promise<readonly MergeReceipt[]> {
  const documents = total(inputs, (input) => input.documents);
  return dispatch<MergeReceipt>(
    'merge',
    mergeJobs(plan, inputs),
    stageContext(context, 'merge', inputs.length, documents),
  );
}

/** The context of one stage's jobs, whose progress is told as that stage's. */
export function stageContext(
  context: StepContext,
  stage: StageProgress['stage'],
  jobs: number,
  documentsTotal: number | undefined,
): DispatchContext {
  return {
    ...context,
    onProgress: (done, running) => context.onProgress({ stage, done, total: jobs, documentsTotal, ...running }),
  };
}

/** What the merge jobs of a run did to the table's files, in sum. */
export interface MergeTotals {
  readonly partitionsTouched: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** The sums of the merge receipts of a run. */
export function mergeTotals(merged: readonly MergeReceipt[]): MergeTotals {
  return {
    partitionsTouched: merged.filter((receipt) => receipt.added.length + receipt.removed.length > 0).length,
    filesAdded: total(merged, (receipt) => receipt.added.length),
    filesRemoved: total(merged, (receipt) => receipt.removed.length),
    bytesRead: total(merged, (receipt) => receipt.bytesRead),
    bytesWritten: total(merged, (receipt) => receipt.bytesWritten),
  };
}

/** The sum of a value over items. */
export function total<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
