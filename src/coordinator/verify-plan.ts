import type { Comparison, IdList } from '../shared/domain/comparison.ts';
import { cursorOf } from '../shared/domain/cursor.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { FOLD_LIMITS, foldSchema } from '../shared/domain/fold.ts';
import type { MergeInput, Plan, RunSchema } from '../shared/domain/plan.ts';
import { fieldPolicies, hidesIds, type TablePolicy, tablePolicy } from '../shared/domain/policy.ts';
import { readLimits } from '../shared/domain/read-limits.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import type { Source, SourceClock } from '../shared/ports/source.ts';
import type { RunSettings } from './carry-out.ts';
import { checkNamespace, checkTableCursor, engineFor, foldSketches, mergeInputs, writeSettings } from './plan.ts';
import { checkPolicy } from './policy.ts';
import type { TableState } from './table.ts';
import { sourceText } from './unfinished.ts';

/** Which table is compared with its source, and how. */
export interface VerifyRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  readonly columns?: TablePolicy | undefined;
  /** Rows in every column, not only by their cursors. */
  readonly isDeep: boolean;
  /** The share of the source's ranges that is read, above 0 and at most 1. Below 1 nothing is found that is gone. */
  readonly sample: number;
  /** Whether what differs is made right, in one version. */
  readonly repairs: boolean;
}

/** Behind a sync's jobs. */
const VERIFY_PRIORITY = 10;

/** What a comparison begins with. */
export interface Means {
  readonly request: VerifyRequest;
  readonly state: TableState;
  /** Of the source. */
  readonly clock: SourceClock;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly engineVersion: string;
}

/**
 * Refuses what can't be compared: the table of another collection, cursor or column policy, and one whose ids are hashed, for which no source can be
 * asked. Throws `TABLE_NAMESPACE`, `TABLE_CURSOR`, `TABLE_POLICY`, `TABLE_ENGINE`.
 */
export function checkVerifiable(
  { settings, columns }: VerifyRequest,
  state: TableState,
  { namespace, uri }: { readonly namespace: Plan['namespace']; readonly uri: string },
): void {
  checkNamespace(state, { namespace }, uri);
  engineFor(state, settings.engine, uri);
  if (settings.mode !== 'full') checkTableCursor(state, cursorOf(settings));
  checkPolicy(state, columns, false, uri);
  if (!hidesIds(columns)) return;
  throw new MongolakeError('TABLE_POLICY', `${uri} has hashes of its ids, by which no document can be looked up`, {
    hint: 'Such a table is made right by `mongolake backfill --replace`.',
  });
}

/** Reads everything: in a deep comparison whole documents, else no more of them than ids and cursors. */
export function firstLook(
  { request, state, clock, now, engineVersion }: Means,
  run: string,
  source: Source,
  ranges: Plan['ranges'],
): Plan {
  const { pipeline, collection, settings, columns, isDeep } = request;
  const { deletes, deletedField } = settings;
  const own = isDeep ? columns : keysOnly(request);
  const limits = readLimits(settings, ranges.length);
  return {
    formatVersion: 1,
    run,
    epoch: 0,
    pipeline,
    collection,
    namespace: source.namespace,
    base: state.version,
    createdAt: now,
    engineVersion,
    scope: { kind: 'full' },
    watermark: state.watermark,
    nextWatermark: state.watermark,
    cursor: cursorOf(settings),
    ...(own === undefined ? {} : { columns: own }),
    ...(deletes === 'soft' ? { deletedField } : {}),
    partitions: state.partitions,
    ranges,
    ...(limits === undefined ? {} : { limits }),
    rewrite: null,
    backfill: false,
    replace: false,
    sourceKind: clock.kind,
    source: sourceText(source, clock),
    keepRows: 'none',
    // What can't be stored is told by the runs that read it.
    maxQuarantined: Number.MAX_SAFE_INTEGER,
    reads: 'source',
    comparison: comparisonOf(request, state, clock),
    priority: VERIFY_PRIORITY,
    engine: engineFor(state, settings.engine, ''),
    write: writeSettings(settings, state.engine),
  };
}

/** So many of the ranges as are to be read, at random, in their order; at least one. `random` draws from [0, 1). */
export function sampled<T>(ranges: readonly T[], share: number, random: () => number): readonly T[] {
  const wanted = Math.max(1, Math.round(ranges.length * share));
  const drawn = ranges.map((range, index) => ({ range, index, lot: random() })).sort((a, b) => a.lot - b.lot);
  const picked = drawn.slice(0, wanted).sort((a, b) => a.index - b.index);
  return picked.map(({ range }) => range);
}

/** Reads whole documents by the ids that differed, a range for each list. */
export function secondLook(first: Plan, run: string, lists: readonly IdList[], columns: TablePolicy | undefined): Plan {
  const { columns: _, ...rest } = first;
  return {
    ...rest,
    ...(columns === undefined ? {} : { columns }),
    run,
    ranges: lists.map(({ key }) => ({ scope: first.scope, part: key })),
    reads: 'ids',
    comparison: { ...(first.comparison as Comparison), isWhole: false },
  };
}

function comparisonOf({ isDeep, sample }: VerifyRequest, { watermark }: TableState, clock: SourceClock): Comparison {
  // A row that is newer than the dump says nothing of it.
  const rowsUntil = clock.kind === 'dump' ? (clock.serverTime ?? watermark) : null;
  return { isWhole: sample === 1, isDeep, documentsUntil: watermark, rowsUntil };
}

function keysOnly({ settings }: VerifyRequest): TablePolicy | undefined {
  const { cursorField, deletes, deletedField } = settings;
  return tablePolicy({ include: [cursorField, ...(deletes === 'soft' ? [deletedField] : [])] }, undefined);
}

/** The schemas of documents and rows; the same where all columns are compared. */
export function comparedSchema(plan: Plan, state: TableState, extracted: readonly ExtractReceipt[]): RunSchema {
  const sketch = foldSketches(extracted);
  const { idType } = state.schema;
  const isDeep = plan.comparison?.isDeep === true;
  const before = isDeep ? state.schema : { idType, columns: [], extra: null };
  const schema = foldSchema(before, sketch, FOLD_LIMITS, isDeep ? fieldPolicies(plan.columns) : undefined);
  return { schema, table: isDeep ? schema : state.schema };
}

/** One input per partition that has documents or, where everything is compared, files. */
export function compareInputs(
  { comparison }: Plan,
  extracted: readonly ExtractReceipt[],
  state: TableState,
): readonly MergeInput[] {
  const inputs = mergeInputs(extracted, state);
  if (comparison?.isWhole !== true) return inputs;
  const read = new Set(inputs.map(({ partition }) => partition));
  const others = [...state.files]
    .filter(([partition]) => !read.has(partition))
    .map(([partition, base]) => ({ partition, documents: 0, base, sections: [] }));
  return [...inputs, ...others].sort((a, b) => a.partition - b.partition);
}
