import { crashPoint } from '../shared/crash-points.ts';
import { jsonBody } from '../shared/documents.ts';
import type { IdList } from '../shared/domain/comparison.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import { ownIdListKey, planKey } from '../shared/domain/keys.ts';
import { partitionCount } from '../shared/domain/partitions.ts';
import type { EngineName, KeptRows, Plan, RunMode } from '../shared/domain/plan.ts';
import { hidesIds, type TablePolicy } from '../shared/domain/policy.ts';
import { positionTime } from '../shared/domain/position.ts';
import { readLimits } from '../shared/domain/read-limits.ts';
import type { Window } from '../shared/domain/window.ts';
import { readList } from '../shared/id-source.ts';
import type { Source, SourceClock } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { carryOut, type RunContext, type RunResult, type RunSettings, sourceOf } from './carry-out.ts';
import { erasedOf } from './erased.ts';
import { decideStart, deletedFieldOf, replaces, writeSettings } from './plan.ts';
import type { HeldTable } from './steps.ts';
import { changeRanges, type StreamStart, streamStart } from './stream-start.ts';
import { type TableState, tableMissing } from './table.ts';
import { finishFirst, sourceText } from './unfinished.ts';
import { lookUpRanges } from './verify-plan.ts';

/** What is asked of one table. Durations in milliseconds, sizes in bytes. */
export interface RunRequest {
  readonly pipeline: string;
  readonly collection: string;
  /** Instead of the collection `retry` reads the table's quarantined documents, and `repair` what has the ids of `lists`. */
  readonly mode: RunMode;
  readonly lists?: readonly IdList[];
  /** Exclusive bounds of the cursor, epoch milliseconds; `null` where not given. */
  readonly from: number | null;
  readonly to: number | null;
  /** A dump's documents replace rows with a greater cursor value too. */
  readonly overwrite: boolean;
  /** The table is to hold what is read, and nothing else. */
  readonly replace: boolean;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

/**
 * One run of one table: window → extract → schema → merge → commit. At most one new version, or none. A run that did not end is finished
 * first, which makes a version of its own, or given up; where it is what is asked for now, it is the answer.
 */
export async function runTable(asked: RunRequest, outer: RunContext): Promise<RunResult> {
  const request = { ...asked, replace: replaces(asked) };
  return finishFirst(request, outer, {
    isDoneBy: (plan) => isAnswer(plan, request, outer.clock.now()),
    async begin(held, context) {
      const start = await startOf(request, held, context);
      return async (timer) => {
        const plan = await makePlan({ ...request, replace: start.replace }, held, start, context);
        timer.ended('window');
        return carryOut({ plan, state: held.state, settings: request.settings }, context, timer);
      };
    },
  });
}

/** How old the plan of a reading of everything may be that is finished in place of a new one, milliseconds. */
const ANSWER_MAX_AGE_MS = 24 * 60 * 60_000;

/**
 * Whether the run that was finished is what the request asks for, interrupted a while ago: the same backfill, or the same replacement. A
 * sync's window ends where it was planned: there may be more now.
 */
function isAnswer(plan: Plan, request: RunRequest, now: number): boolean {
  if (plan.rewrite !== null || plan.reads !== 'source' || plan.replace !== request.replace) return false;
  const { mode, from, to } = request;
  const readsAll = request.replace || (mode === 'backfill' && from === null && to === null);
  if (!readsAll || !(plan.replace || plan.backfill) || plan.scope.kind !== 'full') return false;
  return plan.keepRows === keptRows(request, plan.sourceKind) && now - plan.createdAt < ANSWER_MAX_AGE_MS;
}

/** What a run reads, from where, and with what it merges. */
interface Start {
  readonly source: Source;
  readonly sourceClock: SourceClock;
  readonly window: Window;
  readonly engine: EngineName;
  readonly replace: boolean;
  /** Absent where the run does not go by a change stream. */
  readonly stream?: StreamStart;
}

async function startOf(request: RunRequest, { state }: HeldTable, context: RunContext): Promise<Start> {
  const { storage, clock } = context;
  // A repair without a table would make one of some documents.
  if (request.mode === 'repair' && state === undefined) throw tableMissing(storage);
  const source = await sourceOf({ reads: readsOf(request), ...columnsOf(request) }, state, context);
  const sourceClock = await source.clock();
  const { namespace } = source;
  const facts = { namespace, clock: sourceClock, uri: storage.uri, now: clock.now() };
  const stream = await streamStart(request, state, context);
  if (stream !== undefined) tellStream(stream, context);
  const replace = stream?.replace ?? request.replace;
  const start = decideStart({ ...request, replace }, state, facts);
  return { source, sourceClock, ...start, replace, ...(stream === undefined ? {} : { stream }) };
}

/** Says what is read of the change stream, how far the table is behind, or why all is read. */
function tellStream({ why, reads, step }: StreamStart, { logger, clock }: RunContext): void {
  if (why === 'lost') {
    logger.warn(
      'the server no longer has the changes since the last sync: the whole collection is read and replaces the table, so that nothing deleted meanwhile stays',
    );
  }
  if (why === 'new')
    logger.info('the table follows no change stream yet: the whole collection is read and replaces it');
  if (reads !== 'changes' || step?.from == null) return;
  const from = positionTime(step.from);
  logger.info('the change stream is read', {
    from: new Date(from).toISOString(),
    to: new Date(positionTime(step.to)).toISOString(),
    behindMs: Math.max(0, clock.now() - from),
  });
}

/** Writes the plan, before anything is read. */
async function makePlan(
  request: RunRequest,
  { run, epoch, base, state }: HeldTable,
  start: Start,
  context: RunContext,
): Promise<Plan> {
  const { storage, clock, engineVersion } = context;
  const { settings } = request;
  const { source, sourceClock, window, engine, stream } = start;
  if (state !== undefined && state.engine !== engine && !request.replace) {
    context.logger.warn(`the engine ${engine} takes the table over from ${state.engine}; there is no way back`);
  }
  const partitions =
    state === undefined || request.replace ? await newPartitions(settings, state, window, context) : state.partitions;
  const ranges = await rangesOf(request, run, start, context);
  const plan: Plan = {
    formatVersion: 1,
    run,
    epoch,
    pipeline: request.pipeline,
    collection: request.collection,
    namespace: source.namespace,
    base,
    createdAt: clock.now(),
    engineVersion,
    scope: window.scope,
    watermark: state?.watermark ?? null,
    nextWatermark: window.nextWatermark,
    cursor: cursorOf(settings),
    ...columnsOf(request),
    ...deletedFieldOf(settings),
    partitions,
    ranges,
    ...limitsOf(request, ranges.length),
    rewrite: null,
    backfill: request.mode === 'backfill',
    replace: request.replace,
    sourceKind: sourceClock.kind,
    source: sourceText(source, sourceClock),
    keepRows: keptRows(request, sourceClock.kind),
    // What is retried is on the list already.
    maxQuarantined: request.mode === 'retry' ? Number.MAX_SAFE_INTEGER : settings.maxQuarantined,
    reads: stream?.reads ?? readsOf(request),
    ...(stream?.step === undefined ? {} : { position: stream.step }),
    ...(await readSinceOf(request, start)),
    ...erasedOf(state),
    // The many jobs of a reading of everything wait behind a sync's few.
    priority: request.mode === 'backfill' || request.replace ? 10 : 1,
    engine,
    write: writeSettings(settings, engine),
  };
  crashPoint('before-plan');
  context.signal.throwIfAborted();
  await storage.putIfAbsent(planKey(run), jsonBody(plan), run);
  crashPoint('plan-written');
  const scope = plan.reads === 'changes' ? 'changes' : plan.scope.kind;
  context.logger.info('planned', { scope, base: plan.base, partitions, ranges: plan.ranges.length });
  return plan;
}

/** A repair of a table that follows a stream reads no older state than the table has, either. */
async function readSinceOf(
  { mode, settings }: RunRequest,
  { stream, source }: Start,
): Promise<Pick<Plan, 'readSince'>> {
  if (stream?.readSince !== undefined) return { readSince: stream.readSince };
  if (mode !== 'repair' || settings.mode !== 'changestream' || source.changes === undefined) return {};
  // The source of a repair is one of ids, over the one that has the stream.
  const { position } = await source.changes.end(null);
  return { readSince: position };
}

async function rangesOf(
  request: RunRequest,
  run: string,
  { source, sourceClock, window, stream }: Start,
  { storage, logger }: RunContext,
): Promise<Plan['ranges']> {
  if (request.mode === 'repair')
    return lookUpRanges(await ownLists(request.lists ?? [], run, storage), sourceClock.kind);
  if (stream?.reads === 'changes') return changeRanges(stream);
  return source.ranges(window.scope, { hidesIds: hidesIds(request.columns), warn: (message) => logger.warn(message) });
}

const READS = { sync: 'source', backfill: 'source', retry: 'quarantine', repair: 'ids' } as const;

function readsOf({ mode }: RunRequest): Plan['reads'] {
  return READS[mode];
}

/** Copies lists of ids to where they stay until the run is over. */
async function ownLists(lists: readonly IdList[], run: string, storage: Storage): Promise<readonly IdList[]> {
  const own: IdList[] = [];
  for (const [n, list] of lists.entries()) {
    const key = ownIdListKey(run, n);
    await storage.put(key, await readList(storage, list));
    own.push({ ...list, key });
  }
  return own;
}

/** What is read from the table's own list is no burden to the source. */
function limitsOf(request: RunRequest, ranges: number): Pick<Plan, 'limits'> {
  const limits = readsOf(request) !== 'quarantine' ? readLimits(request.settings, ranges) : undefined;
  return limits === undefined ? {} : { limits };
}

function columnsOf({ columns }: RunRequest): Pick<Plan, 'columns'> {
  return columns === undefined ? {} : { columns };
}

function keptRows({ mode, overwrite }: RunRequest, kind: SourceClock['kind']): KeptRows {
  if (mode === 'retry') return 'notOlder';
  // What a comparison found is older than nothing that it was compared with.
  if (mode === 'repair') return 'none';
  return kind === 'dump' && !overwrite ? 'newer' : 'none';
}

/** The number of partitions of a table that does not exist yet, or is replaced; says what its load takes before it begins. */
async function newPartitions(
  settings: RunSettings,
  state: TableState | undefined,
  window: Window,
  context: RunContext,
): Promise<number> {
  const { documents, bytes } = await context.source.estimate(window.scope);
  const partitions = partitionCount(settings.partitions, bytes);
  context.logger.info(
    state !== undefined
      ? 'the table is replaced: the whole collection is loaded'
      : window.scope.kind === 'full'
        ? 'there is no table yet: the whole collection is loaded'
        : 'there is no table yet: it begins with this window only',
    { estimatedDocuments: documents, estimatedBytes: bytes, partitions },
  );
  return partitions;
}
