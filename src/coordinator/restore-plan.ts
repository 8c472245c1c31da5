import { isDeepStrictEqual } from 'node:util';
import { NO_WATERMARK } from '../shared/domain/cursor.ts';
import type { Action, AddFile, Metadata, Snapshot } from '../shared/domain/delta/actions.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { partitionOf } from './files.ts';
import { headApp, type Namespace, quarantineApp, type TableState, watermarkApp } from './table.ts';

/** What it takes to make the newest version what an older one was. */
export interface Restoration {
  /** Files of the older version that the newest does not have, or has otherwise. */
  readonly added: readonly AddFile[];
  /** Files of the newest that the older one did not have. */
  readonly removed: readonly AddFile[];
  /** Schema, configuration and all; `undefined` where they are the same. */
  readonly metadata: Metadata | undefined;
  /** The version of the watermark's `txn`; `undefined` where neither has one. */
  readonly watermark: bigint | undefined;
  /** Whether the watermark is another. */
  readonly movesWatermark: boolean;
}

/** What differs between the newest version and the one that is to come back, whose namespace is given. */
export function restoration(newest: Snapshot, then: Snapshot, namespace: Namespace): Restoration {
  const app = watermarkApp(namespace);
  const now = newest.txns.get(app)?.version;
  const watermark = then.txns.get(app)?.version ?? (now === undefined ? undefined : BigInt(NO_WATERMARK));
  return {
    added: [...then.files.values()].filter((add) => !isDeepStrictEqual(add, newest.files.get(add.path))),
    removed: [...newest.files.values()].filter(({ path }) => !then.files.has(path)),
    metadata: isDeepStrictEqual(newest.metadata, then.metadata) ? undefined : then.metadata,
    watermark,
    movesWatermark: watermark !== now,
  };
}

/** Whether the newest version is what the older one was. */
export function isSame({ added, removed, metadata, movesWatermark }: Restoration): boolean {
  return added.length + removed.length === 0 && metadata === undefined && !movesWatermark;
}

/** Throws `TABLE_FOREIGN` where a file of the version was made by another writer: no run could merge into it. */
export function checkOwnFiles({ version, snapshot }: Pick<TableState, 'version' | 'snapshot'>, uri: string): void {
  const other = [...snapshot.files.values()].find((add) => partitionOf(add) === null);
  if (other === undefined) return;
  throw new MongolakeError(
    'TABLE_FOREIGN',
    `${uri}: ${other.path} of version ${version} was not written by mongolake`,
    {
      hint: 'Choose a version from before another writer’s: `mongolake history` says who wrote each.',
    },
  );
}

export interface RestoreEntry {
  readonly change: Restoration;
  readonly namespace: Namespace;
  /** The version that comes back. */
  readonly restored: number;
  /** The number of the list of quarantined documents that the table gets; `undefined` where it stays. */
  readonly quarantineList: number | undefined;
  readonly run: string;
  readonly epoch: number;
  /** The newest version. */
  readonly base: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly engineVersion: string;
  readonly host: string;
}

/** The actions of the log entry after `base` that puts an older version back. */
export function restoreActions(entry: RestoreEntry): Action[] {
  const { change, namespace, base, now, quarantineList } = entry;
  const txn = (appId: string, version: bigint): Action => ({ txn: { appId, version, lastUpdated: now } });
  return [
    { commitInfo: commitInfo(entry) },
    ...(change.metadata === undefined ? [] : [{ metaData: change.metadata }]),
    ...(change.watermark === undefined ? [] : [txn(watermarkApp(namespace), change.watermark)]),
    ...(quarantineList === undefined ? [] : [txn(quarantineApp(namespace), BigInt(quarantineList))]),
    txn(headApp(namespace), BigInt(base + 1)),
    ...change.removed.map(({ path, size, partitionValues }) => ({
      remove: { path, deletionTimestamp: now, dataChange: true, extendedFileMetadata: true, partitionValues, size },
    })),
    ...change.added.map((add) => ({ add: { ...add, dataChange: true } })),
  ];
}

function commitInfo({
  restored,
  run,
  epoch,
  now,
  engineVersion,
  host,
}: RestoreEntry): Readonly<Record<string, unknown>> {
  return {
    timestamp: now,
    operation: 'RESTORE',
    operationParameters: { version: String(restored) },
    engineInfo: `mongolake/${engineVersion}`,
    txnId: run,
    mongolake: { run, epoch, host },
  };
}
