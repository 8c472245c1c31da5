import { mkdirSync } from 'node:fs';
import type { DuckDBBlobValue, DuckDBConnection, DuckDBValue, Json } from '@duckdb/node-api';
import { bufferOf } from '../../shared/domain/buffers.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { separator } from '../../shared/domain/ids.ts';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { copyStats } from './duckdb-stats.ts';
import type { IdRange, MergedFile, MergeTask } from './engine.ts';
import { rowGroupRows } from './memory.ts';
import { minusZeroMetadata, minusZeroOptions } from './minus-zero.ts';
import type { Parts } from './parts.ts';
import { columnNames, inRange, literal, name, parquet } from './sql.ts';

type WrittenPart = Omit<MergedFile, keyof IdRange>;

/** What of a task says how files are written. */
type WriteTask = Pick<MergeTask, 'scratch' | 'schema' | 'write' | 'memoryBytes'>;

/** Rows to be written. */
interface Rows {
  /** A table, or a query in brackets. */
  readonly query: string;
  /** Whether they are in the order of their ids. */
  readonly isSorted: boolean;
  /** Whether some double may be -0.0. */
  readonly minusZero: boolean;
  /** What a row takes on average, bytes. */
  readonly rowBytes: number;
}

/** Writes rows, sorted by id, as the first files of a partition: a new one after every target size. */
export async function writeFirst(connection: DuckDBConnection, task: WriteTask, rows: Rows): Promise<MergedFile[]> {
  const folder = `${task.scratch}/out`;
  mkdirSync(folder);
  const size = `FILE_SIZE_BYTES ${Math.max(task.write.targetFileSize, 1)}`;
  const copied = await copy(connection, task, rows, folder, [
    size,
    "FILENAME_PATTERN 'part-{i}'",
    'OVERWRITE_OR_IGNORE true',
  ]);
  const files = copied.filter((file) => file.rows > 0);
  return withRanges(files, await boundsBetween(connection, task.schema, files), { lower: null, upper: null });
}

/** Writes rows as one file that owns the range, even where there are none. */
export async function writeJoined(
  connection: DuckDBConnection,
  task: WriteTask,
  rows: Rows,
  range: IdRange,
): Promise<MergedFile> {
  const [own] = await copy(connection, task, rows, `${task.scratch}/joined.parquet`);
  if (own === undefined) throw new MongolakeError('INTERNAL', 'DuckDB wrote no file');
  return { ...own, ...range };
}

interface Merged {
  /** The base file in the view `base`; what changes of it is in the table `changed`. */
  readonly file: IdRange;
  /** Names its folder. */
  readonly index: number;
  readonly parts: Parts;
  /** Whether no row comes, so that each has its place already. */
  readonly inPlace: boolean;
  readonly minusZero: boolean;
  /** As in `Rows`. */
  readonly rowBytes: number;
}

/**
 * Writes the left anti-join of the base with what changes, and what changes, sorted by id, into files of equally many rows that
 * together own the base file's range: where no row is left, into one without any.
 */
export async function writeMerged(
  connection: DuckDBConnection,
  task: WriteTask,
  { file, index, parts, inPlace, minusZero, rowBytes }: Merged,
): Promise<MergedFile[]> {
  const folder = `${task.scratch}/out-${index}`;
  mkdirSync(folder);
  if (inPlace && parts.files === 1) {
    const rows = { query: replacedRows(columnNames(task.schema)), isSorted: true, minusZero, rowBytes };
    const [own] = await copy(connection, task, rows, `${folder}/part-0.parquet`);
    return own === undefined ? [] : [{ ...own, lower: file.lower, upper: file.upper }];
  }
  const bounds = parts.files === 1 ? [] : await cuts(connection, task.schema, parts);
  const written: MergedFile[] = [];
  for (const [part, range] of rangesBetween(bounds, file).entries()) {
    const query = mergedRows(columnNames(task.schema), range, task.schema);
    const rows = { query, isSorted: false, minusZero, rowBytes };
    const [own] = await copy(connection, task, rows, `${folder}/part-${part}.parquet`);
    if (own !== undefined) written.push({ ...own, ...range });
  }
  return written;
}

/** Names that no column has, since Delta forbids the sign: of the row that takes another's place, and of what is joined. */
const NEW_ROW = name('=new');
const OURS = name('=delta');
const THEIRS = name('=base');

/**
 * The base's rows in their order, those that change replaced. The subquery becomes a single join, which gives each row of its left side
 * as it comes; a left join would give those that have a match first.
 */
function replacedRows(columns: readonly string[]): string {
  const id = name(ID_COLUMN);
  const list = columns.map(
    (column) => `CASE WHEN ${NEW_ROW} IS NULL THEN ${column} ELSE ${NEW_ROW}.${column} END AS ${column}`,
  );
  const packed = columns.map((column) => `${column} := ${OURS}.${column}`).join(', ');
  const own = `SELECT struct_pack(${packed}) FROM delta ${OURS}
    WHERE ${OURS}.${id} = ${THEIRS}.${id} AND ${OURS}.${id} IN (SELECT ${id} FROM changed)`;
  return `(SELECT ${list.join(', ')} FROM (SELECT ${THEIRS}.*, (${own}) AS ${NEW_ROW} FROM base ${THEIRS}))`;
}

