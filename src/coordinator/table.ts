import { NO_WATERMARK } from '../shared/domain/cursor.ts';
import type { Snapshot } from '../shared/domain/delta/actions.ts';
import { fromSchemaString } from '../shared/domain/delta/schema.ts';
import { numRecords } from '../shared/domain/delta/stats.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { HASH_VERSION } from '../shared/domain/hash.ts';
import { compareIds, type IdType } from '../shared/domain/ids.ts';
import { type BaseFile, ENGINES, type EngineName } from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import { NO_POSITION, type Position, positionOf } from '../shared/domain/position.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { openTable } from './log.ts';

export interface Namespace {
  readonly database: string;
  readonly collection: string;
}

/** Keys of `metaData.configuration` that are ours. */
export const CONFIGURATION = {
  partitions: 'mongolake.partitions',
  hash: 'mongolake.hash',
  idType: 'mongolake.idType',
  engine: 'mongolake.engine',
  source: 'mongolake.source',
  cursor: 'mongolake.cursor',
  columns: 'mongolake.columns',
  /** In a log that a fence began: the table is yet to come. */
  pending: 'mongolake.pending',
} as const;

/** Keys of `add.tags` that are ours. */
export const TAGS = {
  partition: 'mongolake.partition',
  lower: 'mongolake.lower',
  upper: 'mongolake.upper',
  run: 'mongolake.run',
  crc32: 'mongolake.crc32',
} as const;

/**
 * The `txn` whose version is the watermark, the one whose version is the place in the change stream, the one whose version is its own entry's, and
 * the one whose version names the list of quarantined documents.
 */
export function watermarkApp(source: Namespace): string {
  return `mongolake/${source.database}.${source.collection}`;
}
export function positionApp(source: Namespace): string {
  return `${watermarkApp(source)}/changes`;
}
export function headApp(source: Namespace): string {
  return `${watermarkApp(source)}/head`;
}
export function quarantineApp(source: Namespace): string {
  return `${watermarkApp(source)}/quarantine`;
}

/** The `txn` whose version names the list of erased ids. */
export function erasedApp(source: Namespace): string {
  return `${watermarkApp(source)}/erased`;
}

/** A committed version, as a run needs it. */
export interface TableState {
  readonly snapshot: Snapshot;
  readonly version: number;
  readonly schema: TableSchema;
  readonly partitions: number;
  /** What its files are read and written with. */
  readonly engine: EngineName;
  /** Epoch milliseconds; `null` where no run could tell one yet. */
  readonly watermark: number | null;
  /** From where on it follows the source's change stream; `null` where it does not. */
  readonly position: Position | null;
  /** The cursor that the watermark belongs to, as `cursorText` has it; `null` in a table older than this key. */
  readonly cursor: string | null;
  readonly namespace: Namespace;
  /** The column policy that its rows were made with; `undefined` where they have everything. */
  readonly columns: TablePolicy | undefined;
  /** Partition → its files in id order. */
  readonly files: ReadonlyMap<number, readonly BaseFile[]>;
  /** The version of the newest checkpoint used to open it. */
  readonly checkpointVersion: number | undefined;
  readonly notes: readonly string[];
}

/** All files of a version; none where there is no table yet. */
export function filesOf(state: Pick<TableState, 'files'> | undefined): readonly BaseFile[] {
  return [...(state?.files.values() ?? [])].flat();
}

/** The error for what needs a table where none is yet. */
export function tableMissing(storage: Pick<Storage, 'uri'>): MongolakeError {
  return new MongolakeError('TABLE_MISSING', `${storage.uri}: there is no table yet`, {
    hint: 'Load it with `mongolake sync`.',
  });
}

/** The newest version of a log, and the table that it holds. */
export interface OpenedState {
  /** −1 where there is no log. */
  readonly version: number;
  /** `undefined` where there is no table: no log, or one that was only begun to fence off a first load that crashed. */
  readonly state: TableState | undefined;
}

/** Opens the newest version. Throws `TABLE_FOREIGN`, `TABLE_CORRUPT`. */
export async function openNewest(storage: Storage): Promise<OpenedState> {
  const opened = await openTable(storage);
  if (opened === undefined) return { version: -1, state: undefined };
  const { snapshot, checkpointVersion, notes } = opened;
  if (isPending(snapshot)) return { version: snapshot.version, state: undefined };
  return { version: snapshot.version, state: { ...interpret(snapshot, storage.uri), checkpointVersion, notes } };
}

/**
 * As `openNewest`, for what puts an older version in the place of the newest: one that is not ours is no table of ours, and no error.
 * Throws `TABLE_CORRUPT`, and `TABLE_FOREIGN` for a protocol above ours.
 */
export async function openNewestOfAny(storage: Storage): Promise<OpenedState> {
  try {
    return await openNewest(storage);
  } catch (error) {
    if (!(error instanceof MongolakeError) || error.code !== 'TABLE_FOREIGN') throw error;
    const opened = await openTable(storage);
    return { version: opened?.snapshot.version ?? -1, state: undefined };
  }
}

