import { jsonBody } from '../shared/documents.ts';
import { NO_COUNTS } from '../shared/domain/books.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import type { IdType } from '../shared/domain/ids.ts';
import { planKey } from '../shared/domain/keys.ts';
import type { Plan, Rewrite } from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { RunContext, RunResult, RunSettings } from './carry-out.ts';
import { checkNamespace, writeSettings } from './plan.ts';
import { carryOutRewrite } from './rewrite.ts';
import { type StageTimer, stageTimer } from './stages.ts';
import { type Held, type HeldTable, mergeTotals } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';
import { finishFirst } from './unfinished.ts';

/** What is to be different about a table; what is not given stays. */
export interface Layout {
  /** Ids that were integers become text. There is no way back. */
  readonly idType?: 'string' | undefined;
  /** Hash partitions; a power of two. */
  readonly partitions?: number | undefined;
}

/** Which table is to be written anew, and how. */
export interface RepartitionRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly layout: Layout;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

/** As of any run; nothing was read of the source, so nothing was checked. `version` is `null` where the table is laid out so already. */
export type RepartitionResult = Omit<RunResult, 'checkedAt'>;

/** Like a backfill's, its many jobs wait behind a sync's few. */
const REWRITE_PRIORITY = 10;

/** Integers stay as they are, as text; any other id has a text that no integer has (`idText`). */
const STRING_IDS: IdType = 'string:long';

/**
 * Writes a table anew with string ids, or with another number of hash partitions, in one version: plan → merge → commit. The source is
 * not read. A run that did not end is finished first. Throws `TABLE_MISSING`, and what a run throws.
 */
export async function repartitionTable(request: RepartitionRequest, outer: RunContext): Promise<RepartitionResult> {
  const { storage, source } = outer;
  // Before the lease is taken: where there is no table, nothing is to be left.
  if ((await openState(storage)) === undefined) throw tableMissing(storage);
  return finishFirst(request, outer, {
    isDoneBy: ({ rewrite }) =>
      rewrite !== null && !isDue(rewriteFrom(request.layout, rewrite.idType.to, rewrite.partitions.to)),
    async begin(held, context) {
      const { state } = held;
      if (state === undefined) throw tableMissing(storage);
      checkNamespace(state, source, storage.uri);
      return (timer) => rewriteIfDue(request, held, state, context, timer);
    },
  });
}

async function rewriteIfDue(
  request: RepartitionRequest,
  held: HeldTable,
  state: TableState,
  context: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const { storage, clock } = context;
  const rewrite = rewriteFrom(request.layout, state.schema.idType, state.partitions);
  if (!isDue(rewrite)) return nothingToDo(held.run, state, clock);
  const plan = rewritePlan(request, held, state, rewrite, context);
  await storage.putIfAbsent(planKey(plan.run), jsonBody(plan), plan.run);
  timer.ended('window');
  return carryOutRewrite({ plan, state, settings: request.settings }, context, timer);
}

/** What it takes to lay out a table so that has these ids and partitions. */
function rewriteFrom(wanted: Layout, idType: IdType, partitions: number): Rewrite {
  const becomesText = wanted.idType === 'string' && idType === 'long';
  return {
    idType: { from: idType, to: becomesText ? STRING_IDS : idType },
    partitions: { from: partitions, to: wanted.partitions ?? partitions },
  };
}

function isDue({ idType, partitions }: Rewrite): boolean {
  return idType.from !== idType.to || partitions.from !== partitions.to;
}

function nothingToDo(run: string, { watermark }: TableState, clock: Clock): RunResult {
  return {
    run,
    version: null,
    window: { from: null, to: null },
    watermark,
    checkedAt: clock.now(),
    counts: NO_COUNTS,
    ...mergeTotals([]),
    durationMs: 0,
    stagesMs: stageTimer(clock).durations(),
  };
}

/** A plan that reads nothing of the source: the watermark and all that the rewrite does not name stay as they are. */
function rewritePlan(
  { pipeline, collection, settings }: RepartitionRequest,
  { run, epoch, base }: HeldTable,
  state: TableState,
  rewrite: Rewrite,
  { clock, engineVersion }: RunContext,
): Plan {
  return {
    formatVersion: 1,
    run,
    epoch,
    pipeline,
    collection,
    namespace: state.namespace,
    base,
    createdAt: clock.now(),
    engineVersion,
    scope: { kind: 'full' },
    watermark: state.watermark,
    nextWatermark: state.watermark,
    cursor: cursorOf(settings),
    ...(state.columns === undefined ? {} : { columns: state.columns }),
    partitions: rewrite.partitions.to,
    ranges: [],
    rewrite,
    backfill: false,
    replace: false,
    sourceKind: 'live',
    source: '',
    keepRows: 'none',
    maxQuarantined: 0,
    reads: 'source',
    priority: REWRITE_PRIORITY,
    engine: state.engine,
    write: writeSettings(settings, state.engine),
  };
}
