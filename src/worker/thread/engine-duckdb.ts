import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { cursorPath } from '../../shared/domain/cursor.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { separator } from '../../shared/domain/ids.ts';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { CURSOR_COLUMN, openDecoder, SEQ_COLUMN } from './decode.ts';
import { copyStats } from './duckdb-stats.ts';
import type {
  IdRange,
  LocalBaseFile,
  LocalSection,
  MergeCounts,
  MergedFile,
  MergeOutcome,
  MergeTask,
} from './engine.ts';
import { mayHoldMinusZero, minusZeroOptions, sameSigns } from './minus-zero.ts';
import { columnNames, cursorExpression, literal, name, parquet, selectList, tableColumns } from './sql.ts';

/** A file may grow to this many times its target before it is split, so that a split never leaves a small rest. */
const SPLIT_FACTOR = 1.5;

/** Opens DuckDB for one thread: one thread of its own, bounded memory, spilling to `scratch`. */
export async function openEngine(memoryBytes: number, scratch: string): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${Math.floor(memoryBytes / 1024)}KiB`,
    temp_directory: `${scratch}/spill`,
  });
  const connection = await instance.connect();
  // The connection keeps the database; with it goes all of its memory, not with some later garbage collection.
  instance.closeSync();
  await connection.run("SET TimeZone = 'UTC'; SET preserve_insertion_order = true");
  return connection;
}

/**
 * Merges one partition: delta rows win over base rows of the same id, base rows whose id is not in the delta stay (the left
 * anti-join), and each base file that changes is written anew over its own id range. Deterministic but for file sizes.
 */
export async function mergePartition(connection: DuckDBConnection, task: MergeTask): Promise<MergeOutcome> {
  const { read, minusZero } = await loadDelta(connection, task);
  const superseded = await dropOlderReadings(connection);
  const counts = { read, inserted: 0, updated: 0, unchanged: 0, superseded, deleted: 0 };
  const added: MergedFile[] = [];
  const removed: number[] = [];
  if (task.base.length === 0) {
    counts.inserted = read - superseded;
    const split = task.write.targetFileSize;
    if (counts.inserted > 0)
      added.push(...(await writeFiles(connection, task, { rows: 'delta', range: WHOLE, split, index: 0, minusZero })));
    return { counts, added, removed };
  }
  for (const [index, file] of task.base.entries()) {
    const verdict = await judge(connection, task, file);
    counts.inserted += verdict.inserted;
    counts.updated += verdict.updated;
    counts.unchanged += verdict.unchanged;
    counts.superseded += verdict.superseded;
    if (verdict.inserted + verdict.updated === 0) continue;
    const split = splitSize(file, verdict, task.write.targetFileSize);
    const output = {
      rows: mergedRows(task.schema),
      range: { lower: file.lower, upper: file.upper },
      split,
      index,
      minusZero: minusZero || (await mayHoldMinusZero(connection, file.path)),
    };
    added.push(...(await writeFiles(connection, task, output)));
    removed.push(index);
  }
  return { counts, added, removed };
}

const WHOLE: IdRange = { lower: null, upper: null };

interface Delta {
  /** Documents. */
  readonly read: number;
  /** Whether some double is -0.0. */
  readonly minusZero: boolean;
}

/** Decodes every section into the table `delta`. */
async function loadDelta(connection: DuckDBConnection, task: MergeTask): Promise<Delta> {
  await connection.run(`CREATE OR REPLACE TABLE delta (${tableColumns(task.schema)})`);
  const decoder = await openDecoder(connection, 'delta', task.schema, cursorPath(task.cursorField));
  let seq = 0;
  for (const documents of sectionChunks(task.sections)) {
    for (let at = 0; at < documents.length; at += documents.readInt32LE(at)) decoder.append(documents, at, seq++);
    decoder.flush();
  }
  decoder.close();
  return { read: seq, minusZero: decoder.minusZero };
}

/** The sections' BSON in order, one gzip member at a time; at most one is in memory. */
export function* sectionChunks(sections: readonly LocalSection[]): Generator<Buffer> {
  for (const section of sections) {
    const file = openSync(section.path, 'r');
    try {
      for (const chunk of section.chunks) {
        yield unpacked(file, chunk.length, chunk.rawLength);
      }
    } finally {
      closeSync(file);
    }
  }
}

function unpacked(file: number, length: number, rawLength: number): Buffer {
  const packed = Buffer.allocUnsafe(length);
  const read = readSync(file, packed, 0, length, null);
  if (read !== length) throw corrupt(`${read} bytes instead of ${length}`);
  let documents: Buffer;
  try {
    documents = gunzipSync(packed, { maxOutputLength: rawLength + 1 });
  } catch (error) {
    throw corrupt(`not ${rawLength} bytes in gzip: ${(error as Error).message}`, error);
  }
  if (documents.length !== rawLength) throw corrupt(`${documents.length} bytes unpacked instead of ${rawLength}`);
  return documents;
}

function corrupt(what: string, cause?: unknown): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `a chunk of a segment has ${what}`, { cause });
}

/** Keeps one reading of each id, the last by (cursor, order of reading); returns how many were dropped. */
async function dropOlderReadings(connection: DuckDBConnection): Promise<number> {
  const duplicates = await number(connection, `SELECT count(*) - count(DISTINCT ${name(ID_COLUMN)}) FROM delta`);
  if (duplicates === 0) return 0;
  const seq = name(SEQ_COLUMN);
  await connection.run(`DELETE FROM delta WHERE ${seq} IN (
    SELECT ${seq} FROM (SELECT ${seq}, row_number() OVER (
      PARTITION BY ${name(ID_COLUMN)} ORDER BY ${name(CURSOR_COLUMN)} DESC NULLS LAST, ${seq} DESC) AS place FROM delta)
    WHERE place > 1)`);
  return duplicates;
}

type Verdict = Pick<MergeCounts, 'inserted' | 'updated' | 'unchanged' | 'superseded'> & { readonly baseRows: number };

/** Decides for every delta row of the file's range what it does, and leaves the ids that change something in `changed`. */
async function judge(connection: DuckDBConnection, task: MergeTask, file: LocalBaseFile): Promise<Verdict> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquet(file.path)}`);
  const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
  await connection.run(
    `CREATE OR REPLACE TEMP VIEW base AS SELECT ${selectList(task.schema, present)} FROM ${parquet(file.path)}`,
  );
  const id = name(ID_COLUMN);
  const same = [
    ...columnNames(task.schema).map((column) => `d.${column} IS NOT DISTINCT FROM b.${column}`),
    ...sameSigns(task.schema.columns),
  ];
  const cursor = task.keepNewer ? cursorExpression(task.schema, task.cursorField, 'b') : undefined;
  const newer =
    cursor === undefined
      ? ''
      : `WHEN ${cursor} IS NOT NULL AND (d.${name(CURSOR_COLUMN)} IS NULL OR ${cursor} > d.${name(CURSOR_COLUMN)}) THEN 'superseded'`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE verdict AS
    SELECT d.${id}, CASE WHEN b.${id} IS NULL THEN 'inserted' ${newer} WHEN ${same.join(' AND ')} THEN 'unchanged' ELSE 'updated' END AS outcome
    FROM (SELECT * FROM delta WHERE ${inRange(file, task.schema)}) d LEFT JOIN base b ON d.${id} = b.${id}`);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE changed AS SELECT ${id} FROM verdict WHERE outcome IN ('inserted', 'updated')`,
  );
  const rows = (
    await connection.runAndReadAll('SELECT outcome, count(*) AS n FROM verdict GROUP BY outcome')
  ).getRowObjectsJS();
  const of = (outcome: string) => Number(rows.find((row) => row.outcome === outcome)?.n ?? 0);
  return {
    inserted: of('inserted'),
    updated: of('updated'),
    unchanged: of('unchanged'),
    superseded: of('superseded'),
    baseRows: await number(connection, 'SELECT count(*) FROM base'),
  };
}

