import type { ColumnType, TableSchema } from '../../shared/domain/schema.ts';
import type { HeadTask, JsonRow, JsonValue } from './engine.ts';
import { binaryJson, decimalOf, doubleJson, integerJson, timestampJson } from './json-value.ts';
import { rowGroups } from './parquetjs-read.ts';
import type { Row, Value } from './rows.ts';

/** `Engine.head`: files are sorted by id, so their first rows are the first ones. */
export async function readFirstRows({ paths, schema, limit }: HeadTask): Promise<readonly JsonRow[]> {
  const rows: JsonRow[] = [];
  const types = columnTypes(schema);
  for (const path of paths) {
    if (rows.length >= limit) break;
    for await (const group of rowGroups(path, schema)) {
      const wanted = (await group.rows()).slice(0, limit - rows.length);
      rows.push(...wanted.map((row) => jsonRow(row, types)));
      if (rows.length >= limit) break;
    }
  }
  return rows;
}

function columnTypes({ idType, columns, extra }: TableSchema): readonly ColumnType[] {
  return [
    { kind: idType === 'long' ? 'long' : 'string' },
    ...columns.map(({ type }) => type),
    ...(extra === null ? [] : [{ kind: 'json' } as const]),
  ];
}

function jsonRow(row: Row, types: readonly ColumnType[]): JsonRow {
  return types.map((type, i) => jsonValue(row[i] ?? null, type));
}

function jsonValue(value: Value, type: ColumnType): JsonValue {
  if (value === null) return null;
  switch (type.kind) {
    case 'struct': {
      const values = value as Row;
      return Object.fromEntries(type.fields.map((field, i) => [field.name, jsonValue(values[i] ?? null, field.type)]));
    }
    case 'array':
      return (value as Row).map((item) => jsonValue(item, type.element));
    case 'fixed':
      return decimalOf(value as bigint, type.scale);
    case 'long':
      return integerJson(value as bigint);
    case 'double':
      return doubleJson(value as number);
    case 'boolean':
      return value as boolean;
    case 'timestamp':
      return timestampJson(value as bigint);
    case 'binary':
      return binaryJson(value as Buffer);
    default:
      return (value as Buffer).toString('utf8');
  }
}
