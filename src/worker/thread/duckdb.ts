import { createRequire } from 'node:module';
import type * as Api from '@duckdb/node-api';
import type * as Bindings from '@duckdb/node-bindings';

const load = createRequire(import.meta.url);

/**
 * DuckDB, required rather than imported: Node would parse all of its 180 CommonJS files once more to find out what they export, and each
 * thread would take twice as long to begin.
 */
const api = load('@duckdb/node-api') as typeof Api;

export const { BIGINT, BLOB, BOOLEAN, DECIMAL, DOUBLE, INTEGER, LIST, TIMESTAMPTZ, VARCHAR } = api;
export const { DuckDBDataChunk, DuckDBInstance, DuckDBScalarFunction, DuckDBStructType } = api;
export const { DuckDBBlobValue, DuckDBListValue, DuckDBStructValue, DuckDBTimestampTZValue } = api;

/** Its C API. */
export const bindings = load('@duckdb/node-bindings') as typeof Bindings;
