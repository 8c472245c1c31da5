import { cursorText, NO_WATERMARK } from '../shared/domain/cursor.ts';
import type { Action, Metadata } from '../shared/domain/delta/actions.ts';
import { toSchemaString } from '../shared/domain/delta/schema.ts';
import { SUPPORTED_PROTOCOL } from '../shared/domain/delta/snapshot.ts';
import { HASH_VERSION } from '../shared/domain/hash.ts';
import type { BaseFile, Plan, Rewrite } from '../shared/domain/plan.ts';
import { policyText } from '../shared/domain/policy.ts';
import { positionBits } from '../shared/domain/position.ts';
import type { Counts, MergeReceipt, WrittenFile } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { changesErased } from './erased.ts';
import {
  CONFIGURATION,
  erasedApp,
  filesOf,
  headApp,
  positionApp,
  quarantineApp,
  TAGS,
  type TableState,
  watermarkApp,
} from './table.ts';
import { readBounds } from './told.ts';

const FENCE = 'FENCE';

export interface EntryInput {
  readonly plan: Plan;
  readonly state: TableState | undefined;
  readonly schema: TableSchema;
  readonly receipts: readonly MergeReceipt[];
  readonly counts: Counts;
  /** The number of the list of quarantined documents that the run leaves; `undefined` where it stays as it was. */
  readonly quarantineList: number | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Identifies a new table; a UUID. */
  readonly tableId: string;
  readonly engineVersion: string;
  /** The machine that commits. */
  readonly host: string;
}

/** The actions of a run's log entry, in the order Delta writers use: provenance, protocol, schema, transactions, files. */
export function entryActions(input: EntryInput): Action[] {
  const { plan, state, receipts, now } = input;
  const namespace = plan.namespace;
  const metaData = nextMetadata(input);
  const watermark = nextWatermark(plan, state);
  const base = new Map(filesOf(state).map((file) => [file.path, file]));
  // Who reads a table as a stream of changes passes over files that only hold rows in other places.
  const dataChange = plan.rewrite?.kind !== 'compact';
  const removed = plan.replace ? [...base.keys()] : receipts.flatMap((receipt) => receipt.removed);
  return [
    { commitInfo: commitInfo(input) },
    ...(state === undefined ? [{ protocol: SUPPORTED_PROTOCOL }] : []),
    ...(metaData === undefined ? [] : [{ metaData }]),
    ...(watermark === null
      ? []
      : [{ txn: { appId: watermarkApp(namespace), version: BigInt(watermark), lastUpdated: now } }]),
    ...(plan.position === undefined
      ? []
      : [{ txn: { appId: positionApp(namespace), version: positionBits(plan.position.to), lastUpdated: now } }]),
    ...(input.quarantineList === undefined
      ? []
      : [{ txn: { appId: quarantineApp(namespace), version: BigInt(input.quarantineList), lastUpdated: now } }]),
    ...(plan.erased === undefined || !changesErased(plan, state)
      ? []
      : [{ txn: { appId: erasedApp(namespace), version: BigInt(plan.erased), lastUpdated: now } }]),
    { txn: { appId: headApp(namespace), version: BigInt(plan.base + 1), lastUpdated: now } },
    ...removed.map((path) => removeAction(path, base.get(path), { now, dataChange })),
    ...receipts.flatMap((receipt) =>
      receipt.added.map((file) => addAction(file, file.partition ?? receipt.partition, plan.run, { now, dataChange })),
    ),
  ];
}

/** What a fence stands on, and who sets it. */
export interface FenceInput {
  /** The newest version, −1 without a log. */
  readonly base: number;
  /** `undefined` where there is no table yet. */
  readonly state: TableState | undefined;
  readonly run: string;
  readonly epoch: number;
  readonly now: number;
  /** Identifies a table that is not there yet; a UUID. */
  readonly tableId: string;
  readonly engineVersion: string;
  /** The machine that sets it. */
  readonly host: string;
}

/**
 * An entry that changes nothing: it keeps a run that stands on `base` from ever committing. Where there is no log yet, it begins one
 * that holds no table of ours.
 */
export function fenceActions({ base, state, run, epoch, now, tableId, engineVersion, host }: FenceInput): Action[] {
  const commitInfo = {
    timestamp: now,
    operation: FENCE,
    operationParameters: {},
    engineInfo: `mongolake/${engineVersion}`,
    txnId: run,
    mongolake: { run, epoch, host },
  };
  const head = state && { appId: headApp(state.namespace), version: BigInt(base + 1), lastUpdated: now };
  return [
    { commitInfo },
    ...(base < 0 ? [{ protocol: SUPPORTED_PROTOCOL }, { metaData: pendingMetadata(tableId, now) }] : []),
    ...(head === undefined ? [] : [{ txn: head }]),
  ];
}

/** Delta wants a schema from the first entry on; readers see an empty table. */
function pendingMetadata(id: string, now: number): Metadata {
  const schemaString = toSchemaString({ idType: 'string:objectId', columns: [], extra: null });
  return {
    id,
    format: { provider: 'parquet', options: {} },
    schemaString,
    partitionColumns: [],
    configuration: { [CONFIGURATION.pending]: 'true' },
    createdTime: now,
  };
}

/** Whether an entry changes nothing, and so leaves whatever stands on the version before it as good as it was. */
export function isFence(actions: readonly Action[]): boolean {
  return actions.some((action) => 'commitInfo' in action && action.commitInfo.operation === FENCE);
}

