import type { DuckDBConnection } from '@duckdb/node-api';
import { ID_COLUMN } from '../../shared/domain/schema.ts';
import type { FindTask, FoundIds } from './engine.ts';
import { name, parquet } from './sql.ts';
import { readText, textOf } from './write.ts';

/** Ids that are written into one statement. */
const IDS_AT_ONCE = 1_000;

/** `Engine.find`. Ids are compared by their bytes, whatever the type of the column. */
export async function findInFile(connection: DuckDBConnection, { path, ids }: FindTask): Promise<FoundIds> {
  const id = name(ID_COLUMN);
  await connection.run('CREATE OR REPLACE TEMP TABLE wanted (id BLOB)');
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    const values = ids.slice(from, from + IDS_AT_ONCE).map((text) => `(from_hex('${hex(text)}'))`);
    await connection.run(`INSERT INTO wanted VALUES ${values.join(', ')}`);
  }
  const found = await connection.runAndReadAll(
    `SELECT DISTINCT ${textOf(id)} AS id FROM ${parquet(path)} WHERE ${textOf(id)} IN (FROM wanted) ORDER BY id`,
  );
  const ends = await connection.runAndReadAll(
    `SELECT ${textOf(`min(${id})`)}, ${textOf(`max(${id})`)} FROM ${parquet(path)}`,
  );
  const [first, last] = (ends.getRows()[0] ?? []).map((value) => (value === null ? null : readText(value)));
  return { ids: found.getRows().map(([value]) => readText(value)), first: first ?? null, last: last ?? null };
}

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}
