import type { DuckDBConnection } from '@duckdb/node-api';
import { ID_COLUMN } from '../../shared/domain/schema.ts';
import { CURSOR_COLUMN, openDecoder, SEQ_COLUMN } from './decode.ts';
import type { MergeTask } from './engine.ts';
import { sectionBlocks } from './sections.ts';
import { deletionColumns, name, tableColumns } from './sql.ts';
import { listen } from './stop.ts';

/** What was read of the source, in the tables `delta` and `deletions`: one reading of each id in one of them. */
export interface Delta {
  /** Documents, with the deletions. */
  readonly read: number;
  /** Readings that a later one has replaced. */
  readonly superseded: number;
  /** Whether some double is -0.0. */
  readonly minusZero: boolean;
  /** Whether the ids of `delta` ascend, so that its rows need no sorting. */
  readonly isAscending: boolean;
}

/** Decodes every section, and keeps one reading of each id, the last by (cursor, order of reading), or by that order alone, be it a deletion. */
export async function loadDelta(
  connection: DuckDBConnection,
  { schema, cursor, sections, isInOrder }: Pick<MergeTask, 'schema' | 'cursor' | 'sections' | 'isInOrder'>,
  signal: AbortSignal | undefined,
): Promise<Delta> {
  await connection.run(`CREATE OR REPLACE TABLE delta (${tableColumns(schema)})`);
  await connection.run(`CREATE OR REPLACE TABLE deletions (${deletionColumns(schema)})`);
  const decoder = await openDecoder(connection, schema, cursor);
  for (const documents of sectionBlocks(sections)) {
    decoder.append(documents);
    await listen(signal);
  }
  decoder.close();
  if (schema.idType !== 'long') {
    const id = name(ID_COLUMN);
    await connection.run(`ALTER TABLE deletions ALTER ${id} TYPE VARCHAR USING decode(${id})`);
  }
  const { documents: read, deletions, minusZero, isAscending } = decoder;
  const superseded = isAscending && deletions === 0 ? 0 : await dropOlderReadings(connection, isInOrder);
  return { read, superseded, minusZero, isAscending };
}

/** Returns how many were dropped. */
async function dropOlderReadings(connection: DuckDBConnection, isInOrder = false): Promise<number> {
  const [id, seq, cursor] = [ID_COLUMN, SEQ_COLUMN, CURSOR_COLUMN].map(name);
  const tables = ['delta', 'deletions'];
  const readings = tables.map((table) => `SELECT ${id}, ${seq}, ${cursor} FROM ${table}`).join(' UNION ALL ');
  const duplicates = await numberOf(connection, `SELECT count(*) - count(DISTINCT ${id}) FROM (${readings})`);
  if (duplicates === 0) return 0;
  const order = isInOrder ? `${seq} DESC` : `${cursor} DESC NULLS LAST, ${seq} DESC`;
  await connection.run(`CREATE OR REPLACE TEMP TABLE older AS SELECT ${seq} FROM (
    SELECT ${seq}, row_number() OVER (PARTITION BY ${id} ORDER BY ${order}) AS place
    FROM (${readings})) WHERE place > 1`);
  for (const table of tables) await connection.run(`DELETE FROM ${table} WHERE ${seq} IN (FROM older)`);
  return duplicates;
}

/** The one number that a query gives. */
export async function numberOf(connection: DuckDBConnection, sql: string): Promise<number> {
  return Number((await connection.runAndReadAll(sql)).getRows()[0]?.[0]);
}
