import type { Cursor } from '../../shared/domain/cursor.ts';
import { type CursorColumn, cursorColumns, cursorOfValue } from '../../shared/domain/cursor-column.ts';
import type { Column, TableSchema } from '../../shared/domain/schema.ts';
import { decimalOf } from './json-value.ts';
import type { Row, Value } from './rows.ts';

/** Reads the cursor of a table row in epoch milliseconds; `undefined` where the row has none. */
export function rowCursor(schema: TableSchema, cursor: Cursor): (row: Row) => bigint | undefined {
  const columns = cursorColumns(schema, cursor).map((column) => ({ ...column, places: placesOf(schema, column) }));
  return (row) => {
    for (const { places, ...column } of columns) {
      const known = cursorOfValue(cursor.type, column.kind, cursorText(valueAt(row, places), column));
      if (known !== undefined) return known;
    }
    return undefined;
  };
}

/** Positions on the way to a column: in the row, then within structs. */
function placesOf({ columns }: TableSchema, { path }: CursorColumn): readonly number[] {
  const places: number[] = [];
  let level: readonly Column[] = columns;
  for (const name of path) {
    const index = level.findIndex((column) => column.name === name);
    // A row begins with its id.
    places.push(index + (places.length === 0 ? 1 : 0));
    const type = level[index]?.type;
    level = type?.kind === 'struct' ? type.fields : [];
  }
  return places;
}

function valueAt(row: Row, places: readonly number[]): Value {
  let value: Value = row;
  for (const place of places) value = value === null ? null : ((value as Row)[place] ?? null);
  return value;
}

/** A value as `cursorOfValue` takes it: rows hold timestamps in microseconds, text as bytes, fixed decimals unscaled. */
function cursorText(value: Value, { kind, scale }: Omit<CursorColumn, 'path'>): bigint | number | string | null {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (scale !== undefined && value !== null) return decimalOf(value as bigint, scale);
  return kind === 'timestamp' && value !== null ? (value as bigint) / 1000n : (value as bigint | number | null);
}
