import type { BaseFile } from '../shared/domain/plan.ts';
import type { JsonRow, JsonValue } from '../worker/thread/engine.ts';
import { alignRows, cut, printable, widthOf } from './text.ts';

/**
 * The files to read so many rows from: the smallest that has them all; where none has, the longest ones until they do. Deterministic.
 */
export function chooseFiles(files: readonly BaseFile[], rows: number): readonly BaseFile[] {
  const byPath = (a: BaseFile, b: BaseFile) => (a.path < b.path ? -1 : 1);
  const enough = files.filter((file) => file.rows >= rows).toSorted((a, b) => a.size - b.size || byPath(a, b));
  if (enough[0] !== undefined) return [enough[0]];
  const chosen: BaseFile[] = [];
  let found = 0;
  for (const file of files.toSorted((a, b) => b.rows - a.rows || byPath(a, b))) {
    if (found >= rows) break;
    chosen.push(file);
    found += file.rows;
  }
  return chosen;
}

/** Columns of a terminal that one cell may take: where there is room for all columns, and where there is not. */
const CELL_WIDTH = 40;
const NARROW_CELL_WIDTH = 24;
const GAP = 2;

/** A column of the table. */
export interface HeadColumn {
  readonly name: string;
  readonly numeric: boolean;
}

/** Rows as a table of text. `hidden` are the columns that did not fit. */
export interface RowsText {
  readonly lines: readonly string[];
  readonly hidden: readonly string[];
}

/**
 * Rows as aligned text under their column names, nested values as compact JSON, wide cells cut, nulls empty. Columns that would
 * pass `width` are left out, the last ones first; `undefined` shows all.
 */
export function describeRows(
  columns: readonly HeadColumn[],
  rows: readonly JsonRow[],
  width: number | undefined,
): RowsText {
  const texts = [columns.map(({ name }) => name), ...rows.map((row) => row.map(cellText))].map((row) =>
    row.map(printable),
  );
  const wide = texts.map((row) => row.map((text) => cut(text, CELL_WIDTH)));
  const fits = fitting(wide, width) === columns.length;
  const cells = fits ? wide : texts.map((row) => row.map((text) => cut(text, NARROW_CELL_WIDTH)));
  const shown = fitting(cells, width);
  return {
    lines: alignRows(
      cells.map((row) => row.slice(0, shown)),
      columns.map(({ numeric }) => (numeric ? 'right' : 'left')),
    ),
    hidden: columns.slice(shown).map(({ name }) => printable(name)),
  };
}

/** How many columns fit; at least one. */
function fitting(cells: readonly (readonly string[])[], width: number | undefined): number {
  const columns = cells[0]?.length ?? 0;
  if (width === undefined) return columns;
  let taken = -GAP;
  for (let column = 0; column < columns; column++) {
    taken += GAP + Math.max(...cells.map((row) => widthOf(row[column] ?? '')));
    if (taken > width) return Math.max(column, 1);
  }
  return columns;
}

function cellText(value: JsonValue): string {
  if (value === null) return '';
  if (value === '') return '""';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
