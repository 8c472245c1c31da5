import { type Cursor, type CursorType, cursorOf, cursorText } from '../shared/domain/cursor.ts';
import { softField } from '../shared/domain/deletion.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { partitionOf } from '../shared/domain/hash.ts';
import type { ExtractJob, MergeJob } from '../shared/domain/job.ts';
import { jobId } from '../shared/domain/job.ts';
import { compactFiles } from '../shared/domain/joins.ts';
import { rewriteGroups } from '../shared/domain/partitions.ts';
import type {
  BaseFile,
  EngineName,
  MergeInput,
  Plan,
  Repartition,
  RunMode,
  Section,
  WriteSettings,
} from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { emptySketch, mergeSketch, type Sketch, sketchFromJson } from '../shared/domain/sketch.ts';
import { decideWindow, type TableMode, type Window, type WindowInput } from '../shared/domain/window.ts';
import type { SourceClock } from '../shared/ports/source.ts';
import { checkPolicy, rereads } from './policy.ts';
import type { TableState } from './table.ts';

/** The extract jobs of a plan: one per range. */
export function extractJobs(plan: Plan): readonly ExtractJob[] {
  return plan.ranges.map((_, ordinal) => ({
    kind: 'extract',
    id: jobId(plan.run, 'extract', ordinal),
    pipeline: plan.pipeline,
    collection: plan.collection,
    run: plan.run,
    priority: plan.priority,
    ordinal,
  }));
}

/** All sketches of a run as one, in the order of the ranges, so that the same documents always give the same schema. */
export function foldSketches(receipts: readonly ExtractReceipt[]): Sketch {
  const sketch = emptySketch();
  for (const receipt of receipts) mergeSketch(sketch, sketchFromJson(receipt.sketch));
  return sketch;
}

/** One merge input per partition that the delta touches, ascending. */
export function mergeInputs(receipts: readonly ExtractReceipt[], state: TableState | undefined): readonly MergeInput[] {
  const sections = new Map<number, Section[]>();
  for (const { ordinal, segment, partitions } of receipts) {
    for (const [partition, chunks] of Object.entries(partitions)) {
      const list = sections.get(Number(partition)) ?? [];
      list.push({ ordinal, segment, chunks });
      sections.set(Number(partition), list);
    }
  }
  return [...sections]
    .sort(([a], [b]) => a - b)
    .map(([partition, own]) => ({
      partition,
      documents: own.flatMap((section) => section.chunks).reduce((sum, chunk) => sum + chunk.documents, 0),
      base: state?.files.get(partition) ?? [],
      sections: own,
    }));
}

/** One merge input per group of partitions that has files, ascending: all of these, and nothing to merge. */
export function repartitionInputs(state: TableState, { partitions }: Repartition): readonly MergeInput[] {
  const groups = new Map<number, BaseFile[]>();
  for (const [partition, files] of state.files) {
    const group = partitionOf(partition, rewriteGroups(partitions));
    const own = groups.get(group);
    if (own === undefined) groups.set(group, [...files]);
    else own.push(...files);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([partition, base]) => ({ partition, documents: 0, base, sections: [] }));
}

/** One merge input per partition of which a compaction to files of `target` bytes writes some anew, ascending: these files. */
export function compactInputs({ files }: Pick<TableState, 'files'>, target: number): readonly MergeInput[] {
  return [...files]
    .sort(([a], [b]) => a - b)
    .flatMap(([partition, own]) => {
      const compacted = compactFiles(own, target);
      return compacted === undefined ? [] : [{ partition, documents: 0, sections: [], ...compacted }];
    });
}

export function mergeJobs(plan: Plan, inputs: readonly MergeInput[]): readonly MergeJob[] {
  return inputs.map(({ partition }) => ({
    kind: 'merge',
    id: jobId(plan.run, 'merge', partition),
    pipeline: plan.pipeline,
    collection: plan.collection,
    run: plan.run,
    priority: plan.priority,
    partition,
  }));
}

/** Whether the run replaces the table by what it reads: one that was asked to, and each that reads a collection of mode `full`. */
export function replaces({ mode, replace, settings }: WindowRequest): boolean {
  return mode !== 'retry' && mode !== 'repair' && (replace || settings.mode === 'full');
}

/**
 * The window and the engine of a run on a table as it stands. Throws what speaks against the run: `TABLE_NAMESPACE`, `TABLE_ENGINE`,
 * `CLOCK_SKEW`, `USAGE`, `TABLE_CURSOR`, `TABLE_POLICY`. Engine, cursor and column policy of a table that is replaced bind nothing.
 */
export function decideStart(
  request: StartRequest,
  state: TableState | undefined,
  { namespace, clock, uri, now }: StartFacts,
): { readonly window: Window; readonly engine: EngineName } {
  if (state !== undefined) checkNamespace(state, { namespace }, uri);
  const isNew = replaces(request);
  const engine = isNew ? request.settings.engine : engineFor(state, request.settings.engine, uri);
  const window = startWindow(request, state, clock, now);
  if (state !== undefined && !isNew) checkPolicy(state, request.columns, rereads(request, window.scope), uri);
  return { window, engine };
}

/** What is asked of a run, as far as it decides how the run begins. */
export interface StartRequest extends WindowRequest {
  readonly settings: WindowSettings & { readonly engine: EngineName };
  readonly columns?: TablePolicy | undefined;
}

/** What is asked of a run, as far as it decides what is read. */
interface WindowRequest {
  readonly mode: RunMode;
  /** Exclusive bounds of the cursor, epoch milliseconds; `null` where not given. */
  readonly from: number | null;
  readonly to: number | null;
  /** The table is to hold what is read, and nothing else. */
  readonly replace: boolean;
  readonly settings: WindowSettings;
}

