import { jsonBody } from '../shared/documents.ts';
import { NO_COUNTS } from '../shared/domain/books.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import type { IdType } from '../shared/domain/ids.ts';
import { planKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { RunContext, RunResult, RunSettings } from './carry-out.ts';
import { checkNamespace, writeSettings } from './plan.ts';
import { carryOutRewrite } from './rewrite.ts';
import { type StageTimer, stageTimer } from './stages.ts';
import { type Held, type HeldTable, mergeTotals } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';
import { finishFirst } from './unfinished.ts';

/** Which table is to get string ids. */
export interface RepartitionRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

/** As of any run; nothing was read of the source, so nothing was checked. `version` is `null` where the ids were strings already. */
export type RepartitionResult = Omit<RunResult, 'checkedAt'>;

/** Like a backfill's, its many jobs wait behind a sync's few. */
const REWRITE_PRIORITY = 10;

/** Integers stay as they are, as text; any other id has a text that no integer has (`idText`). */
const STRING_IDS: IdType = 'string:long';

/**
 * Writes a table whose ids are integers anew with string ids, in one version: plan → merge → commit. The source is not read; each id
 * stays in its partition, where rows are sorted anew. A run that did not end is finished first. Throws `TABLE_MISSING`, and what a run
 * throws.
 */
export async function repartitionTable(request: RepartitionRequest, outer: RunContext): Promise<RepartitionResult> {
  const { storage, source } = outer;
  // Before the lease is taken: where there is no table, nothing is to be left.
  if ((await openState(storage)) === undefined) throw tableMissing(storage);
  return finishFirst(request, outer, {
    isDoneBy: ({ rewrite }) => rewrite !== null,
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
  if (state.schema.idType !== 'long') return nothingToDo(held.run, state, clock);
  const plan = rewritePlan(request, held, state, context);
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

/** A plan that reads nothing of the source: watermark, partitions and all else stay as they are. */
function rewritePlan(
  { pipeline, collection, settings }: RepartitionRequest,
  { run, epoch, base }: HeldTable,
  state: TableState,
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
    partitions: state.partitions,
    ranges: [],
    rewrite: { idType: STRING_IDS },
    backfill: false,
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
