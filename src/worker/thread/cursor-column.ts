import { cursorPath } from '../../shared/domain/cursor.ts';
import type { Column, TableSchema } from '../../shared/domain/schema.ts';

/** The columns on the way to the cursor's values in a table: structs, then a timestamp; `undefined` where the schema has none. */
export function cursorColumns(schema: TableSchema, cursorField: string): readonly Column[] | undefined {
  const found: Column[] = [];
  let columns: readonly Column[] = schema.columns;
  const path = cursorPath(cursorField);
  for (const [depth, source] of path.entries()) {
    const wanted = depth === path.length - 1 ? 'timestamp' : 'struct';
    const column = columns.find((candidate) => candidate.source === source && candidate.type.kind === wanted);
    if (column === undefined) return undefined;
    found.push(column);
    columns = column.type.kind === 'struct' ? column.type.fields : [];
  }
  return found;
}