/** The newest version of the table; `undefined` where there is none. Errors as for `openNewest`. */
export async function openState(storage: Storage): Promise<TableState | undefined> {
  return (await openNewest(storage)).state;
}

/** Whether the log was begun by a fence and has no table yet. */
export function isPending({ metadata }: Snapshot): boolean {
  return metadata.configuration[CONFIGURATION.pending] === 'true';
}

/** Reads what is ours from a snapshot. Throws `TABLE_FOREIGN` where the table, or its newest entry, is someone else's. */
export function interpret(snapshot: Snapshot, uri: string): Omit<TableState, 'checkpointVersion' | 'notes'> {
  const { configuration, schemaString } = snapshot.metadata;
  const source = configuration[CONFIGURATION.source];
  const partitions = Number(configuration[CONFIGURATION.partitions]);
  if (source === undefined || !Number.isInteger(partitions)) {
    throw new MongolakeError('TABLE_FOREIGN', `${uri} is a Delta table that mongolake did not make`, {
      hint: 'Choose another folder for the table.',
    });
  }
  const hash = configuration[CONFIGURATION.hash];
  if (hash !== HASH_VERSION) {
    throw new MongolakeError(
      'TABLE_FOREIGN',
      `${uri} is partitioned by hash ${hash}, this version knows ${HASH_VERSION}`,
      {
        hint: 'Use the version of mongolake that made the table, or a newer one.',
      },
    );
  }
  const dot = source.indexOf('.');
  const namespace = { database: source.slice(0, dot), collection: source.slice(dot + 1) };
  refuseForeignHead(snapshot, namespace, uri);
  const idType = configuration[CONFIGURATION.idType] as IdType;
  const watermark = snapshot.txns.get(watermarkApp(namespace));
  return {
    snapshot,
    version: snapshot.version,
    schema: fromSchemaString(schemaString, idType),
    partitions,
    engine: engineOf(configuration[CONFIGURATION.engine], uri),
    watermark: watermarkOf(watermark?.version),
    position: positionIn(snapshot.txns.get(positionApp(namespace))?.version),
    cursor: configuration[CONFIGURATION.cursor] ?? null,
    namespace,
    columns: readPolicy(configuration[CONFIGURATION.columns]),
    files: filesByPartition(snapshot, idType),
  };
}

/** The watermark that the version of its `txn` tells; `null` where there is none, or none any more. */
export function watermarkOf(version: bigint | undefined): number | null {
  return version === undefined || version === BigInt(NO_WATERMARK) ? null : Number(version);
}

/** The place in the change stream that the version of its `txn` tells; `null` where there is none, or none any more. */
export function positionIn(version: bigint | undefined): Position | null {
  return version === undefined || version === NO_POSITION ? null : positionOf(version);
}

function readPolicy(text: string | undefined): TablePolicy | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as TablePolicy);
}

function engineOf(name: string | undefined, uri: string): EngineName {
  const engine = ENGINES.find((known) => known === name);
  if (engine !== undefined) return engine;
  throw new MongolakeError(
    'TABLE_FOREIGN',
    `${uri} is written by the engine ${name}, which this version does not know`,
    {
      hint: 'Use the version of mongolake that made the table, or a newer one.',
    },
  );
}

function refuseForeignHead(snapshot: Snapshot, namespace: Namespace, uri: string): void {
  const head = snapshot.txns.get(headApp(namespace))?.version;
  if (head === BigInt(snapshot.version)) return;
  throw new MongolakeError(
    'TABLE_FOREIGN',
    `${uri}: version ${snapshot.version} was not written by mongolake (its last own version is ${head ?? 'unknown'})`,
    {
      hint: `Someone ran OPTIMIZE, DELETE or another writer on this table. ${restoreHint(head)} (docs/history.md), or load into a new table.`,
    },
  );
}

function restoreHint(head: bigint | undefined): string {
  if (head === undefined)
    return 'Look at `mongolake history`, and restore the last own version with `mongolake restore --version`';
  return `\`mongolake restore --version ${head}\` makes the table what its last own version was`;
}

function filesByPartition(snapshot: Snapshot, idType: IdType): ReadonlyMap<number, readonly BaseFile[]> {
  const files = new Map<number, BaseFile[]>();
  for (const add of snapshot.files.values()) {
    const partition = Number(add.tags?.[TAGS.partition]);
    const crc32 = add.tags?.[TAGS.crc32];
    const file: BaseFile = {
      path: decodeURIComponent(add.path),
      size: add.size,
      ...(crc32 === undefined ? {} : { crc32 }),
      rows: numRecords(add.stats),
      lower: add.tags?.[TAGS.lower] ?? null,
      upper: add.tags?.[TAGS.upper] ?? null,
    };
    const list = files.get(partition);
    if (list === undefined) files.set(partition, [file]);
    else list.push(file);
  }
  for (const list of files.values()) list.sort((a, b) => compareLower(idType, a.lower, b.lower));
  return files;
}

function compareLower(idType: IdType, a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compareIds(idType, a, b);
}