function inRange(range: IdRange, schema: TableSchema): string {
  const bound = (value: string) => (schema.idType === 'long' ? value : literal(value));
  const parts = [
    ...(range.lower === null ? [] : [`${name(ID_COLUMN)} >= ${bound(range.lower)}`]),
    ...(range.upper === null ? [] : [`${name(ID_COLUMN)} < ${bound(range.upper)}`]),
  ];
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

/** The left anti-join of the base with what changes, and what changes. */
function mergedRows(schema: TableSchema): string {
  const columns = columnNames(schema).join(', ');
  const id = name(ID_COLUMN);
  return `(SELECT ${columns} FROM base b WHERE NOT EXISTS (FROM changed c WHERE c.${id} = b.${id})
    UNION ALL SELECT ${columns} FROM delta d WHERE EXISTS (FROM changed c WHERE c.${id} = d.${id}))`;
}

/** Bytes per file where the result would be too large for one; `undefined` where it stays one file. */
function splitSize(file: LocalBaseFile, verdict: Verdict, target: number): number | undefined {
  const expected = verdict.baseRows === 0 ? 0 : (file.size * (verdict.baseRows + verdict.inserted)) / verdict.baseRows;
  if (expected <= target * SPLIT_FACTOR) return undefined;
  return Math.ceil(expected / Math.round(expected / target));
}

interface Output {
  /** A table, or a query in parentheses. */
  readonly rows: string;
  readonly range: IdRange;
  /** Bytes per file; `undefined` for one file. */
  readonly split: number | undefined;
  /** Names its folder. */
  readonly index: number;
  readonly minusZero: boolean;
}

/** Writes the rows sorted by id into one or more files that together own their range. */
async function writeFiles(connection: DuckDBConnection, task: MergeTask, output: Output): Promise<MergedFile[]> {
  const { rows, range, split, index } = output;
  const folder = `${task.scratch}/out-${index}`;
  mkdirSync(folder);
  const target = split === undefined ? `${folder}/part-0.parquet` : folder;
  const options = [
    'FORMAT parquet',
    ...(task.write.compression === 'snappy'
      ? ['COMPRESSION snappy']
      : ['COMPRESSION zstd', `COMPRESSION_LEVEL ${task.write.compressionLevel}`]),
    `ROW_GROUP_SIZE ${task.write.rowGroupSize}`,
    'RETURN_STATS true',
    ...minusZeroOptions(output.minusZero),
    ...(split === undefined
      ? []
      : [`FILE_SIZE_BYTES ${Math.max(split, 1)}`, "FILENAME_PATTERN 'part-{i}'", 'OVERWRITE_OR_IGNORE true']),
  ];
  const columns = columnNames(task.schema).join(', ');
  const result = await connection.runAndReadAll(
    `COPY (SELECT ${columns} FROM ${rows} ORDER BY ${name(ID_COLUMN)}) TO ${literal(target)} (${options.join(', ')})`,
  );
  const files = copyStats(result.getRowObjectsJson(), task.schema);
  return withRanges(connection, task.schema, files, range);
}

/** Parts `range` between the files, in id order, by the shortest ids that separate neighbours. */
async function withRanges(
  connection: DuckDBConnection,
  schema: TableSchema,
  files: readonly Omit<MergedFile, keyof IdRange>[],
  range: IdRange,
): Promise<MergedFile[]> {
  const only = files[0];
  if (only !== undefined && files.length === 1) return [{ ...only, lower: range.lower, upper: range.upper }];
  const id = name(ID_COLUMN);
  const ends: { file: Omit<MergedFile, keyof IdRange>; first: string; last: string }[] = [];
  for (const file of files) {
    const row = (
      await connection.runAndReadAll(
        `SELECT min(${id})::VARCHAR AS first, max(${id})::VARCHAR AS last FROM ${parquet(file.path)}`,
      )
    ).getRowObjectsJS()[0];
    ends.push({ file, first: String(row?.first), last: String(row?.last) });
  }
  // DuckDB numbers the parts in the order written, which is the order of ids.
  const bounds = ends
    .slice(1)
    .map((next, i) => separator(schema.idType, (ends[i] as (typeof ends)[number]).last, next.first));
  return ends.map(({ file }, i) => ({ ...file, lower: bounds[i - 1] ?? range.lower, upper: bounds[i] ?? range.upper }));
}

async function number(connection: DuckDBConnection, sql: string): Promise<number> {
  return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
}
