import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, ColumnType, TableSchema } from '../../shared/domain/schema.ts';
import { columnNames, literal, name } from './sql.ts';

/**
 * DuckDB takes 0.0 and -0.0 for equal: its comparison does, and so does the dictionary of its Parquet writer, which then
 * writes one of them for both. Files that may hold a -0.0 are therefore written without dictionaries, and say so in their metadata.
 */
const KEY = 'mongolake.minusZero';

/** What a file says of itself. */
export function minusZeroMetadata(held: boolean): Readonly<Record<string, string>> {
  return { [KEY]: String(held) };
}

/** The COPY options of a file that may hold a -0.0, or of one that does not. */
export function minusZeroOptions(held: boolean): readonly string[] {
  return held ? ['DICTIONARY_SIZE_LIMIT 0'] : [];
}

/** Whether a data file may hold a -0.0: it says so, or it says nothing, as those of another engine do. */
export async function mayHoldMinusZero(connection: DuckDBConnection, path: string): Promise<boolean> {
  const result = await connection.runAndReadAll(
    `SELECT count(*) FROM parquet_kv_metadata(${literal(path)}) WHERE decode(key) = ${literal(KEY)} AND decode(value) = 'false'`,
  );
  return Number(result.getRows()[0]?.[0]) === 0;
}

/** Whether rows `d` and `b` are equal in every column, as SQL. NaN equals NaN, and 0 is not -0. */
export function sameRows(schema: TableSchema): string {
  const same = columnNames(schema).map((column) => `d.${column} IS NOT DISTINCT FROM b.${column}`);
  return [...same, ...sameSigns(schema.columns)].join(' AND ');
}

/** Whether the zeros among the doubles of rows `d` and `b` have the same signs, as conditions in SQL; the rows are equal otherwise. */
function sameSigns(columns: readonly Column[]): readonly string[] {
  return columns.flatMap((column) => {
    const [ours, theirs] = ['d', 'b'].map((alias) => signs(column.type, `${alias}.${name(column.name)}`, 0));
    return ours === undefined ? [] : [`${ours} IS NOT DISTINCT FROM ${theirs}`];
  });
}

function signs(type: ColumnType, value: string, depth: number): string | undefined {
  // Of a zero only: a NaN may have a sign too, and is the same NaN.
  if (type.kind === 'double') return `(${value} = 0 AND signbit(${value}))`;
  if (type.kind === 'array') {
    const each = `x${depth}`;
    const inner = signs(type.element, each, depth + 1);
    return inner && `list_transform(${value}, lambda ${each}: ${inner})`;
  }
  if (type.kind !== 'struct') return undefined;
  const fields = type.fields.map((field) =>
    signs(field.type, `struct_extract(${value}, ${literal(field.name)})`, depth),
  );
  const parts = fields.filter((part) => part !== undefined).map((part, i) => `f${i} := ${part}`);
  return parts.length === 0 ? undefined : `struct_pack(${parts.join(', ')})`;
}
