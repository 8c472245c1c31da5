import pMap from 'p-map';
import { jsonBody } from '../shared/documents.ts';
import { addCounts, checkExtract, checkMerge, NO_COUNTS } from '../shared/domain/books.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { foldSchema } from '../shared/domain/fold.ts';
import { FRESHNESS_KEY, mergeInputKey, planKey, schemaKey } from '../shared/domain/keys.ts';
import { partitionCount } from '../shared/domain/partitions.ts';
import type { MergeInput, Plan } from '../shared/domain/plan.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { decideWindow, type Window } from '../shared/domain/window.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Queue } from '../shared/ports/queue.ts';
import type { Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitEntry } from './commit.ts';
import { type DispatchContext, dispatch } from './dispatch.ts';
import { entryActions, fenceActions } from './entry.ts';
import type { Freshness } from './freshness.ts';
import { dropOldStaging, dropStaging } from './housekeep.ts';
import { acquireLease, type Lease } from './lease.ts';
import { checkNamespace, extractJobs, foldSketches, mergeInputs, mergeJobs } from './plan.ts';
import type { ProgressListener, StageProgress } from './progress.ts';
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
  readonly targetFileSize: number;
  readonly rowGroupSize: number;
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
  readonly counts: Counts;
  readonly partitionsTouched: number;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly durationMs: number;
}

/** One run of one table: window → extract → schema → merge → commit. At most one new version, or none. */
export async function runTable(request: RunRequest, outer: RunContext): Promise<RunResult> {
  const { storage, clock } = outer;
  const started = clock.monotonic();
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
    const extracted = await extract(plan, context);
    const { schema, inputs } = await prepareMerge(plan, state, extracted, context);
    const merged = await merge(plan, inputs, context);
    const books = balance(extracted, inputs, merged);
    const version = await commit({ request, plan, state, schema, extracted, merged, counts: books }, lease, context);
    await noteFreshness(context, plan, version ?? plan.base, books);
    await dropStaging(storage, run);
    return {
      run,
      version,
      window: windowBounds(window),
      watermark: plan.nextWatermark,
      counts: books,
      partitionsTouched: merged.filter((receipt) => receipt.added.length + receipt.removed.length > 0).length,
      filesAdded: total(merged, (receipt) => receipt.added.length),
      filesRemoved: total(merged, (receipt) => receipt.removed.length),
      bytesRead: total(extracted, (receipt) => receipt.bytes) + total(merged, (receipt) => receipt.bytesRead),
      bytesWritten: total(merged, (receipt) => receipt.bytesWritten),
      durationMs: Math.round(clock.monotonic() - started),
    };
  } finally {
    await lease.release();
  }
}

/** Sorts by time, unique by chance: `20261122t190501z-3f9c2a1b`. Fit for a queue's job id and an object key. */
function runId(clock: Clock): string {
  const time = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').toLowerCase();
  return `${time}z-${clock.randomHex(4)}`;
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
  const window = decideWindow({
    mode: request.mode,
    from: request.from,
    to: request.to,
    watermark: state?.watermark ?? null,
    source: sourceClock,
    now: clock.now(),
    allowedLatenessMs: settings.allowedLateness,
    cursorField: settings.cursorField,
  });
  if (state !== undefined) checkNamespace(state, source, storage.uri);
  const partitions =
    state?.partitions ?? partitionCount(settings.partitions, (await source.estimate(window.scope)).bytes);
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
    write: {
      targetFileSize: settings.targetFileSize,
      rowGroupSize: settings.rowGroupSize,
      compressionLevel: settings.compressionLevel,
    },
  };
  await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
  context.logger.info('planned', { scope: plan.scope.kind, base: plan.base, partitions, ranges: plan.ranges.length });
  return { plan, window };
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

/** I7: every document read is accounted for, per job and per partition, or the run ends here. */
function balance(
  extracted: readonly ExtractReceipt[],
  inputs: readonly MergeInput[],
  merged: readonly MergeReceipt[],
): Counts {
  for (const [index, receipt] of merged.entries()) checkMerge(inputs[index] as MergeInput, receipt);
  const counts = merged.reduce((sum, receipt) => addCounts(sum, receipt.counts), NO_COUNTS);
  const documents = total(extracted, (receipt) => receipt.documents);
  if (counts.read !== documents) {
    throw new MongolakeError(
      'BOOKS_UNBALANCED',
      `${documents} documents were read and ${counts.read} merged; nothing was committed`,
    );
  }
  return counts;
}

interface CommitInput {
  readonly request: RunRequest;
  readonly plan: Plan;
  readonly state: TableState | undefined;
  readonly schema: TableSchema;
  readonly extracted: readonly ExtractReceipt[];
  readonly merged: readonly MergeReceipt[];
  readonly counts: Counts;
}

/** Makes the run visible by one conditional write, where there is something to show; the version, or `null`. */
async function commit(input: CommitInput, lease: Lease, context: RunContext): Promise<number | null> {
  const { plan, state, counts, merged, request } = input;
  const { storage, clock } = context;
  const changed = counts.inserted + counts.updated + counts.deleted > 0;
  if (!changed && !leavesBehind(input)) return null;
  lease.lost.throwIfAborted();
  context.signal.throwIfAborted();
  const actions = entryActions({
    plan,
    state,
    // Without a changed row no file has the new columns: they wait for the run that needs them.
    schema: changed ? input.schema : (state?.schema ?? input.schema),
    receipts: merged,
    counts,
    now: clock.now(),
    tableId: uuid(clock),
    engineVersion: context.engineVersion,
  });
  const version = plan.base + 1;
  await commitEntry(storage, version, plan.run, actions);
  context.logger.info('committed', {
    version,
    inserted: counts.inserted,
    updated: counts.updated,
    deleted: counts.deleted,
  });
  await writeCheckpointIfDue(version, request.settings, context);
  return version;
}

/** True where the new watermark leaves behind a document that this run read: else a burst followed by quiet is read again for ever. */
function leavesBehind({ plan, state, extracted }: CommitInput): boolean {
  if (state === undefined || plan.nextWatermark === null || plan.nextWatermark === plan.watermark) return false;
  const next = plan.nextWatermark;
  return extracted.some((receipt) => receipt.minCursor !== null && receipt.minCursor <= next);
}

/** Freshness is told from the last successful check, whether or not it found a change. */
async function noteFreshness(context: RunContext, plan: Plan, version: number, counts: Counts): Promise<void> {
  if (version < 0) return;
  const freshness: Freshness = {
    formatVersion: 1,
    run: plan.run,
    checkedAt: plan.createdAt,
    version,
    watermark: plan.nextWatermark,
    counts,
  };
  await context.storage.put(FRESHNESS_KEY, jsonBody(freshness));
}

function windowBounds({ scope }: Window): RunResult['window'] {
  return scope.kind === 'window' ? { from: scope.from, to: scope.to } : { from: null, to: null };
}

/** A version 4 UUID (RFC 9562). */
function uuid(clock: Clock): string {
  const hex = clock.randomHex(16);
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function total<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
