import type { Json } from '@duckdb/node-api';
import { type Bound, type ColumnStats, statsJson } from '../../shared/domain/delta/stats.ts';
import { type Column, ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';

interface CopiedFile {
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  readonly stats: string;
}

type Entry = { readonly key: string; readonly value: Json };

/**
 * The files of a `COPY … (RETURN_STATS)`, in the order written, with their statistics as Delta has them. Those of `textless` get no bounds
 * of texts.
 */
export function copyStats(
  rows: readonly Record<string, Json>[],
  schema: TableSchema,
  textless: ReadonlySet<string>,
): CopiedFile[] {
  const files = rows.map((row) => copiedFile(row, schema, !textless.has(String(row.filename))));
  return files.sort((a, b) => partNumber(a.path) - partNumber(b.path));
}

function partNumber(path: string): number {
  return Number(/part-(\d+)\.parquet$/.exec(path)?.[1] ?? 0);
}

function copiedFile(row: Record<string, Json>, schema: TableSchema, hasTexts: boolean): CopiedFile {
  const statistics = new Map(
    (row.column_statistics as unknown as Entry[]).map((entry) => [entry.key, facts(entry.value)]),
  );
  const columns: ColumnStats[] = [];
  const visit = (column: Pick<Column, 'name' | 'type'>, parents: readonly string[]) => {
    const path = [...parents, column.name];
    if (column.type.kind === 'struct') {
      for (const field of column.type.fields) visit(field, path);
      return;
    }
    const known = statistics.get(path.map((part) => `"${part.replaceAll('"', '""')}"`).join('.'));
    if (known === undefined) return;
    const stats = columnStats(path, column.type.kind, known);
    columns.push(hasTexts || column.type.kind !== 'string' ? stats : withoutBounds(stats));
  };
  visit({ name: ID_COLUMN, type: { kind: schema.idType === 'long' ? 'long' : 'string' } }, []);
  for (const column of schema.columns) visit(column, []);
  const count = Number(row.count);
  return {
    path: String(row.filename),
    size: Number(row.file_size_bytes),
    rows: count,
    stats: statsJson({ numRecords: count, columns }),
  };
}

function withoutBounds({ min: _min, max: _max, ...rest }: ColumnStats): ColumnStats {
  return rest;
}

function facts(value: Json): ReadonlyMap<string, string> {
  return new Map((value as unknown as Entry[]).map((entry) => [entry.key, String(entry.value)]));
}

function columnStats(
  path: readonly string[],
  kind: Column['type']['kind'],
  known: ReadonlyMap<string, string>,
): ColumnStats {
  const min = known.get('min');
  const max = known.get('max');
  const least = min === undefined ? undefined : bound(kind, min);
  const greatest = max === undefined ? undefined : bound(kind, max);
  return {
    path,
    nullCount: Number(known.get('null_count') ?? 0),
    hasNaN: known.get('has_nan') === 'true',
    ...(least === undefined ? {} : { min: least }),
    ...(greatest === undefined ? {} : { max: greatest }),
  };
}

/**
 * DuckDB's text of a bound, as a value. Booleans and binaries have none in Delta; JSON text is not worth one; readers
 * take those of decimal columns through doubles, which would make them wrong.
 */
function bound(kind: Column['type']['kind'], text: string): Bound | undefined {
  switch (kind) {
    case 'long':
      return BigInt(text);
    case 'double':
      return text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
    case 'timestamp':
      return { micros: parseMicros(text) };
    case 'string':
    case 'objectId':
    case 'uuid':
    case 'decimal':
      return text;
    default:
      return undefined;
  }
}

/** `2026-01-02 03:04:05.678901+00` in microseconds since the epoch. */
function parseMicros(text: string): bigint {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text);
  if (match === null) throw new Error(`DuckDB gave an unexpected timestamp: ${text}`);
  const seconds = Date.parse(`${match[1]}T${match[2]}Z`) / 1000;
  return BigInt(seconds) * 1_000_000n + BigInt((match[3] ?? '').padEnd(6, '0'));
}
