import type { Action, Metadata } from '../shared/domain/delta/actions.ts';
import { toSchemaString } from '../shared/domain/delta/schema.ts';
import { SUPPORTED_PROTOCOL } from '../shared/domain/delta/snapshot.ts';
import { HASH_VERSION } from '../shared/domain/hash.ts';
import type { BaseFile, Plan } from '../shared/domain/plan.ts';
import type { Counts, MergeReceipt, WrittenFile } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { CONFIGURATION, headApp, TAGS, type TableState, watermarkApp } from './table.ts';

export interface EntryInput {
  readonly plan: Plan;
  readonly state: TableState | undefined;
  readonly schema: TableSchema;
  readonly receipts: readonly MergeReceipt[];
  readonly counts: Counts;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Identifies a new table; a UUID. */
  readonly tableId: string;
  readonly engineVersion: string;
}

/** The actions of a run's log entry, in the order Delta writers use: provenance, protocol, schema, transactions, files. */
export function entryActions(input: EntryInput): Action[] {
  const { plan, state, receipts, now } = input;
  const namespace = plan.namespace;
  const metaData = nextMetadata(input);
  const base = new Map([...(state?.files.values() ?? [])].flat().map((file) => [file.path, file]));
  return [
    { commitInfo: commitInfo(input) },
    ...(state === undefined ? [{ protocol: SUPPORTED_PROTOCOL }] : []),
    ...(metaData === undefined ? [] : [{ metaData }]),
    ...(plan.nextWatermark === null
      ? []
      : [{ txn: { appId: watermarkApp(namespace), version: BigInt(plan.nextWatermark), lastUpdated: now } }]),
    { txn: { appId: headApp(namespace), version: BigInt(plan.base + 1), lastUpdated: now } },
    ...receipts.flatMap((receipt) => receipt.removed.map((path) => removeAction(path, base.get(path), now))),
    ...receipts.flatMap((receipt) => receipt.added.map((file) => addAction(file, receipt.partition, plan.run, now))),
  ];
}

/** An entry that holds nothing but its number: it keeps a run that stands on `base` from ever committing. */
export function fenceActions(
  state: TableState,
  run: string,
  epoch: number,
  now: number,
  engineVersion: string,
): Action[] {
  return [
    {
      commitInfo: {
        timestamp: now,
        operation: 'FENCE',
        operationParameters: {},
        engineInfo: `mongolake/${engineVersion}`,
        txnId: run,
        mongolake: { run, epoch },
      },
    },
    { txn: { appId: headApp(state.namespace), version: BigInt(state.version + 1), lastUpdated: now } },
  ];
}

function commitInfo({ plan, counts, now, engineVersion }: EntryInput): Readonly<Record<string, unknown>> {
  const window = plan.scope.kind === 'window' ? { from: plan.scope.from, to: plan.scope.to } : { from: null, to: null };
  return {
    timestamp: now,
    operation: plan.scope.kind === 'full' ? 'BACKFILL' : 'SYNC',
    operationParameters: {},
    operationMetrics: Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, String(value)])),
    engineInfo: `mongolake/${engineVersion}`,
    txnId: plan.run,
    mongolake: {
      run: plan.run,
      epoch: plan.epoch,
      window,
      watermark: plan.nextWatermark,
      counts,
      startedAt: plan.createdAt,
    },
  };
}

/** The table's metadata where this run makes or changes it. Keys of the configuration that are not ours are carried over. */
function nextMetadata({ plan, state, schema, now, tableId }: EntryInput): Metadata | undefined {
  const schemaString = toSchemaString(schema);
  if (state !== undefined) {
    const { metadata } = state.snapshot;
    if (metadata.schemaString === schemaString && state.engine === plan.engine) return undefined;
    const configuration = { ...metadata.configuration, [CONFIGURATION.engine]: plan.engine };
    return { ...metadata, schemaString, configuration };
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
    },
    createdTime: now,
  };
}

function addAction(file: WrittenFile, partition: number, run: string, now: number): Action {
  return {
    add: {
      path: encodeURI(file.path),
      partitionValues: {},
      size: file.size,
      modificationTime: now,
      dataChange: true,
      stats: file.stats,
      tags: {
        [TAGS.partition]: String(partition),
        ...(file.lower === null ? {} : { [TAGS.lower]: file.lower }),
        ...(file.upper === null ? {} : { [TAGS.upper]: file.upper }),
        [TAGS.run]: run,
      },
    },
  };
}

function removeAction(path: string, file: BaseFile | undefined, now: number): Action {
  return {
    remove: {
      path: encodeURI(path),
      deletionTimestamp: now,
      dataChange: true,
      extendedFileMetadata: true,
      partitionValues: {},
      ...(file === undefined ? {} : { size: file.size }),
    },
  };
}
