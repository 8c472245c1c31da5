import {
  DuckDBBlobValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  type DuckDBValue,
} from '@duckdb/node-api';
import { ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { openEngine } from './engine-duckdb.ts';
import { literal, name, selectList } from './sql.ts';

/** A value of a table as JSON has it: what JSON has no type for is a string. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Values in the order of the table's columns, `_id` first. */
export type Row = readonly JsonValue[];

export interface HeadOptions {
  readonly memoryBytes: number;
  /** A folder for what is spilled. */
  readonly scratch: string;
}

/** The first rows of local Parquet files of a table, by `_id` within each file, with the columns of its newest schema. */
export async function readHead(
  paths: readonly string[],
  schema: TableSchema,
  limit: number,
  { memoryBytes, scratch }: HeadOptions,
): Promise<readonly Row[]> {
  const connection = await openEngine(memoryBytes, scratch);
  try {
    const rows: Row[] = [];
    for (const path of paths) {
      if (rows.length >= limit) break;
      const file = `read_parquet(${literal(path)})`;
      const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file}`);
      const present = new Set(described.getRowObjectsJS().map((row) => String(row.column_name)));
      const result = await connection.runAndReadAll(
        `SELECT ${selectList(schema, present)} FROM ${file} ORDER BY ${name(ID_COLUMN)} LIMIT ${limit - rows.length}`,
      );
      rows.push(...result.getRows().map((row) => row.map(jsonValue)));
    }
    return rows;
  } finally {
    connection.closeSync();
  }
}

/**
 * A DuckDB value as JSON: an integer beyond 2^53 as a string of digits, NaN and infinities by name, timestamps in ISO 8601 with
 * microseconds only where there are any, binaries in base64.
 */
export function jsonValue(value: DuckDBValue): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof DuckDBTimestampTZValue) return isoMicros(value.micros);
  if (value instanceof DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
  if (value instanceof DuckDBListValue) return value.items.map(jsonValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([field, item]) => [field, jsonValue(item)]));
  }
  return value.toString();
}

function isoMicros(micros: bigint): string {
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((micros - rest) / 1000n)).toISOString();
  return rest === 0n ? iso : `${iso.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
