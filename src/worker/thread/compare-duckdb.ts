import type { DuckDBConnection } from '@duckdb/node-api';
import { type Comparison, checksumText, type Difference, type Tally } from '../../shared/domain/comparison.ts';
import { isWithinId } from '../../shared/domain/cursor.ts';
import { ID_COLUMN } from '../../shared/domain/schema.ts';
import { CURSOR_COLUMN } from './decode.ts';
import type { CompareOutcome, CompareTask } from './engine.ts';
import { loadDelta, numberOf } from './load-duckdb.ts';
import { sameRows } from './minus-zero.ts';
import { selectFile } from './select-file.ts';
import { cursorExpression, name, selectList } from './sql.ts';
import { createSuspects } from './suspects.ts';
import { readText, textOf } from './write.ts';

const ID = name(ID_COLUMN);
const CURSOR = name(CURSOR_COLUMN);

/**
 * Compares the rows of one partition with what was read: by a full join where that is all there is, else by what was read alone. Files are read
 * no further than the comparison needs: mostly `_id` and cursor.
 */
export async function comparePartition(
  connection: DuckDBConnection,
  task: CompareTask,
  signal: AbortSignal | undefined,
): Promise<CompareOutcome> {
  const { comparison, scratch, schema } = task;
  await loadDelta(connection, task, signal);
  await connection.run(`CREATE OR REPLACE TEMP VIEW base AS ${await baseRows(connection, task)}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE apart AS ${leftOut(comparison)}`);
  await connection.run(`CREATE OR REPLACE TEMP TABLE found AS ${differences(task)}`);
  const suspects = createSuspects(scratch, schema.idType);
  const found = await connection.stream(`SELECT ${textOf(ID)}, difference FROM found ORDER BY ${ID}`);
  for await (const rows of found.yieldRows())
    for (const [id, difference] of rows) suspects.add(readText(id), String(difference) as Difference);
  suspects.close();
  return {
    documents: await tally(connection, task, 'delta'),
    rows: await tally(connection, task, 'base'),
    ids: await numberOf(connection, 'SELECT (SELECT count(*) FROM delta) + (SELECT count(*) FROM deletions)'),
    leftOut: await numberOf(connection, 'SELECT count(*) FROM apart'),
    differences: suspects.differences,
    examples: suspects.examples,
    lists: suspects.lists,
  };
}

/** The rows of all files with their cursors; of other columns only what is compared. */
async function baseRows(
  connection: DuckDBConnection,
  { table, cursor, base, comparison }: CompareTask,
): Promise<string> {
  const columns = comparison.isDeep ? 'b.*' : `b.${ID}`;
  const cursorOf = cursorExpression(table, cursor, 'b') ?? 'NULL::BIGINT';
  const none = `SELECT ${selectList(table, new Set())} WHERE false`;
  const files: string[] = [];
  for (const { path } of base) files.push(await selectFile(connection, table, path));
  const rows = [none, ...files].map((query) => `SELECT ${columns}, ${cursorOf} AS ${CURSOR} FROM (${query}) b`);
  return rows.join(' UNION ALL ');
}

/** Ids that are left out: their documents are later than is compared, or their rows newer. */
function leftOut({ documentsUntil, rowsUntil }: Comparison): string {
  const later = (table: string, until: number | null) =>
    `SELECT ${ID} FROM ${table} WHERE ${until === null ? 'false' : `${CURSOR} > ${until}`}`;
  return [later('delta', documentsUntil), later('deletions', documentsUntil), later('base', rowsUntil)].join(' UNION ');
}

/** Ids that differ, and how. */
function differences({ comparison, schema, cursor }: CompareTask): string {
  const { isWhole, isDeep } = comparison;
  const hasSameCursor = isWithinId(cursor) ? 'true' : `d.${CURSOR} IS NOT DISTINCT FROM b.${CURSOR}`;
  const same = isDeep ? sameRows(schema) : hasSameCursor;
  const read = `SELECT coalesce(d.${ID}, b.${ID}) AS ${ID},
      CASE WHEN b.${ID} IS NULL THEN 'missing' WHEN d.${ID} IS NULL THEN 'gone' ELSE 'stale' END AS difference
    FROM delta d ${isWhole ? 'FULL' : 'LEFT'} JOIN base b ON d.${ID} = b.${ID}
    WHERE d.${ID} IS NULL OR b.${ID} IS NULL OR NOT (${same})`;
  const deleted = `SELECT d.${ID}, 'gone' AS difference FROM deletions d JOIN base b ON d.${ID} = b.${ID}`;
  const found = isWhole ? read : `${read} UNION ALL ${deleted}`;
  return `SELECT * FROM (${found}) f WHERE NOT EXISTS (FROM apart a WHERE a.${ID} = f.${ID})`;
}

/** Of what is compared of a table. */
async function tally(connection: DuckDBConnection, { cursor }: CompareTask, table: 'delta' | 'base'): Promise<Tally> {
  const key = `concat(t.${ID}, '|'${isWithinId(cursor) ? '' : `, t.${CURSOR}`})`;
  const result = await connection.runAndReadAll(`SELECT count(*), coalesce(sum(md5_number_lower(${key})), 0)::VARCHAR
    FROM ${table} t WHERE NOT EXISTS (FROM apart a WHERE a.${ID} = t.${ID})`);
  const [count, sum] = result.getRows()[0] ?? [];
  return { count: Number(count), checksum: checksumText(BigInt(String(sum))) };
}
