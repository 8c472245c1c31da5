import type { Comparison, IdList } from '../shared/domain/comparison.ts';
import { cursorOf, isWithinId } from '../shared/domain/cursor.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { FOLD_LIMITS, foldSchema } from '../shared/domain/fold.ts';
import type { ExtractRange } from '../shared/domain/job.ts';
import type { MergeInput, Plan, RunSchema } from '../shared/domain/plan.ts';
import { fieldPolicies, hidesIds, type TablePolicy } from '../shared/domain/policy.ts';
import { readLimits } from '../shared/domain/read-limits.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { decideWindow } from '../shared/domain/window.ts';
import { partOf } from '../shared/id-source.ts';
import type { Source, SourceClock } from '../shared/ports/source.ts';
import type { RunSettings } from './carry-out.ts';
import { erasedOf } from './erased.ts';
import {
  checkNamespace,
  checkTableCursor,
  deletedFieldOf,
  engineFor,
  foldSketches,
  mergeInputs,
  writeSettings,
} from './plan.ts';
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
  /** The share of all rows that a repair may delete. */
  readonly deletesAtMost: number;
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
  { settings, columns }: Pick<VerifyRequest, 'settings' | 'columns'>,
  state: TableState,
  { namespace, uri }: { readonly namespace: Plan['namespace']; readonly uri: string },
): void {
  checkNamespace(state, { namespace }, uri);
  engineFor(state, settings.engine, uri);
  if (settings.mode === 'incremental') checkTableCursor(state, cursorOf(settings));
  checkPolicy(state, columns, false, uri);
  if (!hidesIds(columns)) return;
  throw new MongolakeError('TABLE_POLICY', `${uri} has hashes of its ids, by which no document can be looked up`, {
    hint: 'Such a table is made right by `mongolake backfill --replace`.',
  });
}

/** Reads everything: in a deep comparison whole documents, else no more of them than ids and cursors. */
export function firstLook(means: Means, run: string, source: Source, ranges: Plan['ranges']): Plan {
  const { request, state, clock, now, engineVersion } = means;
  const { pipeline, collection, settings, columns, isDeep } = request;
  const own: TablePolicy | undefined = isDeep ? columns : { include: [settings.cursorField] };
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
    ...deletedFieldOf(settings),
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
    ...erasedOf(state),
    comparison: comparisonOf(means),
    priority: VERIFY_PRIORITY,
    engine: settings.engine,
    write: writeSettings(settings, settings.engine),
  };
}

/** So many of the ranges as are to be read, at random, in their order; at least one. `random` draws from [0, 1). */
export function sampled<T>(ranges: readonly T[], share: number, random: () => number): readonly T[] {
  const wanted = Math.max(1, Math.round(ranges.length * share));
  const drawn = ranges.map((range, index) => ({ range, index, lot: random() })).sort((a, b) => a.lot - b.lot);
  const picked = drawn.slice(0, wanted).sort((a, b) => a.index - b.index);
  return picked.map(({ range }) => range);
}

/** Ids of one range, at least where there are so many. */
const RANGE_IDS = 50_000;

/** Lists that are looked up together: a server is asked for many ids at once, and a dump is read for all of them once. */
export function lookUpRanges(lists: readonly IdList[], kind: Plan['sourceKind']): readonly ExtractRange[] {
  const groups: IdList[][] = [];
  let ids = Number.POSITIVE_INFINITY;
  for (const list of lists) {
    if (ids >= RANGE_IDS && (kind === 'live' || groups.length === 0)) {
      groups.push([]);
      ids = 0;
    }
    groups.at(-1)?.push(list);
    ids += list.ids;
  }
  return groups.map((group) => ({ scope: { kind: 'full' }, part: partOf(group) }));
}

/** Reads whole documents by the ids that differed. */
export function secondLook(first: Plan, run: string, lists: readonly IdList[], request: VerifyRequest): Plan {
  const { columns: _, limits: __, ...rest } = first;
  const { columns, settings } = request;
  const ranges = lookUpRanges(lists, first.sourceKind);
  const limits = readLimits(settings, ranges.length);
  return {
    ...rest,
    ...(columns === undefined ? {} : { columns }),
    run,
    ranges,
    ...(limits === undefined ? {} : { limits }),
    reads: 'ids',
    comparison: { ...(first.comparison as Comparison), isWhole: false },
  };
}

/** A row that may be newer than the dump says nothing of it; where it can't be told which are, none is taken for gone. */
function comparisonOf({ request, state, clock, now }: Means): Comparison {
  const { settings, isDeep, sample } = request;
  const { watermark: documentsUntil } = state;
  const cursor = cursorOf(settings);
  if (clock.kind === 'live') return { isWhole: sample === 1, isDeep, documentsUntil, rowsUntil: null };
  const { scope: _, nextWatermark: rowsUntil } = decideWindow({
    mode: 'backfill',
    from: null,
    to: null,
    watermark: null,
    source: clock,
    now,
    allowedLatenessMs: settings.allowedLateness,
    cursor,
  });
  const isWhole = sample === 1 && rowsUntil !== null && !isWithinId(cursor);
  return { isWhole, isDeep, documentsUntil, rowsUntil };
}

/** The schemas of documents and rows; the same where all columns are compared. */
export function comparedSchema(plan: Plan, state: TableState, extracted: readonly ExtractReceipt[]): RunSchema {
  const sketch = foldSketches(extracted);
  const { idType } = state.schema;
  const isDeep = plan.comparison?.isDeep === true;
  const before = isDeep ? state.schema : { idType, columns: [], extra: null };
  const schema = foldSchema(before, sketch, FOLD_LIMITS, fieldPolicies(plan.columns));
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
