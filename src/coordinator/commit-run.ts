import type { Plan } from '../shared/domain/plan.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { commitEntry } from './commit.ts';
import { changesPolicy, entryActions } from './entry.ts';
import { tableId } from './run-id.ts';
import type { TableState } from './table.ts';

/** A run whose work is done and whose books balance. */
export interface FinishedRun {
  readonly plan: Plan;
  /** What it stands on; `undefined` where it makes the table. */
  readonly state: TableState | undefined;
  readonly schema: TableSchema;
  readonly extracted: readonly ExtractReceipt[];
  readonly merged: readonly MergeReceipt[];
  readonly counts: Counts;
}

export interface CommitContext {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted where the lease is lost, or the run told to stop. */
  readonly signal: AbortSignal;
  readonly engineVersion: string;
}

/**
 * Makes the run visible by one conditional write, where there is something to show. Returns the version, or `null` where
 * nothing was committed. Errors: those of `commitEntry`, and the signal's reason.
 */
export async function commitRun(run: FinishedRun, context: CommitContext): Promise<number | null> {
  const { plan, state, counts } = run;
  const { storage, clock, logger, signal } = context;
  const changed = changesRows(counts);
  const policy = state !== undefined && changesPolicy(plan, state);
  if (!changed && !policy && !leavesBehind(run)) return null;
  signal.throwIfAborted();
  const actions = entryActions({
    plan,
    state,
    // Without a changed row no file has the new columns: they wait for the run that needs them.
    schema: changed ? run.schema : (state?.schema ?? run.schema),
    receipts: run.merged,
    counts,
    now: clock.now(),
    tableId: tableId(clock),
    engineVersion: context.engineVersion,
  });
  const version = plan.base + 1;
  await commitEntry(storage, version, plan.run, actions);
  logger.info('committed', {
    version,
    inserted: counts.inserted,
    updated: counts.updated,
    deleted: counts.deleted,
  });
  return version;
}

function changesRows({ inserted, updated, deleted }: Counts): boolean {
  return inserted + updated + deleted > 0;
}

/** True where the new watermark leaves behind a document that this run read: else a burst followed by quiet is read again for ever. */
function leavesBehind({ plan, state, extracted }: FinishedRun): boolean {
  const next = plan.nextWatermark;
  if (state === undefined || next === null || next === plan.watermark) return false;
  return extracted.some(({ minCursor }) => minCursor !== null && minCursor <= next);
}
