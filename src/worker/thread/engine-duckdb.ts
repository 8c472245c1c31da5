import { mkdirSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { compactFiles } from './compact-duckdb.ts';
import { comparePartition } from './compare-duckdb.ts';
import { CURSOR_COLUMN } from './decode.ts';
import { DuckDBInstance } from './duckdb.ts';
import type { Engine, LocalBaseFile, MergeCounts, MergedFile, MergeOutcome, MergeTask } from './engine.ts';
import { isOutOfMemory } from './failure.ts';
import { findInFile } from './find-duckdb.ts';
import { readFirstRows } from './head-duckdb.ts';
import { loadDelta, numberOf } from './load-duckdb.ts';
import { countedBytes, storedRowBytes } from './memory.ts';
import { mayHoldMinusZero, sameRows } from './minus-zero.ts';
import { partsOf } from './parts.ts';
import { rewriteGroup } from './rewrite-duckdb.ts';
import { selectFile } from './select-file.ts';
import { cursorExpression, inRange, name } from './sql.ts';
import { interruptOn } from './stop.ts';
import { writeFirst, writeMerged } from './write.ts';

/** Opens DuckDB for one thread: one thread of its own, bounded memory, spilling to `scratch`. */
async function openEngine(limitBytes: number, scratch: string): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: `${Math.floor(limitBytes / 1024)}KiB`,
    temp_directory: `${scratch}/spill`,
  });
  const connection = await instance.connect();
  // The connection keeps the database; with it goes all of its memory, not with some later garbage collection.
  instance.closeSync();
  // No subquery here has two rows; to be told would cost an aggregate over all of them.
  await connection.run(
    "SET TimeZone = 'UTC'; SET preserve_insertion_order = true; SET scalar_subquery_error_on_multiple_rows = false",
  );
  return connection;
}

/** DuckDB: each task has a database of its own, in memory and spilling to the task's scratch folder. */
export const duckdbEngine: Engine = {
  merge: (task, signal) => inMemory(task, signal, (connection, own) => mergePartition(connection, own, signal)),
  compare: (task, signal) => inMemory(task, signal, (connection, own) => comparePartition(connection, own, signal)),
  rewrite: (task, signal) => inMemory(task, signal, (connection, own) => rewriteGroup(connection, own, signal)),
  compact: (task, signal) => inMemory(task, signal, (connection, own) => compactFiles(connection, own, signal)),
  head: (task) => inMemory(task, undefined, (connection, own) => readFirstRows(connection, own)),
  find: (task) => inMemory(task, undefined, (connection, own) => findInFile(connection, own)),
};

type Means = Pick<MergeTask, 'memoryBytes' | 'scratch'>;

/**
 * Does the work with what DuckDB may count as its own; where that is too little, as it is for sorting rows of some kilobytes, once more from the start
 * with all of the thread's memory.
 */
async function inMemory<T, Task extends Means>(
  task: Task,
  signal: AbortSignal | undefined,
  work: (connection: DuckDBConnection, task: Task) => Promise<T>,
): Promise<T> {
  const limit = countedBytes(task.memoryBytes);
  try {
    return await withEngine(limit, task, signal, work);
  } catch (error) {
    if (!isOutOfMemory(error) || task.memoryBytes <= limit) throw error;
    // What the first try left is in nobody's way.
    const scratch = `${task.scratch}/again`;
    mkdirSync(scratch, { recursive: true });
    return withEngine(task.memoryBytes, { ...task, scratch }, signal, work);
  }
}

