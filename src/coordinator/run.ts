import { jsonBody } from '../shared/documents.ts';
import { checkExtract, checkRun, putAside } from '../shared/domain/books.ts';
import { type CursorType, cursorOf } from '../shared/domain/cursor.ts';
import { FOLD_LIMITS, foldSchema } from '../shared/domain/fold.ts';
import { planKey } from '../shared/domain/keys.ts';
import { partitionCount } from '../shared/domain/partitions.ts';
import type { EngineName, KeptRows, Plan } from '../shared/domain/plan.ts';
import { fieldPolicies, type TablePolicy } from '../shared/domain/policy.ts';
import { checkQuarantineLimit } from '../shared/domain/quarantine.ts';
import type { Counts, ExtractReceipt } from '../shared/domain/receipt.ts';
import type { StageDurations } from '../shared/domain/stage.ts';
import type { Window } from '../shared/domain/window.ts';
import type { Source, SourceClock } from '../shared/ports/source.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitRun } from './commit-run.ts';
import { dispatch } from './dispatch.ts';
import { noteFreshness } from './freshness.ts';
import { dropStaging } from './housekeep.ts';
import { decideStart, extractJobs, foldSketches, mergeInputs, writeSettings } from './plan.ts';
import { retrySource, warnQuarantined } from './quarantine.ts';
import { stageTimer } from './stages.ts';
import {
  type HeldTable,
  holdTable,
  mergePartitions,
  mergeTotals,
  type StepContext,
  stageContext,
  stageMerge,
  total,
} from './steps.ts';

/** What is asked of one table. Durations in milliseconds, sizes in bytes. */
export interface RunRequest {
  readonly pipeline: string;
  readonly collection: string;
  /** `retry` reads the table's quarantined documents instead of the collection. */
  readonly mode: 'sync' | 'backfill' | 'retry';
  /** Exclusive bounds of the cursor, epoch milliseconds; `null` where not given. */
  readonly from: number | null;
  readonly to: number | null;
  /** A dump's documents replace rows with a greater cursor value too. */
  readonly overwrite: boolean;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

export interface RunSettings {
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
}

/** One run of one table: window → extract → schema → merge → commit. At most one new version, or none. */
export async function runTable(request: RunRequest, outer: RunContext): Promise<RunResult> {
  const { storage, clock } = outer;
  const started = clock.monotonic();
  const timer = stageTimer(clock);
  return holdTable(request.settings.leaseTtl, outer, async (held, own) => {
    const retries = request.mode === 'retry';
    const context = retries
      ? { ...own, source: await retrySource(storage, held.state, own.source, request.columns) }
      : own;
    const { plan, window } = await makePlan(request, held, context);
    timer.ended('window');
    const extracted = await extract(plan, context);
    timer.ended('extract');
    const policies = fieldPolicies(plan.columns);
    const schema = foldSchema(held.state?.schema, foldSketches(extracted), FOLD_LIMITS, policies);
    const inputs = mergeInputs(extracted, held.state);
    await stageMerge(plan, schema, inputs, storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const counts = checkRun(extracted, inputs, merged);
    const version = await commitRun({ plan, state: held.state, schema, extracted, merged, counts }, context);
    if (version !== null) await writeCheckpointIfDue(version, request.settings, context);
    warnQuarantined(plan, version, extracted, context.logger);
    // What was read from the table's own list says nothing of the collection.
    if (!retries) await noteFreshness(storage, plan, version ?? plan.base, counts);
    await dropStaging(storage, plan.run);
    timer.ended('commit');
    const written = mergeTotals(merged);
    return {
      run: plan.run,
      version,
      window: windowBounds(window),
      watermark: plan.nextWatermark,
      checkedAt: plan.createdAt,
      counts,
      ...written,
      bytesRead: total(extracted, (receipt) => receipt.bytes) + written.bytesRead,
      durationMs: Math.round(clock.monotonic() - started),
      stagesMs: timer.durations(),
    };
  });
}

/** Decides the window and writes the plan, before anything is read. */
async function makePlan(
  request: RunRequest,
  { run, epoch, state }: HeldTable,
  context: RunContext,
): Promise<{ readonly plan: Plan; readonly window: Window }> {
  const { source, storage, clock } = context;
  const { settings } = request;
  const sourceClock = await source.clock();
  const retries = request.mode === 'retry';
  const { window, engine } = decideStart(request, state, {
    namespace: source.namespace,
    clock: sourceClock,
    uri: storage.uri,
    now: clock.now(),
  });
  if (state !== undefined && state.engine !== engine) {
    context.logger.warn(`the engine ${engine} takes the table over from ${state.engine}; there is no way back`);
  }
  const partitions = state?.partitions ?? (await firstPartitions(settings, window, context));
  const plan: Plan = {
    formatVersion: 1,
    run,
    epoch,
    pipeline: request.pipeline,
    collection: request.collection,
    namespace: source.namespace,
    base: state?.version ?? -1,
    createdAt: clock.now(),
    scope: window.scope,
    watermark: state?.watermark ?? null,
    nextWatermark: window.nextWatermark,
    cursor: cursorOf(settings),
    ...(request.columns === undefined ? {} : { columns: request.columns }),
    partitions,
    ranges: await source.ranges(window.scope),
    rewrite: null,
    sourceKind: sourceClock.kind,
    keepRows: keptRows(request, sourceClock.kind),
    // What is retried is on the list already.
    maxQuarantined: retries ? Number.MAX_SAFE_INTEGER : settings.maxQuarantined,
    reads: retries ? 'quarantine' : 'source',
    // A backfill's many jobs wait behind a sync's few.
    priority: request.mode === 'backfill' ? 10 : 1,
    engine,
    write: writeSettings(settings, engine),
  };
  await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
  context.logger.info('planned', { scope: plan.scope.kind, base: plan.base, partitions, ranges: plan.ranges.length });
  return { plan, window };
}

function keptRows({ mode, overwrite }: RunRequest, kind: SourceClock['kind']): KeptRows {
  if (mode === 'retry') return 'notOlder';
  return kind === 'dump' && !overwrite ? 'newer' : 'none';
}

/** The number of partitions of a table that does not exist yet; says what its first load takes before it begins. */
async function firstPartitions(settings: RunSettings, window: Window, context: RunContext): Promise<number> {
  const { documents, bytes } = await context.source.estimate(window.scope);
  const partitions = partitionCount(settings.partitions, bytes);
  context.logger.info(
    window.scope.kind === 'full'
      ? 'there is no table yet: the whole collection is loaded'
      : 'there is no table yet: it begins with this window only',
    { estimatedDocuments: documents, estimatedBytes: bytes, partitions },
  );
  return partitions;
}

/** Reads the source once. */
async function extract(plan: Plan, context: RunContext): Promise<readonly ExtractReceipt[]> {
  const documentsTotal = (await context.source.estimate(plan.scope)).documents;
  const receipts = await dispatch<ExtractReceipt>(
    'extract',
    extractJobs(plan),
    stageContext(context, 'extract', plan.ranges.length, documentsTotal),
  );
  for (const receipt of receipts) checkExtract(receipt);
  checkQuarantineLimit('the run', putAside(receipts), plan.maxQuarantined);
  return receipts;
}

function windowBounds({ scope }: Window): RunResult['window'] {
  return scope.kind === 'window' ? { from: scope.from, to: scope.to } : { from: null, to: null };
}