interface StartFacts {
  readonly namespace: Plan['namespace'];
  /** Of the source. */
  readonly clock: SourceClock;
  /** Of the table. */
  readonly uri: string;
  readonly now: number;
}

interface WindowSettings {
  readonly mode: TableMode;
  readonly allowedLateness: number;
  readonly cursorField: string;
  readonly cursorType: CursorType;
}

/** What of a table's settings goes into its plans. */
export function writeSettings(settings: WriteSettings, engine: EngineName): WriteSettings {
  const { targetFileSize, rowGroupSize, compressionLevel } = settings;
  // The only codec that parquetjs-lite writes well.
  const compression = engine === 'parquetjs' ? 'snappy' : settings.compression;
  return { targetFileSize, rowGroupSize, compression, compressionLevel };
}

/** The part of a plan that says which documents are deleted. */
export function deletedFieldOf(settings: Parameters<typeof softField>[0]): Pick<Plan, 'deletedField'> {
  const deletedField = softField(settings);
  return deletedField === undefined ? {} : { deletedField };
}

/** Refuses a table that belongs to another collection. */
export function checkNamespace(state: Pick<TableState, 'namespace'>, plan: Pick<Plan, 'namespace'>, uri: string): void {
  const { database, collection } = state.namespace;
  if (database === plan.namespace.database && collection === plan.namespace.collection) return;
  throw new MongolakeError(
    'TABLE_NAMESPACE',
    `${uri} is the table of ${database}.${collection}, not of ${plan.namespace.database}.${plan.namespace.collection}`,
    { hint: 'Give this collection a table of its own: change table.uri or source in the configuration.' },
  );
}

/**
 * The engine of a run: a new table gets the configured one. DuckDB takes over a table of parquetjs, whose files it reads; parquetjs
 * can't read DuckDB's: `TABLE_ENGINE`.
 */
export function engineFor(state: TableState | undefined, configured: EngineName, uri: string): EngineName {
  if (state === undefined || state.engine === configured || configured === 'duckdb') return configured;
  throw new MongolakeError(
    'TABLE_ENGINE',
    `${uri} is a table of the engine ${state.engine}, which ${configured} can't read`,
    {
      hint: `Set engine: ${state.engine} for this table, or load the collection into a new table.`,
    },
  );
}

/**
 * The window of a run on a table as it stands. The watermark of another cursor means nothing to this one: only a run that reads
 * everything takes a new cursor. Throws `CLOCK_SKEW`, `USAGE`, `TABLE_CURSOR`.
 */
export function startWindow(
  request: WindowRequest,
  state: TableState | undefined,
  source: SourceClock,
  now: number,
): Window {
  const { from, to, settings } = request;
  const cursor = cursorOf(settings);
  const isNew = replaces(request);
  if (isNew || settings.mode === 'changestream') refuseBounds(request);
  if (request.mode === 'repair') {
    if (state !== undefined && settings.mode === 'incremental') checkTableCursor(state, cursor);
    return { scope: { kind: 'full' }, nextWatermark: state?.watermark ?? null };
  }
  // Its place is in the stream, not on a clock.
  if (settings.mode === 'changestream' || (isNew && settings.mode === 'full'))
    return { scope: { kind: 'full' }, nextWatermark: null };
  const input: WindowInput = {
    // What is retried has been read before: its window is open on both sides. So is that of a table that is replaced.
    mode: request.mode === 'sync' && !isNew ? 'sync' : 'backfill',
    from,
    to,
    // That of the version which is replaced says nothing of what is read now.
    watermark: isNew ? null : (state?.watermark ?? null),
    source,
    now,
    allowedLatenessMs: settings.allowedLateness,
    cursor,
  };
  const window = decideWindow(input);
  if (state === undefined || !followsOther(state, cursor)) return window;
  if (window.scope.kind === 'window') checkTableCursor(state, cursor);
  return decideWindow({ ...input, watermark: null });
}

/** What replaces a table is all that is read, and a change stream has no cursor. Throws `USAGE`. */
function refuseBounds({ from, to, settings }: WindowRequest): void {
  if (from === null && to === null) return;
  if (settings.mode === 'full') {
    throw new MongolakeError(
      'USAGE',
      'mode: full reads the whole collection at each run: --from and --to bound nothing',
      {
        hint: 'Leave them out, or set mode: incremental where the collection has a cursor field.',
      },
    );
  }
  if (settings.mode === 'changestream') {
    throw new MongolakeError('USAGE', 'source.mode: changestream has no cursor: --from and --to bound nothing', {
      hint: 'Leave them out: a sync reads what came since the last one.',
    });
  }
  throw new MongolakeError(
    'USAGE',
    '--replace leaves nothing in the table but what is read: it takes no --from and --to',
    {
      hint: 'Leave them out; or leave --replace out, and the documents between them are merged into the table.',
    },
  );
}

/** Refuses a cursor that the table's watermark does not belong to. Throws `TABLE_CURSOR`. */
export function checkTableCursor(state: TableState, cursor: Cursor): void {
  if (!followsOther(state, cursor)) return;
  throw new MongolakeError(
    'TABLE_CURSOR',
    `the table follows the cursor ${state.cursor}, the configuration says ${cursorText(cursor)}, for which its watermark means nothing`,
    {
      hint: 'Run `mongolake backfill` once: it reads the whole collection and takes the new cursor. Or change cursorField and cursorType back.',
    },
  );
}

function followsOther(state: TableState, cursor: Cursor): boolean {
  return state.cursor !== null && state.cursor !== cursorText(cursor);
}
