import { NO_COUNTS } from '../shared/domain/books.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { RunContext, RunResult, RunSettings } from './carry-out.ts';
import { checkNamespace, writeSettings } from './plan.ts';
import { stageTimer } from './stages.ts';
import { type HeldTable, mergeTotals } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';

/** What runs have in common that read nothing of their table's source: a rewrite, an erasure. */

/** The table, which must be there and of the collection. Throws `TABLE_MISSING`, `TABLE_NAMESPACE`. */
export async function openOwn({
  storage,
  source,
}: {
  readonly storage: RunContext['storage'];
  readonly source: Pick<RunContext['source'], 'namespace'>;
}): Promise<TableState> {
  const state = await openState(storage);
  if (state === undefined) throw tableMissing(storage);
  checkNamespace(state, source, storage.uri);
  return state;
}

/** What is asked of such a run, as far as its plan tells it. */
interface SourcelessRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
}

/** A plan that reads nothing and changes nothing: its maker says what it does. All else of the table stays as it is. */
export function sourcelessPlan(
  { pipeline, collection, settings }: SourcelessRequest,
  { run, epoch, base }: HeldTable,
  state: TableState,
  { clock, engineVersion }: Pick<RunContext, 'clock' | 'engineVersion'>,
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
    rewrite: null,
    backfill: false,
    replace: false,
    sourceKind: 'live',
    source: '',
    keepRows: 'none',
    maxQuarantined: 0,
    reads: 'source',
    // Before a backfill's many jobs, like a sync.
    priority: 1,
    engine: state.engine,
    write: writeSettings(settings, state.engine),
  };
}

/** The result of a run that had nothing to do. */
export function nothingDone(run: string, { watermark }: TableState, clock: Clock): RunResult {
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
