import pMap from 'p-map';
import { jsonBody } from '../shared/documents.ts';
import { checkExtract, checkRun } from '../shared/domain/books.ts';
import { foldSchema } from '../shared/domain/fold.ts';
import { mergeInputKey, planKey, schemaKey } from '../shared/domain/keys.ts';
import { partitionCount } from '../shared/domain/partitions.ts';
import type { EngineName, MergeInput, Plan } from '../shared/domain/plan.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import type { StageDurations } from '../shared/domain/stage.ts';
import type { Window } from '../shared/domain/window.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitEntry } from './commit.ts';
import { commitRun } from './commit-run.ts';
import { type DispatchContext, dispatch } from './dispatch.ts';
import { fenceActions } from './entry.ts';
import { noteFreshness } from './freshness.ts';
import { dropOldStaging, dropStaging } from './housekeep.ts';
import { acquireLease, type Lease } from './lease.ts';
import { checkNamespace, engineFor, extractJobs, foldSketches, mergeInputs, mergeJobs, windowFor } from './plan.ts';
import type { ProgressListener, StageProgress } from './progress.ts';
import { runId } from './run-id.ts';
import { stageTimer } from './stages.ts';
import { openState, type TableState } from './table.ts';

/** What is asked of one table. Durations in milliseconds, sizes in bytes. */
export interface RunRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly mode: 'sync' | 'backfill';
  /** Exclusive bounds of the cursor, epoch milliseconds; `null` where not given. */
  readonly from: number | null;
  readonly to: number | null;
  /** A dump's documents replace rows with a greater cursor value too. */
  readonly overwrite: boolean;
  readonly settings: RunSettings;
}

export interface RunSettings {
  readonly cursorField: string;
  readonly allowedLateness: number;
  readonly partitions: number | 'auto';
  readonly engine: EngineName;
  readonly targetFileSize: number;
  readonly rowGroupSize: number;
  readonly compression: 'zstd' | 'snappy';
  readonly compressionLevel: number;
  readonly checkpointInterval: number;
  readonly retention: number;
  readonly leaseTtl: number;
}

export interface RunContext {
  readonly storage: Storage;
  readonly source: Source;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onProgress: ProgressListener;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  readonly stallTimeoutMs: number;
  readonly engineVersion: string;
  readonly scratch: string;
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
  const run = runId(clock);
  const lease = await acquireLease({ storage, clock, logger: outer.logger, run, ttlMs: request.settings.leaseTtl });
  const context = {
    ...outer,
    logger: outer.logger.child({ run }),
    signal: AbortSignal.any([outer.signal, lease.lost]),
  };
  try {
    const state = await standOn(lease, run, context);
    const { plan, window } = await makePlan(request, run, lease, state, context);
    timer.ended('window');
    const extracted = await extract(plan, context);
    timer.ended('extract');
    const { schema, inputs } = await prepareMerge(plan, state, extracted, context);
    timer.ended('schema');
    const merged = await merge(plan, inputs, context);
    timer.ended('merge');
    const counts = checkRun(extracted, inputs, merged);
    const version = await commitRun({ plan, state, schema, extracted, merged, counts }, context);
    if (version !== null) await writeCheckpointIfDue(version, request.settings, context);
    await noteFreshness(storage, plan, version ?? plan.base, counts);
    await dropStaging(storage, run);
    timer.ended('commit');
    return {
      run,
      version,
      window: windowBounds(window),
      watermark: plan.nextWatermark,
      checkedAt: plan.createdAt,
      counts,
      partitionsTouched: merged.filter((receipt) => receipt.added.length + receipt.removed.length > 0).length,
      filesAdded: total(merged, (receipt) => receipt.added.length),
      filesRemoved: total(merged, (receipt) => receipt.removed.length),
      bytesRead: total(extracted, (receipt) => receipt.bytes) + total(merged, (receipt) => receipt.bytesRead),
      bytesWritten: total(merged, (receipt) => receipt.bytesWritten),
      durationMs: Math.round(clock.monotonic() - started),
      stagesMs: timer.durations(),
    };
  } finally {
    await lease.release();
  }
}

