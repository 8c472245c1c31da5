import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { ID_COLUMN } from '../../shared/domain/schema.ts';
import { DuckDBBlobValue, DuckDBListValue, DuckDBStructValue, DuckDBTimestampTZValue } from './duckdb.ts';
import type { HeadTask, JsonRow, JsonValue } from './engine.ts';
import { binaryJson, doubleJson, integerJson, timestampJson } from './json-value.ts';
import { name, parquet, selectList } from './sql.ts';

/** `Engine.head`. */
export async function readFirstRows(
  connection: DuckDBConnection,
  { paths, schema, limit }: HeadTask,
): Promise<readonly JsonRow[]> {
  const rows: JsonRow[] = [];
  for (const path of paths) {
    if (rows.length >= limit) break;
    const file = parquet(path);
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file}`);
    const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
    const result = await connection.runAndReadAll(
      `SELECT ${selectList(schema, present)} FROM ${file} ORDER BY ${name(ID_COLUMN)} LIMIT ${limit - rows.length}`,
    );
    rows.push(...result.getRows().map((row) => row.map(jsonValue)));
  }
  return rows;
}

/** A DuckDB value as JSON has it. */
function jsonValue(value: DuckDBValue): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return doubleJson(value);
  if (typeof value === 'bigint') return integerJson(value);
  if (value instanceof DuckDBTimestampTZValue) return timestampJson(value.micros);
  if (value instanceof DuckDBBlobValue) return binaryJson(value.bytes);
  if (value instanceof DuckDBListValue) return value.items.map(jsonValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([field, item]) => [field, jsonValue(item)]));
  }
  return value.toString();
}
