import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './sql.ts';

/**
 * What part of a thread's memory DuckDB may count as its own. What its appender holds and what the allocator keeps it does not count, and
 * that is as much again (docs/performance.md has what was measured).
 */
const COUNTED_SHARE = 0.3;
/** With less it does not sort what is larger than that: it asks for 64 MiB at once. Bytes. */
const LEAST_COUNTED = 150e6;

/** DuckDB's limit where a thread has so many bytes. */
export function countedBytes(memoryBytes: number): number {
  return Math.max(memoryBytes * COUNTED_SHARE, LEAST_COUNTED);
}

/** Parts of DuckDB's memory that a row group may take: its rows are held until it is complete, and then a column of it once more. */
const ROW_GROUP_SHARE = 6;
/** DuckDB ends a row group only between vectors of this many rows. */
const LEAST_ROWS = 2048;

/** Rows of a row group: `most`, or fewer where a row takes so many bytes that they would not fit into memory. */
export function rowGroupRows(most: number, rowBytes: number, memoryBytes: number): number {
  const fitting = Math.floor(countedBytes(memoryBytes) / ROW_GROUP_SHARE / Math.max(rowBytes, 1));
  return Math.min(most, Math.max(fitting, LEAST_ROWS));
}

/** What a row of these files takes on average before compression, bytes; in memory it takes more where values are repeated, which are stored once. */
export async function storedRowBytes(connection: DuckDBConnection, paths: readonly string[]): Promise<number> {
  const files = `[${paths.map(literal).join(', ')}]`;
  const result = await connection.runAndReadAll(`SELECT coalesce(sum(total_uncompressed_size), 0)::DOUBLE,
    (SELECT coalesce(sum(num_rows), 0)::DOUBLE FROM parquet_file_metadata(${files})) FROM parquet_metadata(${files})`);
  const [bytes, rows] = result.getRows()[0] ?? [];
  return Number(bytes) / Math.max(Number(rows), 1);
}