/** The version that the run stands on. What a crashed run could still commit is fenced off first, then its staging goes. */
async function standOn(lease: Lease, run: string, context: RunContext): Promise<TableState | undefined> {
  const { storage, clock, logger } = context;
  let state = await openState(storage);
  for (const note of state?.notes ?? []) logger.warn(note);
  if (lease.crashed !== undefined && state !== undefined) {
    logger.warn('an earlier run did not end; its version is taken by an empty entry so that it can never commit', {
      crashedRun: lease.crashed.run,
    });
    await commitEntry(
      storage,
      state.version + 1,
      run,
      fenceActions(state, run, lease.epoch, clock.now(), context.engineVersion),
    );
    state = await openState(storage);
  }
  await dropOldStaging(storage, run);
  return state;
}

/** Decides the window and writes the plan, before anything is read. */
async function makePlan(
  request: RunRequest,
  run: string,
  lease: Lease,
  state: TableState | undefined,
  context: RunContext,
): Promise<{ readonly plan: Plan; readonly window: Window }> {
  const { source, storage, clock } = context;
  const { settings } = request;
  const sourceClock = await source.clock();
  const window = windowFor(request, state, sourceClock, clock.now());
  if (state !== undefined) checkNamespace(state, source, storage.uri);
  const engine = engineFor(state, settings.engine, storage.uri);
  if (state !== undefined && state.engine !== engine) {
    context.logger.warn(`the engine ${engine} takes the table over from ${state.engine}; there is no way back`);
  }
  const partitions = state?.partitions ?? (await firstPartitions(settings, window, context));
  const plan: Plan = {
    formatVersion: 1,
    run,
    epoch: lease.epoch,
    pipeline: request.pipeline,
    collection: request.collection,
    namespace: source.namespace,
    base: state?.version ?? -1,
    createdAt: clock.now(),
    scope: window.scope,
    watermark: state?.watermark ?? null,
    nextWatermark: window.nextWatermark,
    cursorField: settings.cursorField,
    partitions,
    ranges: await source.ranges(window.scope),
    sourceKind: sourceClock.kind,
    keepNewer: sourceClock.kind === 'dump' && !request.overwrite,
    // A backfill's many jobs wait behind a sync's few.
    priority: request.mode === 'backfill' ? 10 : 1,
    engine,
    write: {
      targetFileSize: settings.targetFileSize,
      rowGroupSize: settings.rowGroupSize,
      // The only codec that parquetjs-lite writes well.
      compression: engine === 'parquetjs' ? 'snappy' : settings.compression,
      compressionLevel: settings.compressionLevel,
    },
  };
  await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
  context.logger.info('planned', { scope: plan.scope.kind, base: plan.base, partitions, ranges: plan.ranges.length });
  return { plan, window };
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
    dispatchContext(context, 'extract', plan.ranges.length, documentsTotal),
  );
  for (const receipt of receipts) checkExtract(receipt);
  return receipts;
}

/** Fixes one schema for the whole version, and writes what each merge job reads. */
async function prepareMerge(
  plan: Plan,
  state: TableState | undefined,
  extracted: readonly ExtractReceipt[],
  context: RunContext,
): Promise<{ readonly schema: TableSchema; readonly inputs: readonly MergeInput[] }> {
  const { storage } = context;
  const schema = foldSchema(state?.schema, foldSketches(extracted));
  const inputs = mergeInputs(extracted, state);
  if (inputs.length > 0) await storage.putIfAbsent(schemaKey(plan.run), jsonBody({ schema, run: plan.run }), plan.run);
  await pMap(inputs, (input) => storage.put(mergeInputKey(plan.run, input.partition), jsonBody(input)), {
    concurrency: 16,
  });
  return { schema, inputs };
}

/** Anti-joins and merges each partition that the delta touches; the others cost nothing. */
async function merge(plan: Plan, inputs: readonly MergeInput[], context: RunContext): Promise<readonly MergeReceipt[]> {
  const documents = total(inputs, (input) => input.documents);
  return dispatch<MergeReceipt>(
    'merge',
    mergeJobs(plan, inputs),
    dispatchContext(context, 'merge', inputs.length, documents),
  );
}

function dispatchContext(
  context: RunContext,
  stage: StageProgress['stage'],
  jobs: number,
  documentsTotal: number | undefined,
): DispatchContext {
  return {
    ...context,
    onProgress: (done, running) => context.onProgress({ stage, done, total: jobs, documentsTotal, ...running }),
  };
}

function windowBounds({ scope }: Window): RunResult['window'] {
  return scope.kind === 'window' ? { from: scope.from, to: scope.to } : { from: null, to: null };
}

function total<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
