import { hostname } from 'node:os';
import pMap from 'p-map';
import { crashPoint } from '../shared/crash-points.ts';
import { jsonBody } from '../shared/documents.ts';
import { checkExtract } from '../shared/domain/books.ts';
import type { CompareReceipt } from '../shared/domain/comparison.ts';
import { mergeInputKey, schemaKey } from '../shared/domain/keys.ts';
import type { MergeInput, Plan, RunSchema } from '../shared/domain/plan.ts';
import type { ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { RunObserver } from '../shared/ports/metrics.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { occupyVersion } from './commit.ts';
import { type DispatchContext, dispatch } from './dispatch.ts';
import { fenceActions } from './entry.ts';
import { acquireLease, type Lease } from './lease.ts';
import { extractJobs, mergeJobs } from './plan.ts';
import type { ProgressListener, StageProgress } from './progress.ts';
import { runId, tableId } from './run-id.ts';
import { type OpenedState, openNewest, type TableState } from './table.ts';

/** The steps that every run of a table takes, whatever it does to it. */

/** What it takes to have a table to oneself. */
export interface HoldContext {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted by Ctrl-C or SIGTERM; within `holdTable` also where the lease is lost. */
  readonly signal: AbortSignal;
  readonly engineVersion: string;
  /** Waits for a lease that may have been left by a dead holder, as a coordinator that was restarted does. */
  readonly patient?: boolean;
  readonly observer?: RunObserver | undefined;
}

export interface StepContext extends HoldContext {
  readonly queue: Queue;
  readonly onProgress: ProgressListener;
  readonly stallTimeoutMs: number;
  readonly scratch: string;
}

/** The context of the lease's holder. */
export type Held<C extends HoldContext> = C & {
  readonly lease: Omit<Lease, 'release'>;
};

/** A table that this run alone works on. */
export interface HeldTable {
  readonly run: string;
  /** The lease's fencing number. */
  readonly epoch: number;
  /** The newest version, which the run stands on; −1 where there is no log yet. */
  readonly base: number;
  /** The table at that version; `undefined` where there is none yet. */
  readonly state: TableState | undefined;
}

/** How the newest version is opened. */
type OpenNewest = (storage: Storage) => Promise<OpenedState>;

/**
 * Works on a table under its lease, which is given back at the end. What an overtaken run could still commit is fenced off first.
 * Throws `LEASE_HELD` where another run has it, and what `open` throws.
 */
export async function holdTable<C extends HoldContext, T>(
  leaseTtl: number,
  outer: C,
  work: (held: HeldTable, context: Held<C>) => Promise<T>,
  open: OpenNewest = openNewest,
): Promise<T> {
  const { storage, clock } = outer;
  const run = runId(clock);
  const { logger, signal, patient = false } = outer;
  const lease = await acquireLease({ storage, clock, logger, signal, run, ttlMs: leaseTtl, patient });
  crashPoint('lease-taken');
  outer.observer?.leaseHeld(true);
  lease.lost.addEventListener('abort', () => outer.observer?.leaseHeld(false), { once: true });
  const context = {
    ...outer,
    lease,
    logger: logger.child({ run }),
    signal: AbortSignal.any([signal, lease.lost]),
  };
  try {
    const { version: base, state } = await standOn(lease, run, context, open);
    return await work({ run, epoch: lease.epoch, base, state }, context);
  } finally {
    outer.observer?.leaseHeld(false);
    await lease.release();
    crashPoint('lease-released');
  }
}

/** The version that the run stands on, after what a crashed run could still commit was fenced off. */
async function standOn(lease: Lease, run: string, context: HoldContext, open: OpenNewest): Promise<OpenedState> {
  const { storage, logger } = context;
  if (lease.overtaken !== undefined) {
    logger.warn('an earlier run did not end; its version is taken by an empty entry so that it can never commit', {
      crashedRun: lease.overtaken.run,
    });
    do {
      // A fence of a holder that was overtaken itself would only be in the way of the run that goes on.
      await lease.assertHeld();
      context.signal.throwIfAborted();
    } while (!(await fence(lease, run, context, open)));
    lease.settled();
    crashPoint('fence-written');
  }
  const newest = await open(storage);
  for (const note of newest.state?.notes ?? []) logger.warn(note);
  return newest;
}

/** Takes the version after the newest; false where somebody was faster: then what he left is the newest. */
async function fence(lease: Lease, run: string, context: HoldContext, open: OpenNewest): Promise<boolean> {
  const { storage, clock, engineVersion } = context;
  const { version: base, state } = await open(storage);
  const written = { now: clock.now(), tableId: tableId(clock), engineVersion, host: hostname() };
  return occupyVersion(storage, base + 1, run, fenceActions({ base, state, run, epoch: lease.epoch, ...written }));
}

/** Writes what each merge job reads: one schema for the whole version, and its own input. */
export async function stageMerge(
  plan: Plan,
  schemas: RunSchema,
  inputs: readonly MergeInput[],
  storage: Storage,
): Promise<void> {
  if (inputs.length > 0)
    await storage.putIfAbsent(schemaKey(plan.run), jsonBody({ ...schemas, run: plan.run }), plan.run);
  crashPoint('schema-written');
  await pMap(inputs, (input) => storage.put(mergeInputKey(plan.run, input.partition), jsonBody(input)), {
    concurrency: 16,
  });
  crashPoint('merge-inputs-written');
}

/** Reads what the plan says, once; each job's books balance. */
export async function readRanges(
  plan: Plan,
  documentsTotal: number | undefined,
  context: StepContext,
): Promise<readonly ExtractReceipt[]> {
  const progress = stageContext(context, 'extract', plan.ranges.length, documentsTotal);
  const receipts = await dispatch<ExtractReceipt>('extract', extractJobs(plan), progress, plan.limits?.jobsAtOnce);
  for (const receipt of receipts) checkExtract(receipt);
  return receipts;
}

/** Runs the job of each partition that has an input; the others cost nothing. What it leaves is what its plan says: a merge, or a comparison. */
export async function mergePartitions<R extends MergeReceipt | CompareReceipt = MergeReceipt>(
  plan: Plan,
  inputs: readonly MergeInput[],
  context: StepContext,
): Promise<readonly R[]> {
  const documents = total(inputs, (input) => input.documents);
  const progress = stageContext(context, 'merge', inputs.length, documents);
  const merged = await dispatch<R>('merge', mergeJobs(plan, inputs), progress);
  crashPoint('merge-done');
  return merged;
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