function commitInfo({ plan, state, counts, now, engineVersion, host }: EntryInput): Readonly<Record<string, unknown>> {
  const { rewrite, reads, position, write } = plan;
  return {
    timestamp: now,
    operation: operationOf(plan, state),
    operationParameters: rewrite === null ? {} : parametersOf(rewrite, write),
    operationMetrics: Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, String(value)])),
    engineInfo: `mongolake/${engineVersion}`,
    txnId: plan.run,
    mongolake: {
      run: plan.run,
      epoch: plan.epoch,
      host,
      ...(rewrite === null && (reads === 'source' || reads === 'changes') ? { window: readBounds(plan) } : {}),
      watermark: plan.nextWatermark,
      ...(position === undefined ? {} : { position }),
      counts,
      startedAt: plan.createdAt,
    },
  };
}

function parametersOf(rewrite: Rewrite, write: Plan['write']): Readonly<Record<string, string>> {
  if (rewrite.kind === 'compact') return { targetFileSize: String(write.targetFileSize) };
  return { idType: rewrite.idType.to, partitions: String(rewrite.partitions.to) };
}

function operationOf({ reads, replace, rewrite, scope, ranges }: Plan, state: TableState | undefined): string {
  if (rewrite !== null) return rewrite.kind === 'compact' ? 'COMPACT' : 'REPARTITION';
  if (reads === 'quarantine') return 'RETRY';
  if (reads === 'ids') return 'REPAIR';
  if (reads === 'changes') return 'SYNC';
  // Without an id to erase, some came off the list.
  if (reads === 'erase') return ranges.length > 0 ? 'ERASE' : 'ALLOW';
  if (replace && state !== undefined) return 'REPLACE';
  return scope.kind === 'full' ? 'BACKFILL' : 'SYNC';
}

/** The watermark that the entry tells; `null` where it stays as it was. That of a version that is replaced says nothing of the new one. */
function nextWatermark(plan: Plan, state: TableState | undefined): number | null {
  const forgets = plan.replace && state !== undefined && state.watermark !== null;
  return plan.nextWatermark ?? (forgets ? NO_WATERMARK : null);
}

/** The cursor that the table's watermark belongs to after the run; `null` where it is an older table's and not known. */
export function nextCursor(plan: Plan, state: TableState | undefined): string | null {
  const keepsWatermark = plan.rewrite !== null || (plan.nextWatermark === null && state?.watermark !== null);
  return !plan.replace && keepsWatermark && state !== undefined ? state.cursor : cursorText(plan.cursor);
}

/**
 * The table's metadata where this run makes or changes it: its schema, or its cursor, which an older table is given with whatever entry
 * comes next. Keys of the configuration that are not ours are carried over.
 */
function nextMetadata({ plan, state, schema, now, tableId }: EntryInput): Metadata | undefined {
  const schemaString = toSchemaString(schema);
  const cursor = nextCursor(plan, state);
  const followed = cursor === null ? {} : { [CONFIGURATION.cursor]: cursor };
  if (state !== undefined) {
    const { metadata } = state.snapshot;
    const sameIds = state.schema.idType === schema.idType && state.partitions === plan.partitions;
    const sameWay = sameIds && state.cursor === cursor && state.engine === plan.engine;
    if (sameWay && metadata.schemaString === schemaString && !changesPolicy(plan, state)) return undefined;
    const { [CONFIGURATION.columns]: _, ...kept } = metadata.configuration;
    const own = {
      [CONFIGURATION.partitions]: String(plan.partitions),
      [CONFIGURATION.idType]: schema.idType,
      [CONFIGURATION.engine]: plan.engine,
      ...followed,
      ...policyEntry(plan),
    };
    return { ...metadata, schemaString, configuration: { ...kept, ...own } };
  }
  return {
    id: tableId,
    name: plan.namespace.collection,
    format: { provider: 'parquet', options: {} },
    schemaString,
    partitionColumns: [],
    configuration: {
      [CONFIGURATION.source]: `${plan.namespace.database}.${plan.namespace.collection}`,
      [CONFIGURATION.partitions]: String(plan.partitions),
      [CONFIGURATION.hash]: HASH_VERSION,
      [CONFIGURATION.idType]: schema.idType,
      [CONFIGURATION.engine]: plan.engine,
      ...followed,
      ...policyEntry(plan),
    },
    createdTime: now,
  };
}

/** Whether the run's rows are made by another column policy than the table's so far. */
export function changesPolicy(plan: Pick<Plan, 'columns'>, state: Pick<TableState, 'columns'>): boolean {
  return policyText(plan.columns) !== policyText(state.columns);
}

function policyEntry({ columns }: Plan): Readonly<Record<string, string>> {
  const text = policyText(columns);
  return text === undefined ? {} : { [CONFIGURATION.columns]: text };
}

/** When a file comes or goes, and whether its rows do. */
type Change = { readonly now: number; readonly dataChange: boolean };

function addAction(file: WrittenFile, partition: number, run: string, { now, dataChange }: Change): Action {
  return {
    add: {
      path: encodeURI(file.path),
      partitionValues: {},
      size: file.size,
      modificationTime: now,
      dataChange,
      stats: file.stats,
      tags: {
        [TAGS.partition]: String(partition),
        ...(file.lower === null ? {} : { [TAGS.lower]: file.lower }),
        ...(file.upper === null ? {} : { [TAGS.upper]: file.upper }),
        [TAGS.run]: run,
        ...(file.crc32 === undefined ? {} : { [TAGS.crc32]: file.crc32 }),
      },
    },
  };
}

function removeAction(path: string, file: BaseFile | undefined, { now, dataChange }: Change): Action {
  return {
    remove: {
      path: encodeURI(path),
      deletionTimestamp: now,
      dataChange,
      extendedFileMetadata: true,
      partitionValues: {},
      ...(file === undefined ? {} : { size: file.size }),
    },
  };
}