/** The left anti-join of the base with what changes, and what changes, within a range. */
function mergedRows(columns: readonly string[], range: IdRange, schema: TableSchema): string {
  const list = columns.join(', ');
  const id = name(ID_COLUMN);
  const own = inRange(range, schema);
  return `(SELECT ${list} FROM (FROM base WHERE ${own}) b WHERE NOT EXISTS (FROM changed c WHERE c.${id} = b.${id})
    UNION ALL SELECT ${list} FROM (FROM delta WHERE ${own}) d WHERE EXISTS (FROM changed c WHERE c.${id} = d.${id}))`;
}

/** An id as text, by its bytes: of a string DuckDB's binding takes away a byte order mark that it begins with. */
export function textOf(id: string): string {
  return `encode(${id}::VARCHAR)`;
}

export function readText(value: DuckDBValue | undefined): string {
  return bufferOf((value as DuckDBBlobValue).bytes).toString('utf8');
}

/** The ids that part the merged rows into files of `parts.rows`, ascending. */
async function cuts(connection: DuckDBConnection, schema: TableSchema, { rows }: Parts): Promise<string[]> {
  const id = name(ID_COLUMN);
  const ids = mergedRows([id], { lower: null, upper: null }, schema);
  const result = await connection.runAndReadAll(`SELECT ${textOf('previous')}, ${textOf('next')} FROM (
    SELECT lag(${id}) OVER (ORDER BY ${id}) AS previous, ${id} AS next, row_number() OVER (ORDER BY ${id}) AS place FROM ${ids})
    WHERE place > 1 AND (place - 1) % ${rows} = 0 ORDER BY place`);
  return result.getRows().map(([previous, next]) => separator(schema.idType, readText(previous), readText(next)));
}

/** Spark refuses timestamps before 1900 of a file that does not say it counts them as Spark 3 does (DataSourceUtils.datetimeRebaseSpec). */
const SPARK_METADATA = { 'org.apache.spark.version': '3.5.0' };

async function copy(
  connection: DuckDBConnection,
  task: WriteTask,
  { query, isSorted, minusZero, rowBytes }: Rows,
  target: string,
  own: readonly string[] = [],
): Promise<WrittenPart[]> {
  const { compression, compressionLevel, rowGroupSize } = task.write;
  const metadata = Object.entries({ ...SPARK_METADATA, ...minusZeroMetadata(minusZero) });
  const options = [
    'FORMAT parquet',
    `COMPRESSION ${compression}`,
    ...(compression === 'zstd' ? [`COMPRESSION_LEVEL ${compressionLevel}`] : []),
    `ROW_GROUP_SIZE ${rowGroupRows(rowGroupSize, rowBytes, task.memoryBytes)}`,
    'RETURN_STATS true',
    `KV_METADATA {${metadata.map(([key, value]) => `${literal(key)}: ${literal(value)}`).join(', ')}}`,
    ...minusZeroOptions(minusZero),
    ...own,
  ];
  const columns = columnNames(task.schema).join(', ');
  const order = isSorted ? '' : `ORDER BY ${name(ID_COLUMN)}`;
  const result = await connection.runAndReadAll(
    `COPY (SELECT ${columns} FROM ${query} ${order}) TO ${literal(target)} (${options.join(', ')})`,
  );
  const files = result.getRowObjectsJson();
  return copyStats(files, task.schema, await withMarkedBounds(connection, files));
}

const BYTE_ORDER_MARK = 0xfeff;

/** Files with a bound that begins with a byte order mark, which DuckDB's binding takes away: such a bound would be a wrong one. */
async function withMarkedBounds(
  connection: DuckDBConnection,
  files: readonly Record<string, Json>[],
): Promise<ReadonlySet<string>> {
  if (files.length === 0) return new Set();
  const paths = files.map(({ filename }) => literal(String(filename))).join(', ');
  const marked = ['stats_min_value', 'stats_max_value'].map(
    (bound) => `starts_with(${bound}, chr(${BYTE_ORDER_MARK}))`,
  );
  const result = await connection.runAndReadAll(
    `SELECT DISTINCT file_name FROM parquet_metadata([${paths}]) WHERE ${marked.join(' OR ')}`,
  );
  return new Set(result.getRows().map(([file]) => String(file)));
}

/** The shortest ids that separate neighbouring files. DuckDB numbers them in the order written, which is that of ids. */
async function boundsBetween(
  connection: DuckDBConnection,
  schema: TableSchema,
  files: readonly WrittenPart[],
): Promise<string[]> {
  if (files.length < 2) return [];
  const id = name(ID_COLUMN);
  const ends: { first: string; last: string }[] = [];
  for (const { path } of files) {
    const result = await connection.runAndReadAll(
      `SELECT ${textOf(`min(${id})`)}, ${textOf(`max(${id})`)} FROM ${parquet(path)}`,
    );
    const [first, last] = result.getRows()[0] ?? [];
    ends.push({ first: readText(first), last: readText(last) });
  }
  return ends.slice(1).map((next, i) => separator(schema.idType, ends[i]?.last ?? '', next.first));
}

function withRanges(files: readonly WrittenPart[], bounds: readonly string[], whole: IdRange): MergedFile[] {
  const ranges = rangesBetween(bounds, whole);
  return files.map((file, i) => ({ ...file, ...(ranges[i] ?? whole) }));
}

/** The ranges that `bounds` part `whole` into. */
function rangesBetween(bounds: readonly string[], whole: IdRange): IdRange[] {
  const edges = [whole.lower, ...bounds, whole.upper];
  return edges.slice(1).map((upper, i) => ({ lower: edges[i] ?? null, upper }));
}