async function withEngine<T, Task extends Means>(
  limitBytes: number,
  task: Task,
  signal: AbortSignal | undefined,
  work: (connection: DuckDBConnection, task: Task) => Promise<T>,
): Promise<T> {
  const connection = await openEngine(limitBytes, task.scratch);
  const over = interruptOn(signal, connection);
  try {
    return await work(connection, task);
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
  const { read, superseded, minusZero, isAscending } = await loadDelta(connection, task, signal);
  const counts = { read, inserted: 0, updated: 0, unchanged: 0, superseded, deleted: 0 };
  const added: MergedFile[] = [];
  const removed: number[] = [];
  const ownBytes = deltaBytes(task) / Math.max(read, 1);
  if (task.base.length === 0) {
    // There is no row that could go.
    counts.unchanged = await numberOf(connection, 'SELECT count(*) FROM deletions');
    counts.inserted = read - superseded - counts.unchanged;
    if (counts.inserted > 0)
      added.push(
        ...(await writeFirst(connection, task, {
          query: 'delta',
          isSorted: isAscending,
          minusZero,
          rowBytes: ownBytes,
        })),
      );
    return { counts, added, removed };
  }
  for (const [index, file] of task.base.entries()) {
    const verdict = await judge(connection, task, file);
    counts.inserted += verdict.inserted;
    counts.updated += verdict.updated;
    counts.unchanged += verdict.unchanged;
    counts.superseded += verdict.superseded;
    counts.deleted += verdict.deleted;
    if (verdict.inserted + verdict.updated + verdict.deleted === 0) continue;
    const held = minusZero || (await mayHoldMinusZero(connection, file.path));
    const parts = partsOf(file, verdict, task.write.targetFileSize);
    const inPlace =
      verdict.inserted + verdict.deleted === 0 &&
      ownBytes * verdict.updated <= countedBytes(task.memoryBytes) / BUILD_SHARE;
    const rowBytes = Math.max(ownBytes, await storedRowBytes(connection, [file.path]));
    added.push(...(await writeMerged(connection, task, { file, index, parts, inPlace, minusZero: held, rowBytes })));
    removed.push(index);
  }
  return { counts, added, removed };
}

/**
 * What part of memory the rows that change a file may be to be replaced in place: the file's rows are then joined with them as they come, which
 * keeps their order only while those are in memory.
 */
const BUILD_SHARE = 5;

function deltaBytes({ sections }: MergeTask): number {
  return sections.flatMap(({ chunks }) => chunks).reduce((sum, { rawLength }) => sum + rawLength, 0);
}

/** What a reading of the file's range does. */
type Outcome = 'inserted' | 'updated' | 'unchanged' | 'superseded' | 'deleted';

type Verdict = Pick<MergeCounts, Outcome> & { readonly baseRows: number };

/**
 * Decides for every reading of the file's range what it does, and leaves the ids that change something in `changed`. Mostly a row that
 * changes has another cursor, so only ids and cursors are read of the file; of rows with the same cursor, if there are any, all columns are.
 */
async function judge(connection: DuckDBConnection, task: MergeTask, file: LocalBaseFile): Promise<Verdict> {
  const { schema, cursor } = task;
  await connection.run(`CREATE OR REPLACE TEMP VIEW base AS ${await selectFile(connection, schema, file.path)}`);
  const id = name(ID_COLUMN);
  const own = inRange(file, schema);
  const [ours, theirs] = ['d', 'b'].map((alias) => cursorExpression(schema, cursor, alias));
  const moved = ours === undefined ? 'false' : `${ours} IS DISTINCT FROM ${theirs}`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE verdict AS
    SELECT d.${id}, CASE WHEN b.${id} IS NULL THEN 'inserted' WHEN ${kept(task)} THEN 'superseded' WHEN ${moved} THEN 'updated' ELSE 'unchanged' END AS outcome
    FROM (SELECT * FROM delta WHERE ${own}) d LEFT JOIN base b ON d.${id} = b.${id}
    UNION ALL
    SELECT d.${id}, CASE WHEN b.${id} IS NULL THEN 'unchanged' WHEN ${kept(task)} THEN 'superseded' ELSE 'deleted' END
    FROM (FROM deletions WHERE ${own}) d LEFT JOIN base b ON d.${id} = b.${id}`);
  if ((await outcomesOf(connection)).unchanged > 0) await connection.run(differing(schema));
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE changed AS SELECT ${id} FROM verdict WHERE outcome IN ('inserted', 'updated', 'deleted')`,
  );
  const outcomes = await outcomesOf(connection);
  return { ...outcomes, baseRows: await numberOf(connection, 'SELECT count(*) FROM base') };
}

/** Of the rows that are taken for unchanged, those that differ in some column are updates. */
function differing(schema: TableSchema): string {
  const id = name(ID_COLUMN);
  return `UPDATE verdict SET outcome = 'updated' WHERE outcome = 'unchanged' AND ${id} IN (
    SELECT d.${id} FROM (FROM delta WHERE ${id} IN (SELECT ${id} FROM verdict WHERE outcome = 'unchanged')) d
    JOIN base b ON d.${id} = b.${id} WHERE NOT (${sameRows(schema)}))`;
}

async function outcomesOf(connection: DuckDBConnection): Promise<Record<Outcome, number>> {
  const counted = await connection.runAndReadAll('SELECT outcome, count(*) AS n FROM verdict GROUP BY outcome');
  const rows = counted.getRowObjectsJS();
  const of = (outcome: Outcome) => Number(rows.find((row) => row.outcome === outcome)?.n ?? 0);
  return {
    inserted: of('inserted'),
    updated: of('updated'),
    unchanged: of('unchanged'),
    superseded: of('superseded'),
    deleted: of('deleted'),
  };
}

/** The condition that row `b` stays although document `d` has its id. */
function kept({ keepRows, schema, cursor }: MergeTask): string {
  const row = keepRows === 'none' ? undefined : cursorExpression(schema, cursor, 'b');
  const own = `d.${name(CURSOR_COLUMN)}`;
  if (keepRows === 'notOlder') return row === undefined ? 'true' : `(${own} > ${row}) IS NOT TRUE`;
  return row === undefined ? 'false' : `${row} IS NOT NULL AND (${own} IS NULL OR ${row} > ${own})`;
}
