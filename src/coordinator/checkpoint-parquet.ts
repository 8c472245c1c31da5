import { gunzipSync } from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type ParquetReadOptions,
  parquetMetadataAsync,
  parquetReadObjects,
} from 'hyparquet';
import { bufferOf } from '../shared/domain/buffers.ts';
import type { Action } from '../shared/domain/delta/actions.ts';
import { decodeActions } from '../shared/domain/delta/entry.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type Field, type From, leaf, list, map, struct } from '../shared/parquetjs/fields.ts';
import { openParquetWriter } from '../shared/parquetjs/write.ts';

/**
 * The Parquet side of checkpoints. parquetjs-lite writes them, hyparquet reads them: it knows dictionaries and data pages of
 * both versions, which other writers use, and a checkpoint of ours is only published after someone else's code has read it.
 */

/** Rows per row group; what a writer or reader holds at a time. */
const ROW_GROUP_ROWS = 4096;

/** Actions are objects. */
const of =
  (name: string): From =>
  (parent) =>
    (parent as Readonly<Record<string, unknown>>)[name];
const text = (name: string): Field => leaf(name, { kind: 'utf8' }, of(name));
const flag = (name: string): Field => leaf(name, { kind: 'boolean' }, of(name));
const int = (name: string): Field => leaf(name, { kind: 'int' }, of(name));
const long = (name: string): Field => leaf(name, { kind: 'long' }, of(name));
const object = (name: string, fields: readonly Field[]): Field => struct(name, fields, of(name));
const entries = (name: string): Field =>
  map(name, (parent) => {
    const value = of(name)(parent);
    return value === undefined ? undefined : Object.entries(value as object);
  });
const texts = (name: string): Field => list(name, (own, from) => leaf(own, { kind: 'utf8' }, from), of(name));

/** The columns of a V1 checkpoint (Delta PROTOCOL.md, "Checkpoint Schema"), for a table of reader 1, writer 2. */
const CHECKPOINT: readonly Field[] = [
  object('protocol', [int('minReaderVersion'), int('minWriterVersion')]),
  object('metaData', [
    text('id'),
    text('name'),
    text('description'),
    object('format', [text('provider'), entries('options')]),
    text('schemaString'),
    texts('partitionColumns'),
    long('createdTime'),
    entries('configuration'),
  ]),
  object('txn', [text('appId'), long('version'), long('lastUpdated')]),
  object('add', [
    text('path'),
    entries('partitionValues'),
    long('size'),
    long('modificationTime'),
    flag('dataChange'),
    text('stats'),
    entries('tags'),
  ]),
  object('remove', [
    text('path'),
    long('deletionTimestamp'),
    flag('dataChange'),
    flag('extendedFileMetadata'),
    entries('partitionValues'),
    long('size'),
  ]),
];

/**
 * Writes the actions as a checkpoint's Parquet file, a row each, and tells how many there were. Holds one row group at a time.
 * Calls of `write` are awaited one by one; its errors pass unchanged.
 */
export async function writeCheckpointFile(
  actions: Iterable<Action>,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const writer = openParquetWriter(CHECKPOINT, write, {}, 'GZIP');
  let count = 0;
  for (const action of actions) {
    writer.append(action);
    count += 1;
    if (count % ROW_GROUP_ROWS === 0) await writer.flush();
  }
  await writer.close();
  return count;
}

/** Bytes as the reader of Parquet wants them. */
export function bytesBuffer(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.byteLength,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

/** What a local file holds. */
export const fileBuffer: (path: string) => Promise<AsyncBuffer> = asyncBufferFromFile;

const COLUMNS = ['protocol', 'metaData', 'txn', 'add', 'remove'];

const READER_OPTIONS: Pick<ParquetReadOptions, 'compressors' | 'parsers'> = {
  compressors: { GZIP: (bytes) => gunzipSync(bytes) },
  // Its own drops a byte order mark at the start of a string.
  parsers: { stringFromBytes: (bytes) => bytes && bufferOf(bytes).toString('utf8') },
};

/**
 * The actions of a checkpoint file, ours or another writer's, a row group at a time, in the file's order. `name` is for errors:
 * `TABLE_CORRUPT` where the file is not a checkpoint or can't be read.
 */
export async function* readCheckpointFile(file: AsyncBuffer, name: string): AsyncGenerator<Action[]> {
  const metadata = await readable(name, () => parquetMetadataAsync(file));
  const present = new Set(metadata.schema.map(({ name }) => name));
  const columns = COLUMNS.filter((column) => present.has(column));
  if (columns.length === 0) throw unreadable(name, 'it has none of the columns of a checkpoint');
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const options = { file, metadata, columns, rowStart, rowEnd, ...READER_OPTIONS };
    const rows = await readable(name, () => parquetReadObjects(options));
    yield rows.flatMap((row, index) => decodeActions(row, `${name}, row ${rowStart + index}`));
    rowStart = rowEnd;
  }
}

async function readable<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw unreadable(name, error instanceof Error ? error.message : String(error), error);
  }
}

function unreadable(name: string, what: string, cause?: unknown): MongolakeError {
  return new MongolakeError('TABLE_CORRUPT', `${name} can't be read as a checkpoint: ${what}`, {
    hint: 'Restore the object from a backup or an older version of the bucket.',
    ...(cause === undefined ? {} : { cause }),
  });
}
