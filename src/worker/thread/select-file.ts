import type { DuckDBConnection } from '@duckdb/node-api';
import type { TableSchema } from '../../shared/domain/schema.ts';
import { parquet, parquetFiles, selectList } from './sql.ts';

/** The query that reads a file, of an older schema or another id type, as one of this schema. */
export async function selectFile(connection: DuckDBConnection, schema: TableSchema, path: string): Promise<string> {
  return selectFrom(connection, schema, parquet(path));
}

/** The same of several files, one after the other: in this order, which a union of queries would not keep. */
export async function selectFiles(
  connection: DuckDBConnection,
  schema: TableSchema,
  paths: readonly string[],
): Promise<string> {
  return selectFrom(connection, schema, parquetFiles(paths));
}

async function selectFrom(connection: DuckDBConnection, schema: TableSchema, rows: string): Promise<string> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${rows}`);
  const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
  return `SELECT ${selectList(schema, present)} FROM ${rows}`;
}
