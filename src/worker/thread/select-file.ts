import type { DuckDBConnection } from '@duckdb/node-api';
import type { TableSchema } from '../../shared/domain/schema.ts';
import { parquet, selectList } from './sql.ts';

/** The query that reads a file, of an older schema or another id type, as one of this schema. */
export async function selectFile(connection: DuckDBConnection, schema: TableSchema, path: string): Promise<string> {
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquet(path)}`);
  const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
  return `SELECT ${selectList(schema, present)} FROM ${parquet(path)}`;
}
