import { hostname } from 'node:os';
import { crashPoint } from '../shared/crash-points.ts';
import type { Action } from '../shared/domain/delta/actions.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { positionTime } from '../shared/domain/position.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { commitEntry } from './commit.ts';
import { changesPolicy, entryActions, nextCursor } from './entry.ts';
import { changesErased } from './erased.ts';
import type { Lease } from './lease.ts';
import { dropResolved, quarantineChange, writeQuarantine } from './quarantine.ts';
import { tableId } from './run-id.ts';
import type { TableState } from './table.ts';

/** The version that a run makes: its work is done, and its books balance. */
export interface NewVersion {
  readonly plan: Plan;
  /** What it stands on; `undefined` where it makes the table. */
  readonly state: TableState | undefined;
  readonly schema: TableSchema;
  readonly merged: readonly MergeReceipt[];
  readonly counts: Counts;
}

/** A run that read its source. */
export interface FinishedRun extends NewVersion {
  readonly extracted: readonly ExtractReceipt[];
}

export interface CommitContext {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted where the lease is lost, or the run told to stop. */
  readonly signal: AbortSignal;
  readonly engineVersion: string;
  readonly lease: Pick<Lease, 'settled' | 'unsettled'>;
}

/** What became visible of a run. */
export interface Committed {
  /** `null` where nothing was committed. */
  readonly version: number | null;
  /** The number of the new list of quarantined documents; `undefined` where it is as before. */
  readonly list: number | undefined;
  /** Documents that are new on it. */
  readonly newlyQuarantined: number;
}

/** Makes the run visible where there is something to show. Errors: those of `commitVersion`. */
export async function commitRun(run: FinishedRun, context: CommitContext): Promise<Committed> {
  const { plan, state, extracted, counts } = run;
  const { storage, clock, signal } = context;
  const changed = changesRows(counts);
  const quarantine = await quarantineChange(storage, plan, state, extracted);
  // Without a row there is no table yet: what was put aside is read again by the run that makes it.
  const relists = quarantine.added.length + quarantine.resolved.length > 0 && (changed || state !== undefined);
  const replaces = plan.replace && state !== undefined;
  const erases = changesErased(plan, state);
  const moves = leavesBehind(run) || movesOn(run);
  if (!replaces && !changed && !relists && !erases && !moves && !takesSettings(run))
    return { version: null, list: undefined, newlyQuarantined: 0 };
  signal.throwIfAborted();
  const list = relists ? await writeQuarantine(storage, plan, quarantine, clock.now()) : undefined;
  if (relists) crashPoint('quarantine-listed');
  // Without a changed row no file has the new columns: they wait for the run that needs them.
  const schema = changed || replaces ? run.schema : (state?.schema ?? run.schema);
  const version = await commitVersion({ ...run, schema }, context, list);
  await dropResolved(quarantine, context);
  return { version, list, newlyQuarantined: relists ? quarantine.added.length : 0 };
}

/**
 * Makes a version visible by one conditional write; returns its number. `list` is the number of a new list of quarantined documents.
 * Errors: those of `commitEntry`, and the signal's reason.
 */
export async function commitVersion(
  { plan, state, schema, merged, counts }: NewVersion,
  context: CommitContext,
  list?: number,
): Promise<number> {
  const { clock, logger, engineVersion } = context;
  const actions = entryActions({
    plan,
    state,
    schema,
    receipts: merged,
    counts,
    quarantineList: list,
    now: clock.now(),
    tableId: tableId(clock),
    engineVersion,
    host: hostname(),
  });
  const version = await makeVisible(plan, actions, context);
  logger.info('committed', {
    version,
    inserted: counts.inserted,
    updated: counts.updated,
    deleted: counts.deleted,
    quarantined: counts.quarantined,
  });
  return version;
}

/** Writes the entry after the version that `run` stands on; returns its number. Errors: those of `commitEntry`, and the signal's reason. */
export async function makeVisible(
  { run, base }: Pick<Plan, 'run' | 'base'>,
  actions: readonly Action[],
  { storage, signal, lease }: Pick<CommitContext, 'storage' | 'signal' | 'lease'>,
): Promise<number> {
  const version = base + 1;
  crashPoint('before-commit');
  signal.throwIfAborted();
  // Whatever ends this process or this call from here on, the next holder has to know that the entry may still come.
  lease.unsettled();
  try {
    await commitEntry(storage, version, run, actions);
    lease.settled();
  } catch (error) {
    if (asMongolakeError(error).code === 'COMMIT_CONFLICT') lease.settled();
    throw error;
  }
  crashPoint('committed');
  return version;
}

function changesRows({ inserted, updated, deleted }: Counts): boolean {
  return inserted + updated + deleted > 0;
}

/** True where the run gives the table another cursor or column policy: else every sync after it would be refused as this one was not. */
function takesSettings({ plan, state }: FinishedRun): boolean {
  if (state === undefined) return false;
  return changesPolicy(plan, state) || (state.cursor !== null && state.cursor !== nextCursor(plan, state));
}

/** How far the place in a change stream may be ahead of the table's log, milliseconds. */
const PLACE_AHEAD_MS = 60 * 60_000;

/**
 * True where the place in the change stream is far ahead of the one in the log. Beside the table it is noted at each run, but after another commit, as of a
 * fence or a compaction, that note counts no more: then the stream must still reach back to the log's.
 */
function movesOn({ plan, state }: FinishedRun): boolean {
  if (state?.position == null || plan.position === undefined) return false;
  return positionTime(plan.position.to) - positionTime(state.position) >= PLACE_AHEAD_MS;
}

/** True where the new watermark leaves behind a document that this run read: else a burst followed by quiet is read again for ever. */
function leavesBehind({ plan, state, extracted }: FinishedRun): boolean {
  const next = plan.nextWatermark;
  if (state === undefined || next === null || next === plan.watermark) return false;
  return extracted.some(({ minCursor }) => minCursor !== null && minCursor <= next);
}
