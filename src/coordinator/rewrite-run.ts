import { jsonBody } from '../shared/documents.ts';
import { NO_COUNTS } from '../shared/domain/books.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
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

/** Which table's files are to be written anew. */
export interface RewriteRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

/** As of any run; nothing was read of the source, so nothing was checked. `version` is `null` where there was nothing to do. */
export type RewriteResult = Omit<RunResult, 'checkedAt'>;

/** What is wanted of the table. */
export interface Wanted {
  /** What it takes of the table as it stands; `undefined` where it is so already. */
  due(state: TableState): Rewrite | undefined;
  /** Whether a run that was planned so has done it. */
  isDoneBy(rewrite: Rewrite, plan: Plan): boolean;
}

/** Like a backfill's, its many jobs wait behind a sync's few. */
const REWRITE_PRIORITY = 10;

/**
 * Writes files of a table anew where that is due, in one version: plan → merge → commit. The source is not read. A run that did not end
 * is finished first. Throws `TABLE_MISSING`, and what a run throws.
 */
export async function rewriteTable(request: RewriteRequest, wanted: Wanted, outer: RunContext): Promise<RewriteResult> {
  const { storage, source } = outer;
  // Before the lease is taken: where there is no table, nothing is to be left.
  if ((await openState(storage)) === undefined) throw tableMissing(storage);
  return finishFirst(request, outer, {
    isDoneBy: (plan) => plan.rewrite !== null && wanted.isDoneBy(plan.rewrite, plan),
    async begin(held, context) {
      const { state } = held;
      if (state === undefined) throw tableMissing(storage);
      checkNamespace(state, source, storage.uri);
      return (timer) => rewriteIfDue(request, wanted.due(state), { ...held, state }, context, timer);
    },
  });
}

type HeldState = HeldTable & { readonly state: TableState };

async function rewriteIfDue(
  request: RewriteRequest,
  rewrite: Rewrite | undefined,
  held: HeldState,
  context: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const { storage, clock } = context;
  const { run, state } = held;
  if (rewrite === undefined) return nothingToDo(run, state, clock);
  const plan = rewritePlan(request, held, rewrite, context);
  await storage.putIfAbsent(planKey(plan.run), jsonBody(plan), plan.run);
  timer.ended('window');
  return carryOutRewrite({ plan, state, settings: request.settings }, context, timer);
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
  { pipeline, collection, settings }: RewriteRequest,
  { run, epoch, base, state }: HeldState,
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
    partitions: rewrite.kind === 'repartition' ? rewrite.partitions.to : state.partitions,
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
