import { changeSource } from '../shared/change-source.ts';
import { crashPoint } from '../shared/crash-points.ts';
import { checkReplace, checkRun, putAside } from '../shared/domain/books.ts';
import { sizeAfter, type TableContents } from '../shared/domain/contents.ts';
import type { CursorType } from '../shared/domain/cursor.ts';
import type { Deletes } from '../shared/domain/deletion.ts';
import { asMongolakeError, type ErrorCode } from '../shared/domain/errors.ts';
import { FOLD_LIMITS, foldSchema } from '../shared/domain/fold.ts';
import type { EngineName, Plan } from '../shared/domain/plan.ts';
import { fieldPolicies } from '../shared/domain/policy.ts';
import { checkQuarantineLimit } from '../shared/domain/quarantine.ts';
import type { ReadSettings } from '../shared/domain/read-limits.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { StageDurations } from '../shared/domain/stage.ts';
import type { TableMode } from '../shared/domain/window.ts';
import { idSource } from '../shared/id-source.ts';
import type { Source } from '../shared/ports/source.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { type Committed, commitRun } from './commit-run.ts';
import { noteFreshness } from './freshness.ts';
import { dropStaging, giveUpRun } from './housekeep.ts';
import { foldSketches, mergeInputs } from './plan.ts';
import { countQuarantined, retrySource, warnQuarantined } from './quarantine.ts';
import type { StageTimer } from './stages.ts';
import { type Held, mergePartitions, mergeTotals, readRanges, type StepContext, stageMerge, total } from './steps.ts';
import { filesOf, type TableState } from './table.ts';
import { readBounds, readUntil } from './told.ts';

/** Settings of a table that its runs go by. Durations in milliseconds, sizes in bytes. */
export interface RunSettings extends ReadSettings {
  readonly mode: TableMode;
  readonly cursorField: string;
  readonly cursorType: CursorType;
  readonly allowedLateness: number;
  readonly partitions: number | 'auto';
  readonly engine: EngineName;
  readonly targetFileSize: number;
  readonly rowGroupSize: number;
  readonly compression: 'zstd' | 'snappy';
  readonly compressionLevel: number;
  readonly maxQuarantined: number;
  readonly deletes: Deletes;
  /** With `deletes: soft`: says in a document that it is deleted. */
  readonly deletedField: string;
  readonly checkpointInterval: number;
  readonly retention: number;
  readonly leaseTtl: number;
}

export interface RunContext extends StepContext {
  readonly source: Source;
}

/** What a run did. `version` is `null` where nothing was committed. */
export interface RunResult {
  readonly run: string;
  readonly version: number | null;
  readonly window: { readonly from: number | null; readonly to: number | null };
  readonly watermark: number | null;
  /** Epoch milliseconds: what the source held by then is in the table. */
  readonly checkedAt: number;
  readonly counts: Counts;
  readonly partitionsTouched: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly durationMs: number;
  readonly stagesMs: StageDurations;
  /** Runs that did not end and were finished first; the figures are theirs, too. */
  readonly recovered?: readonly string[];
  /** What the table has after it; absent where there is none, or that could not be read. */
  readonly contents?: TableContents;
  /** Documents that it put on the table's list of what can't be stored; `counts` has those, too, that are on it already. */
  readonly newlyQuarantined?: number;
}

/** What a planned run works with. */
export interface Carried {
  readonly plan: Plan;
  /** What it stands on; `undefined` where there is no table yet. */
  readonly state: TableState | undefined;
  readonly settings: Pick<RunSettings, 'checkpointInterval' | 'retention'>;
}

/**
 * Carries out a planned run, or what is left of it: extract → schema → merge → commit. At most one new version, or none. One that
 * replaces the table knows nothing of what is there but that it goes.
 */
