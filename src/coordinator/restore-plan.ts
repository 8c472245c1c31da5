import { isDeepStrictEqual } from 'node:util';
import { NO_WATERMARK } from '../shared/domain/cursor.ts';
import type { Action, AddFile, Metadata, Snapshot } from '../shared/domain/delta/actions.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { NO_POSITION } from '../shared/domain/position.ts';
import { partitionOf } from './files.ts';
import { headApp, type Namespace, positionApp, quarantineApp, type TableState, watermarkApp } from './table.ts';

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
  /** The same of the place in the change stream. */
  readonly position: bigint | undefined;
  /** Whether one of these is another. */
  readonly moves: boolean;
}

/** What differs between the newest version and the one that is to come back, whose namespace is given. */
export function restoration(newest: Snapshot, then: Snapshot, namespace: Namespace): Restoration {
  const watermark = takenBack(newest, then, watermarkApp(namespace), BigInt(NO_WATERMARK));
  const position = takenBack(newest, then, positionApp(namespace), NO_POSITION);
  return {
    added: [...then.files.values()].filter((add) => !isDeepStrictEqual(add, newest.files.get(add.path))),
    removed: [...newest.files.values()].filter(({ path }) => !then.files.has(path)),
    metadata: isDeepStrictEqual(newest.metadata, then.metadata) ? undefined : then.metadata,
    watermark: watermark.version,
    position: position.version,
    moves: watermark.moves || position.moves,
  };
}

/** The version of a `txn` as the older version has it; `none` where it has none, and the newest has. */
function takenBack(
  newest: Snapshot,
  then: Snapshot,
  app: string,
  none: bigint,
): { readonly version: bigint | undefined; readonly moves: boolean } {
  const now = newest.txns.get(app)?.version;
  const version = then.txns.get(app)?.version ?? (now === undefined ? undefined : none);
  return { version, moves: version !== now };
}

/** Whether the newest version is what the older one was. */
export function isSame({ added, removed, metadata, moves }: Restoration): boolean {
  return added.length + removed.length === 0 && metadata === undefined && !moves;
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
    ...(change.position === undefined ? [] : [txn(positionApp(namespace), change.position)]),
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
