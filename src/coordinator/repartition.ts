import { jsonBody } from '../shared/documents.ts';
import { checkRewrite, NO_COUNTS } from '../shared/domain/books.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import type { IdType } from '../shared/domain/ids.ts';
import { planKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { MergeReceipt } from '../shared/domain/receipt.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitVersion } from './commit-run.ts';
import { dropStaging } from './housekeep.ts';
import { checkNamespace, rewriteInputs, writeSettings } from './plan.ts';
import type { RunContext, RunResult, RunSettings } from './run.ts';
import { stageTimer } from './stages.ts';
import { type HeldTable, holdTable, mergePartitions, mergeTotals, stageMerge } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';

/** Which table is to get string ids. */
export interface RepartitionRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
}

/** As of any run; nothing was read of the source, so nothing was checked. `version` is `null` where the ids were strings already. */
export type RepartitionResult = Omit<RunResult, 'checkedAt'>;

/** Like a backfill's, its many jobs wait behind a sync's few. */
const REWRITE_PRIORITY = 10;

/** Integers stay as they are, as text; any other id has a text that no integer has (`idText`). */
const STRING_IDS: IdType = 'string:long';

/**
 * Writes a table whose ids are integers anew with string ids, in one version: plan → merge → commit. The source is not read; each id
 * stays in its partition, where rows are sorted anew. Throws `TABLE_MISSING`, and what a run throws.
 */
export async function repartitionTable(request: RepartitionRequest, outer: RunContext): Promise<RepartitionResult> {
  const { storage, source, clock } = outer;
  const started = clock.monotonic();
  const timer = stageTimer(clock);
  // Before the lease is taken: where there is no table, nothing is to be left.
  if ((await openState(storage)) === undefined) throw tableMissing(storage);
  return holdTable(request.settings.leaseTtl, outer, async ({ run, epoch, state }, context) => {
    if (state === undefined) throw tableMissing(storage);
    checkNamespace(state, source, storage.uri);
    const result = (version: number | null, merged: readonly MergeReceipt[]): RepartitionResult => ({
      run,
      version,
      window: { from: null, to: null },
      watermark: state.watermark,
      counts: NO_COUNTS,
      ...mergeTotals(merged),
      durationMs: Math.round(clock.monotonic() - started),
      stagesMs: timer.durations(),
    });
    if (state.schema.idType !== 'long') return result(null, []);
    const plan = rewritePlan(request, { run, epoch }, state, clock.now());
    await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
    timer.ended('window');
    const schema = { ...state.schema, idType: STRING_IDS };
    const inputs = rewriteInputs(state);
    await stageMerge(plan, schema, inputs, storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const counts = checkRewrite(inputs, merged);
    const version = await commitVersion({ plan, state, schema, merged, counts }, context);
    await writeCheckpointIfDue(version, request.settings, context);
    await dropStaging(storage, run);
    timer.ended('commit');
    return result(version, merged);
  });
}

/** A plan that reads nothing of the source: watermark, partitions and all else stay as they are. */
function rewritePlan(
  { pipeline, collection, settings }: RepartitionRequest,
  { run, epoch }: Pick<HeldTable, 'run' | 'epoch'>,
  state: TableState,
  now: number,
): Plan {
  return {
    formatVersion: 1,
    run,
    epoch,
    pipeline,
    collection,
    namespace: state.namespace,
    base: state.version,
    createdAt: now,
    scope: { kind: 'full' },
    watermark: state.watermark,
    nextWatermark: state.watermark,
    cursor: cursorOf(settings),
    ...(state.columns === undefined ? {} : { columns: state.columns }),
    partitions: state.partitions,
    ranges: [],
    rewrite: { idType: STRING_IDS },
    sourceKind: 'live',
    keepRows: 'none',
    maxQuarantined: 0,
    reads: 'source',
    priority: REWRITE_PRIORITY,
    engine: state.engine,
    write: writeSettings(settings, state.engine),
  };
}
