import { expect } from 'vitest';
import { kindText } from '../../../src/shared/domain/delta/schema.ts';
import { rowsOf } from './inspect.ts';
import type { Row } from './model.ts';
import type { Doc, LocalTable } from './table.ts';

/** What a table shows: its columns as `name: kind`, and its rows in order, without their ids and without what is null. */
export interface Shown {
  readonly kinds: readonly string[];
  readonly rows: readonly Row[];
}

/** Merges documents and shows the table. The same documents again must change nothing: what was written is what was read. */
export async function load(table: LocalTable, documents: readonly Doc[]): Promise<Shown> {
  await table.sync([documents]);
  const rows = await rowsOf(table);
  expect((await table.sync([documents])).counts.unchanged).toBe(documents.length);
  const kinds = table.schema().columns.map(({ name, type }) => `${name}: ${kindText(type)}`);
  return { kinds, rows: rows.map(({ _id, ...rest }) => shown(rest)) };
}

/** One document per value, in field `a`. */
export function loadValues(table: LocalTable, values: readonly unknown[]): Promise<Shown> {
  return load(
    table,
    values.map((a, _id) => ({ _id, a })),
  );
}

/** A row without what is null. */
export function shown(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

export function sequence<T>(count: number, of: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => of(i));
}
