import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { CURSOR_COLUMN, openDecoder, SEQ_COLUMN } from './decode.ts';
import type {
  Engine,
  LocalBaseFile,
  MergeCounts,
  MergedFile,
  MergeOutcome,
  MergeTask,
  RewriteOutcome,
  RewriteTask,
} from './engine.ts';
import { readFirstRows } from './head-duckdb.ts';
import { mayHoldMinusZero, sameSigns } from './minus-zero.ts';
import { partsOf } from './parts.ts';
import { sectionChunks } from './sections.ts';
import { columnNames, cursorExpression, inRange, name, parquet, selectList, tableColumns } from './sql.ts';
import { interruptOn, listen } from './stop.ts';
import { writeFirst, writeMerged } from './write.ts';

/** Opens DuckDB for one thread: one thread of its own, bounded memory, spilling to `scratch`. */
async function openEngine(memoryBytes: number, scratch: string): Promise<DuckDBConnection> {
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

/** DuckDB: each task has a database of its own, in memory and spilling to the task's scratch folder. */
export const duckdbEngine: Engine = {
  merge: (task, signal) => withEngine(task, signal, (connection) => mergePartition(connection, task, signal)),
  rewrite: (task, signal) => withEngine(task, signal, (connection) => rewritePartition(connection, task)),
  head: (task) => withEngine(task, undefined, (connection) => readFirstRows(connection, task)),
};

async function withEngine<T>(
  task: Pick<MergeTask, 'memoryBytes' | 'scratch'>,
  signal: AbortSignal | undefined,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const connection = await openEngine(task.memoryBytes, task.scratch);
  const over = interruptOn(signal, connection);
  try {
    return await work(connection);
  } finally {
    over();
    connection.closeSync();
  }
}

/**
 * Merges one partition: delta rows win over base rows of the same id, base rows whose id is not in the delta stay (the left
 * anti-join), and each base file that changes is written anew over its own id range. Deterministic but for file sizes.
 */
async function mergePartition(
  connection: DuckDBConnection,
  task: MergeTask,
  signal: AbortSignal | undefined,
): Promise<MergeOutcome> {
  const { read, minusZero } = await loadDelta(connection, task, signal);
  const superseded = await dropOlderReadings(connection);
  const counts = { read, inserted: 0, updated: 0, unchanged: 0, superseded, deleted: 0 };
  const added: MergedFile[] = [];
  const removed: number[] = [];
  if (task.base.length === 0) {
    counts.inserted = read - superseded;
    if (counts.inserted > 0) added.push(...(await writeFirst(connection, task, 'delta', minusZero)));
    return { counts, added, removed };
  }
  for (const [index, file] of task.base.entries()) {
    const verdict = await judge(connection, task, file);
    counts.inserted += verdict.inserted;
    counts.updated += verdict.updated;
    counts.unchanged += verdict.unchanged;
    counts.superseded += verdict.superseded;
    if (verdict.inserted + verdict.updated === 0) continue;
    const held = minusZero || (await mayHoldMinusZero(connection, file.path));
    const parts = partsOf(file, verdict, task.write.targetFileSize);
    added.push(...(await writeMerged(connection, task, { file, index, parts, minusZero: held })));
    removed.push(index);
  }
  return { counts, added, removed };
}

/** Writes all rows of a partition anew under the task's schema, sorted by its ids, as if they were loaded for the first time. */
async function rewritePartition(connection: DuckDBConnection, task: RewriteTask): Promise<RewriteOutcome> {
  if (task.base.length === 0) return { added: [], rows: 0 };
  const selects: string[] = [];
  let minusZero = false;
  for (const { path } of task.base) {
    selects.push(await selectFile(connection, task.schema, path));
    minusZero ||= await mayHoldMinusZero(connection, path);
  }
  const added = await writeFirst(connection, task, `(${selects.join(' UNION ALL ')})`, minusZero);
  return { added, rows: added.reduce((sum, file) => sum + file.rows, 0) };
}

/** The query that reads a file, of an older schema or another id type, as one of this schema. */
async function selectFile(connection: DuckDBConnection, schema: TableSchema, path: string): Promise<string> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquet(path)}`);
  const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
  return `SELECT ${selectList(schema, present)} FROM ${parquet(path)}`;
}

interface Delta {
  /** Documents. */
  readonly read: number;
  /** Whether some double is -0.0. */
  readonly minusZero: boolean;
}

/** Decodes every section into the table `delta`. */
async function loadDelta(
  connection: DuckDBConnection,
  task: MergeTask,
  signal: AbortSignal | undefined,
): Promise<Delta> {
  await connection.run(`CREATE OR REPLACE TABLE delta (${tableColumns(task.schema)})`);
  const decoder = await openDecoder(connection, 'delta', task.schema, task.cursor);
  let seq = 0;
  for (const documents of sectionChunks(task.sections)) {
    for (let at = 0; at < documents.length; at += documents.readInt32LE(at)) decoder.append(documents, at, seq++);
    decoder.flush();
    await listen(signal);
  }
  decoder.close();
  return { read: seq, minusZero: decoder.minusZero };
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
  const rows = await selectFile(connection, task.schema, file.path);
  await connection.run(`CREATE OR REPLACE TEMP VIEW base AS ${rows}`);
  const id = name(ID_COLUMN);
  const same = [
    ...columnNames(task.schema).map((column) => `d.${column} IS NOT DISTINCT FROM b.${column}`),
    ...sameSigns(task.schema.columns),
  ];
  await connection.run(`CREATE OR REPLACE TEMP TABLE verdict AS
    SELECT d.${id}, CASE WHEN b.${id} IS NULL THEN 'inserted' WHEN ${kept(task)} THEN 'superseded' WHEN ${same.join(' AND ')} THEN 'unchanged' ELSE 'updated' END AS outcome
    FROM (SELECT * FROM delta WHERE ${inRange(file, task.schema)}) d LEFT JOIN base b ON d.${id} = b.${id}`);
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE changed AS SELECT ${id} FROM verdict WHERE outcome IN ('inserted', 'updated')`,
  );
  const outcomes = (
    await connection.runAndReadAll('SELECT outcome, count(*) AS n FROM verdict GROUP BY outcome')
  ).getRowObjectsJS();
  const of = (outcome: string) => Number(outcomes.find((row) => row.outcome === outcome)?.n ?? 0);
  return {
    inserted: of('inserted'),
    updated: of('updated'),
    unchanged: of('unchanged'),
    superseded: of('superseded'),
    baseRows: await number(connection, 'SELECT count(*) FROM base'),
  };
}

/** The condition that row `b` stays although document `d` has its id. */
function kept({ keepRows, schema, cursor }: MergeTask): string {
  const row = keepRows === 'none' ? undefined : cursorExpression(schema, cursor, 'b');
  const own = `d.${name(CURSOR_COLUMN)}`;
  if (keepRows === 'notOlder') return row === undefined ? 'true' : `(${own} > ${row}) IS NOT TRUE`;
  return row === undefined ? 'false' : `${row} IS NOT NULL AND (${own} IS NULL OR ${row} > ${own})`;
}

async function number(connection: DuckDBConnection, sql: string): Promise<number> {
  return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
}
