import { type ColumnType, ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { cursorColumns } from './cursor-column.ts';
import { CURSOR_COLUMN, SEQ_COLUMN } from './decode.ts';
import type { IdRange } from './engine.ts';

/** An identifier, quoted. */
export function name(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** A string literal, quoted. A NUL would end the statement, so a text with one is given by its bytes. */
export function literal(text: string): string {
  if (text.includes('\0')) return `decode(from_hex('${Buffer.from(text, 'utf8').toString('hex')}'))`;
  return `'${text.replaceAll("'", "''")}'`;
}

/** The condition that a row's id is within the range. */
export function inRange(range: IdRange, { idType }: TableSchema): string {
  const bound = (value: string) => (idType === 'long' ? value : literal(value));
  const parts = [
    ...(range.lower === null ? [] : [`${name(ID_COLUMN)} >= ${bound(range.lower)}`]),
    ...(range.upper === null ? [] : [`${name(ID_COLUMN)} < ${bound(range.upper)}`]),
  ];
  return parts.length === 0 ? 'true' : parts.join(' AND ');
}

/** The SQL name of a column's type. */
export function sqlType(type: ColumnType): string {
  switch (type.kind) {
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${name(field.name)} ${sqlType(field.type)}`).join(', ')})`;
    case 'array':
      return `${sqlType(type.element)}[]`;
    case 'long':
      return 'BIGINT';
    case 'double':
      return 'DOUBLE';
    case 'boolean':
      return 'BOOLEAN';
    case 'timestamp':
      return 'TIMESTAMPTZ';
    case 'binary':
      return 'BLOB';
    default:
      return 'VARCHAR';
  }
}

interface SqlColumn {
  readonly name: string;
  readonly type: string;
}

/** All columns of the table, in order. */
export function sqlColumns(schema: TableSchema): readonly SqlColumn[] {
  return [
    { name: ID_COLUMN, type: schema.idType === 'long' ? 'BIGINT' : 'VARCHAR' },
    ...schema.columns.map((column) => ({ name: column.name, type: sqlType(column.type) })),
    ...(schema.extra === null ? [] : [{ name: schema.extra, type: 'VARCHAR' }]),
  ];
}

/** Their quoted names. */
export function columnNames(schema: TableSchema): readonly string[] {
  return sqlColumns(schema).map((column) => name(column.name));
}

/** The definition of the delta table. */
export function tableColumns(schema: TableSchema): string {
  const own = [SEQ_COLUMN, CURSOR_COLUMN].map((column) => ({ name: column, type: 'BIGINT' }));
  return [...own, ...sqlColumns(schema)].map((column) => `${name(column.name)} ${column.type}`).join(', ');
}

/**
 * Reads a file of an older schema as one of this: columns it lacks are null, structs are widened by field name.
 */
export function selectList(schema: TableSchema, present: ReadonlySet<string>): string {
  return sqlColumns(schema)
    .map((column) => {
      const value = present.has(column.name) ? name(column.name) : 'NULL';
      return `CAST(${value} AS ${column.type}) AS ${name(column.name)}`;
    })
    .join(', ');
}

/** The file's rows, whatever its path is called: a folder `day=1` is no column. */
export function parquet(path: string): string {
  return `read_parquet(${literal(path)}, hive_partitioning = false)`;
}

/** The cursor's value of a table row in epoch milliseconds, as SQL; `undefined` where the schema has no timestamp there. */
export function cursorExpression(schema: TableSchema, cursorField: string, alias: string): string | undefined {
  const columns = cursorColumns(schema, cursorField);
  if (columns === undefined) return undefined;
  return `epoch_ms(${alias}.${columns.map((column) => name(column.name)).join('.')})`;
}
