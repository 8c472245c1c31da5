import { gunzipSync } from 'node:zlib';
import { type AsyncBuffer, type ParquetReadOptions, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import parquet from 'parquetjs-lite';
import parquetTypes from 'parquetjs-lite/lib/types.js';
import type { Action, AddFile, Metadata, RemoveFile } from '../shared/domain/delta/actions.ts';
import { decodeActions } from '../shared/domain/delta/entry.ts';
import { MongolakeError } from '../shared/domain/errors.ts';

/**
 * The Parquet side of checkpoints. parquetjs-lite writes them, hyparquet reads them: it knows dictionaries and data pages of
 * both versions, which other writers use, and a checkpoint of ours is only published after someone else's code has read it.
 */

/** Rows per row group; what a writer or reader holds at a time. */
const ROW_GROUP_ROWS = 4096;

const WRITER_OPTIONS = {
  rowGroupSize: ROW_GROUP_ROWS,
  pageSize: ROW_GROUP_ROWS,
  // Its data pages of version 2 and its page index of several pages are broken.
  useDataPageV2: false,
  pageIndex: false,
} as const;

/** Its own INT64 goes through parseInt and loses what is beyond 2^53; this one hands the value to the codec as it is. */
const LONG = 'MONGOLAKE_LONG';
parquetTypes.PARQUET_LOGICAL_TYPES[LONG] = {
  primitiveType: 'INT64',
  originalType: LONG,
  toPrimitive: (value: number | bigint) => BigInt(value),
};

type FieldDefinition = ConstructorParameters<typeof parquet.ParquetSchema>[0][string];

// Statistics of strings are in UTF-16 order in parquetjs-lite, so none are written. Each call gives a fresh object: it is changed.
const leaf = (type: string): FieldDefinition => ({ type, optional: true, compression: 'SNAPPY', statistics: false });
const text = (): FieldDefinition => leaf('UTF8');
const required = (field: FieldDefinition): FieldDefinition => ({ ...field, optional: false });
const struct = (fields: Record<string, FieldDefinition>): FieldDefinition => ({ optional: true, fields });
const map = (): FieldDefinition => ({
  type: 'MAP',
  optional: true,
  fields: { key_value: { repeated: true, fields: { key: required(text()), value: text() } } },
});
const list = (): FieldDefinition => ({
  type: 'LIST',
  optional: true,
  fields: { list: { repeated: true, fields: { element: text() } } },
});

/** The columns of a V1 checkpoint (Delta PROTOCOL.md, "Checkpoint Schema"), for a table of reader 1, writer 2. */
function checkpointSchema(): Record<string, FieldDefinition> {
  return {
    protocol: struct({ minReaderVersion: leaf('INT32'), minWriterVersion: leaf('INT32') }),
    metaData: struct({
      id: text(),
      name: text(),
      description: text(),
      format: struct({ provider: text(), options: map() }),
      schemaString: text(),
      partitionColumns: list(),
      createdTime: leaf(LONG),
      configuration: map(),
    }),
    txn: struct({ appId: text(), version: leaf(LONG), lastUpdated: leaf(LONG) }),
    add: struct({
      path: text(),
      partitionValues: map(),
      size: leaf(LONG),
      modificationTime: leaf(LONG),
      dataChange: leaf('BOOLEAN'),
      stats: text(),
      tags: map(),
    }),
    remove: struct({
      path: text(),
      deletionTimestamp: leaf(LONG),
      dataChange: leaf('BOOLEAN'),
      extendedFileMetadata: leaf('BOOLEAN'),
      partitionValues: map(),
      size: leaf(LONG),
    }),
  };
}

/**
 * Writes the actions as a checkpoint's Parquet file, a row each, and tells how many there were. Holds one row group at a time.
 * Calls of `write` are awaited one by one; its errors pass unchanged.
 */
export async function writeCheckpointFile(
  actions: Iterable<Action>,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const schema = new parquet.ParquetSchema(checkpointSchema());
  // The library doesn't await every write; so it writes into an array, which is emptied here.
  const pending: Uint8Array[] = [];
  const keep = (bytes: Uint8Array): unknown => pending.push(bytes);
  const envelope = new parquet.ParquetEnvelopeWriter(schema, keep, () => undefined, 0, WRITER_OPTIONS);
  const writer = new parquet.ParquetWriter(schema, envelope, WRITER_OPTIONS);
  const shred = shredStruct(checkpointSchema(), [], 0, 0);
  const drain = async (): Promise<void> => {
    for (const bytes of pending.splice(0)) await write(bytes);
  };
  let count = 0;
  for (const action of actions) {
    const row = checkpointRow(action);
    const { rowBuffer } = writer;
    count += 1;
    if (rowBuffer.columnData !== undefined && count % ROW_GROUP_ROWS !== 0) {
      shred(rowBuffer.columnData, row, 0, 0);
      rowBuffer.rowCount += 1;
      rowBuffer.pageRowCount += 1;
      continue;
    }
    // The first row of a row group makes its buffer, the last one has it encoded.
    await writer.appendRow(row);
    await drain();
  }
  await writer.close();
  await drain();
  return count;
}

type Columns = NonNullable<InstanceType<typeof parquet.ParquetWriter>['rowBuffer']['columnData']>;

/** Appends a value to the columns below a field, at a repetition and a definition level. */
type Shred = (columns: Columns, value: unknown, repetition: number, definition: number) => void;

/**
 * Dremel's shredding, as the library's own does it into the same buffer, but compiled for the schema: the library's allocates so
 * much for each row that writing a checkpoint of 100,000 files took ten times as long.
 */
function shredField(field: FieldDefinition, path: readonly string[], repetition: number, definition: number): Shred {
  const repeated = field.repeated === true;
  const r = repetition + (repeated ? 1 : 0);
  const d = definition + (repeated || field.optional === true ? 1 : 0);
  const shredOne = field.fields === undefined ? shredLeaf(path) : shredStruct(field.fields, path, r, d);
  return (columns, value, rep, def) => {
    if (value === undefined || value === null) shredOne(columns, undefined, rep, def);
    else if (!repeated) shredOne(columns, value, rep, d);
    else if (!Array.isArray(value) || value.length === 0) shredOne(columns, undefined, rep, def);
    else for (const [index, item] of value.entries()) shredOne(columns, item, index === 0 ? rep : r, d);
  };
}

function shredStruct(
  fields: Record<string, FieldDefinition>,
  path: readonly string[],
  repetition: number,
  definition: number,
): Shred {
  const children = Object.entries(fields).map(([name, field]) => {
    return { name, shred: shredField(field, [...path, name], repetition, definition) };
  });
  return (columns, value, rep, def) => {
    const from = (value ?? {}) as Readonly<Record<string, unknown>>;
    for (const { name, shred } of children) shred(columns, from[name], rep, def);
  };
}

function shredLeaf(path: readonly string[]): Shred {
  const name = path.join();
  return (columns, value, rep, def) => {
    const column = columns[name];
    if (column === undefined) throw new MongolakeError('INTERNAL', `parquetjs-lite has no column ${name}`);
    column.rlevels.push(rep);
    column.dlevels.push(def);
    column.count += 1;
    if (value !== undefined) column.values.push(value);
  };
}

function checkpointRow(action: Action): object {
  if ('add' in action) return { add: addRow(action.add) };
  if ('remove' in action) return { remove: removeRow(action.remove) };
  if ('metaData' in action) return { metaData: metadataRow(action.metaData) };
  return action;
}

function addRow(add: AddFile): object {
  return { ...add, partitionValues: mapRow(add.partitionValues), tags: mapRow(add.tags) };
}

function removeRow(remove: RemoveFile): object {
  return { ...remove, partitionValues: mapRow(remove.partitionValues) };
}

function metadataRow(metadata: Metadata): object {
  return {
    ...metadata,
    format: { provider: metadata.format.provider, options: mapRow(metadata.format.options) },
    partitionColumns: { list: metadata.partitionColumns.map((element) => ({ element })) },
    configuration: mapRow(metadata.configuration),
  };
}

function mapRow(values: Readonly<Record<string, string | null>> | undefined): object | undefined {
  if (values === undefined) return undefined;
  return { key_value: Object.entries(values).map(([key, value]) => ({ key, value })) };
}

/** Bytes as the reader of Parquet wants them. */
export function bytesBuffer(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.byteLength,
    slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
  };
}

const COLUMNS = ['protocol', 'metaData', 'txn', 'add', 'remove'];
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const READER_OPTIONS: Pick<ParquetReadOptions, 'compressors' | 'parsers'> = {
  compressors: { GZIP: (bytes) => gunzipSync(bytes) },
  // Its own drops a byte order mark at the start of a string.
  parsers: { stringFromBytes: (bytes) => bytes && utf8.decode(bytes) },
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
