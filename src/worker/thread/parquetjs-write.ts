import { type FileHandle, open } from 'node:fs/promises';
import { separator } from '../../shared/domain/ids.ts';
import type { TableSchema } from '../../shared/domain/schema.ts';
import { openParquetWriter } from '../../shared/parquetjs/write.ts';
import type { IdRange, MergedFile, MergeTask } from './engine.ts';
import { type RowStats, rowStats } from './row-stats.ts';
import { parquetFields, type Row, type Value } from './rows.ts';
import { idOfKey, sortKey } from './sort-key.ts';
import { listen } from './stop.ts';

/** Rows of a row group at most, whatever is configured: the library holds a row group in JavaScript, to write it and to read it. */
const ROW_GROUP_ROWS = 8192;
/** The share of a task's memory that a row group may take, and what it may take at most. */
const ROW_GROUP_SHARE = 8;
const ROW_GROUP_BYTES = 64 * 1024 * 1024;

/**
 * In the footer of every file. Spark 3 refuses timestamps before 1900 in files that do not say that a Spark of version 3 wrote them, for
 * Spark 2 and Hive wrote them by another calendar.
 */
const METADATA = { 'org.apache.spark.version': '3.5.0' };

/** Where rows go: files in a folder, that own a range together. */
export interface Target {
  /** Files are called by this and a number. */
  readonly path: string;
  readonly range: IdRange;
  /** Whether there is a file even where no row comes: else nobody would own the range. */
  readonly isKept: boolean;
  /** Whether the next row goes to another file; told the rows and the bytes of this one, as far as they are written. */
  full(rows: number, bytes: number): boolean;
}

/** Where the first files of a partition go: they own all ids together, and a new one begins after every target size. */
export function firstFiles({ scratch, write }: Pick<MergeTask, 'scratch' | 'write'>): Target {
  const full = (_rows: number, bytes: number) => bytes >= write.targetFileSize;
  return { path: `${scratch}/out`, range: { lower: null, upper: null }, isKept: false, full };
}

/** Writes rows, which come sorted by id, into files whose ranges tile the target's. */
export async function writeRows(
  task: Pick<MergeTask, 'schema' | 'write' | 'memoryBytes'>,
  rows: AsyncIterable<Row>,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<MergedFile[]> {
  const { idType } = task.schema;
  const limits = {
    rows: Math.min(task.write.rowGroupSize, ROW_GROUP_ROWS),
    bytes: Math.min(task.memoryBytes / ROW_GROUP_SHARE, ROW_GROUP_BYTES),
  };
  const files: MergedFile[] = [];
  let part: Part | undefined;
  let { lower } = target.range;
  let last: Value = null;
  try {
    for await (const row of rows) {
      const [id = null] = row;
      if (part !== undefined && target.full(part.stats.rows, part.writer.size)) {
        const upper = separator(idType, idText(last, idType), idText(id, idType));
        files.push(await part.close({ lower, upper }));
        lower = upper;
        part = undefined;
      }
      part ??= await openPart(`${target.path}-${files.length}.parquet`, task.schema);
      part.stats.add(row);
      part.writer.append(row);
      last = id;
      const { pending } = part.writer;
      if (pending.rows < limits.rows && pending.bytes < limits.bytes) continue;
      await part.writer.flush();
      await listen(signal);
    }
    if (files.length === 0 && target.isKept) part ??= await openPart(`${target.path}-0.parquet`, task.schema);
    if (part !== undefined) files.push(await part.close({ lower, upper: target.range.upper }));
    return files;
  } catch (error) {
    // A file that stays open keeps its space on a full disk, deleted or not.
    await part?.abandon();
    throw error;
  }
}

function idText(id: Value, idType: TableSchema['idType']): string {
  return idOfKey(sortKey(id), idType);
}

/** One file while it is written. */
interface Part {
  readonly writer: ReturnType<typeof openParquetWriter>;
  readonly stats: RowStats;
  close(range: IdRange): Promise<MergedFile>;
  /** Lets go of the file, complete or not. */
  abandon(): Promise<void>;
}

async function openPart(path: string, schema: TableSchema): Promise<Part> {
  const file = await open(path, 'wx');
  const writer = openParquetWriter(parquetFields(schema), (bytes) => writeAll(file, bytes), METADATA);
  const stats = rowStats(schema);
  return {
    writer,
    stats,
    async close(range) {
      await writer.close();
      await file.close();
      return { path, size: writer.size, rows: stats.rows, stats: stats.json(), ...range };
    },
    abandon: () => file.close(),
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
}