export async function carryOut(carried: Carried, context: Held<RunContext>, timer: StageTimer): Promise<RunResult> {
  const { plan, state } = carried;
  return guarded(plan, context, async () => {
    const source = await sourceOf(plan, state, context);
    const extracted = await extract(plan, source, context);
    timer.ended('extract');
    const policies = fieldPolicies(plan.columns);
    const base = plan.replace ? undefined : state;
    const schema = foldSchema(base?.schema, foldSketches(extracted), FOLD_LIMITS, policies);
    const inputs = mergeInputs(extracted, base);
    await stageMerge(plan, { schema }, inputs, context.storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const old = plan.replace ? filesOf(state) : [];
    const counts = plan.replace ? checkReplace(extracted, inputs, merged, old) : checkRun(extracted, inputs, merged);
    const committed = await commitRun({ plan, state, schema, extracted, merged, counts }, context);
    const { version, newlyQuarantined } = committed;
    await afterwards(carried, { version, extracted, counts }, context);
    const contents = await contentsAfter(carried, committed, merged, context);
    timer.ended('commit');
    const result = resultOf(plan, { version, counts, merged }, timer);
    return {
      ...result,
      ...(contents === undefined ? {} : { contents }),
      newlyQuarantined,
      filesRemoved: result.filesRemoved + old.length,
      bytesRead: total(extracted, (receipt) => receipt.bytes) + result.bytesRead,
    };
  });
}

/** What a run did that has ended now. */
export function resultOf(
  plan: Plan,
  { version, counts, merged }: Pick<RunResult, 'version' | 'counts'> & { readonly merged: readonly MergeReceipt[] },
  timer: StageTimer,
): RunResult {
  return {
    run: plan.run,
    version,
    window: readBounds(plan),
    watermark: readUntil(plan),
    checkedAt: plan.createdAt,
    counts,
    ...mergeTotals(merged),
    durationMs: timer.elapsedMs(),
    stagesMs: timer.durations(),
  };
}

/** What the run's ranges are read from, as far as the coordinator asks it. */
export async function sourceOf(
  { reads, columns }: Pick<Plan, 'reads' | 'columns'>,
  state: TableState | undefined,
  { storage, source }: RunContext,
): Promise<Source> {
  switch (reads) {
    case 'source':
      return source;
    case 'quarantine':
      return retrySource(storage, state, source, columns);
    case 'ids':
    case 'erase':
      return idSource(storage, source);
    case 'changes':
      return changeSource(source);
  }
}

/**
 * Gives a run up that failed for its own reason: it would fail again. One that the world kept from its end (a server away, an order to
 * stop) stays as it is staged, for whoever comes next to finish it.
 */
export async function guarded<T>(plan: Plan, context: Held<StepContext>, work: () => Promise<T>): Promise<T> {
  const { signal, lease } = context;
  try {
    return await work();
  } catch (error) {
    if (signal.aborted || canBeFinished(asMongolakeError(error).code)) throw error;
    // Whoever took the run over may have finished and dropped it under our hands: then it is his, and so is the failure.
    await lease.assertHeld(error);
    lease.raiseFloor(plan.epoch + 1);
    await giveUpQuietly(plan.run, context);
    throw error;
  }
}

const WORLDLY: ReadonlySet<ErrorCode> = new Set([
  'STORE_UNREACHABLE',
  'SOURCE_UNREACHABLE',
  'QUEUE_UNREACHABLE',
  'VAULT_UNREACHABLE',
  'VAULT_SEALED',
  'LEASE_LOST',
  'COMMIT_UNKNOWN',
  'RUN_STALLED',
  'WORKER_VERSION',
  'SCRATCH',
  'INTERRUPTED',
]);

/** Whether a run that ended with this error may come to a good end when it is taken up again. */
function canBeFinished(code: ErrorCode): boolean {
  return WORLDLY.has(code);
}

async function giveUpQuietly(run: string, { storage, logger }: StepContext): Promise<void> {
  try {
    await giveUpRun(storage, run);
  } catch (error) {
    logger.warn('the failed run could not be given up; the next one tries to finish it first', {
      error: (error as Error).message,
    });
  }
}

/** Reads the source once. */
async function extract(plan: Plan, source: Source, context: Held<RunContext>): Promise<readonly ExtractReceipt[]> {
  const documentsTotal = (await source.estimate(plan.scope)).documents;
  const receipts = await readRanges(plan, documentsTotal, context);
  checkQuarantineLimit('the run', putAside(receipts), plan.maxQuarantined);
  crashPoint('extract-done');
  return receipts;
}

/** What follows a commit can be done without: the version is there, whatever becomes of it. */
async function afterwards(
  { plan, state, settings }: Carried,
  {
    version,
    extracted,
    counts,
  }: { readonly version: number | null; readonly extracted: readonly ExtractReceipt[]; readonly counts: Counts },
  context: Held<RunContext>,
): Promise<void> {
  const { storage, logger } = context;
  if (version !== null) await writeCheckpointIfDue(version, settings, context);
  warnQuarantined(state !== undefined || version !== null, extracted, logger);
  await endRun(plan, context, async () => {
    // What was read by its ids says nothing of the rest of the collection.
    if (plan.reads === 'source' || plan.reads === 'changes')
      await noteFreshness(storage, plan, version ?? state?.version, counts);
    crashPoint('freshness-noted');
  });
}

/** What the table has after a run; `undefined` where there is none, or its list can't be read: nothing hangs on that. */
async function contentsAfter(
  { plan, state }: Carried,
  { version, list }: Committed,
  merged: readonly MergeReceipt[],
  { storage, logger }: RunContext,
): Promise<TableContents | undefined> {
  const newest = version ?? state?.version;
  if (newest === undefined) return undefined;
  try {
    const quarantined = await countQuarantined(storage, state, list);
    return { ...sizeAfter(newest, plan.replace ? [] : filesOf(state), merged), quarantined };
  } catch (error) {
    logger.debug('the list of quarantined documents could not be read', { error: (error as Error).message });
    return undefined;
  }
}

/** Drops what the run staged, after `note`. A holder that was overtaken leaves all of it to the one who has the lease now. */
export async function endRun(plan: Plan, context: Held<StepContext>, note: () => Promise<void>): Promise<void> {
  const { storage, logger, signal, lease } = context;
  if (signal.aborted) return;
  lease.raiseFloor(plan.epoch + 1);
  try {
    await note();
    await dropStaging(storage, plan.run);
  } catch (error) {
    logger.warn('what the run staged could not be cleaned up; the next run does it', {
      error: (error as Error).message,
    });
  }
}
