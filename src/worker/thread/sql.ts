import { type Cursor, type CursorType, cursorUnit_ms, DATE_MAX_MS } from '../../shared/domain/cursor.ts';
import { type CursorKind, cursorColumns, EJSON_TIME } from '../../shared/domain/cursor-column.ts';
import { fixedText } from '../../shared/domain/fixed.ts';
import { type ColumnType, ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
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
    case 'fixed':
      return fixedText(type);
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

/** The definition of the table of deletions, as the decoder fills it. */
export function deletionColumns({ idType }: TableSchema): string {
  const own = [SEQ_COLUMN, CURSOR_COLUMN].map((column) => `${name(column)} BIGINT`);
  return [...own, `${name(ID_COLUMN)} ${idType === 'long' ? 'BIGINT' : 'BLOB'}`].join(', ');
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

/** The rows of files, one file after the other; columns and fields of structs that one lacks are null. */
export function parquetFiles(paths: readonly string[]): string {
  return `read_parquet([${paths.map(literal).join(', ')}], union_by_name = true, hive_partitioning = false)`;
}

/** The cursor's value of a table row in epoch milliseconds, as SQL; `undefined` where the schema has no column for it. */
export function cursorExpression(schema: TableSchema, cursor: Cursor, alias: string): string | undefined {
  const values = cursorColumns(schema, cursor).map(({ path, kind }) =>
    cursorOfColumn(cursor.type, kind, `${alias}.${path.map(name).join('.')}`),
  );
  return values.length === 0 ? undefined : `coalesce(${values.join(', ')})`;
}

/** `cursorOfValue` in SQL. */
function cursorOfColumn(type: CursorType, kind: CursorKind, column: string): string {
  switch (type) {
    case 'date':
      return kind === 'timestamp' ? `epoch_ms(${column})` : ejsonTime('date', column);
    case 'timestamp':
      return `${ejsonTime('timestamp', column)} * 1000`;
    case 'objectId':
      return `CAST('0x' || substr(${column}, 1, 8) AS BIGINT) * 1000`;
    default:
      return epochCursor(type, kind, column);
  }
}

function ejsonTime(type: keyof typeof EJSON_TIME, column: string): string {
  return `TRY_CAST(regexp_extract(${column}, ${literal(EJSON_TIME[type])}, 1) AS BIGINT)`;
}

/** A decimal is taken to its twentieth place. The bounds come first: a cast of what is beyond 64 bits, or of NaN, would fail. */
function epochCursor(type: CursorType, kind: CursorKind, column: string): string {
  const unit = cursorUnit_ms(type);
  const furthest = DATE_MAX_MS / unit;
  const number = kind === 'decimal' ? `TRY_CAST(${column} AS DECIMAL(38, 20))` : column;
  return `CASE WHEN ${number} >= -${furthest} AND ${number} < ${furthest + 1} THEN CAST(floor(${number}) AS BIGINT) * ${unit} END`;
}
