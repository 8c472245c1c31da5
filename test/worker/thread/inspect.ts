import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { parse } from 'lossless-json';
import { expect } from 'vitest';
import { compareIds } from '../../../src/shared/domain/ids.ts';
import type { Column, TableSchema } from '../../../src/shared/domain/schema.ts';
import type { Row } from './model.ts';
import { type HeldFile, type LocalTable, sizeOf } from './table.ts';

/** All rows of the table in the order of its files, as hyparquet reads them; holds its invariants on the way. */
export async function rowsOf(table: LocalTable): Promise<Row[]> {
  const all: Row[] = [];
  for (const file of table.files()) {
    const rows = await readFile(file);
    checkFile(file, rows, table.schema());
    all.push(...rows);
  }
  checkTiling(table.files());
  expect(new Set(all.map(({ _id }) => _id)).size, 'one row per id').toBe(all.length);
  return all;
}

async function readFile({ path }: HeldFile): Promise<Row[]> {
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), utf8: false, parsers: PARSERS });
  return rows.map((row) => nulled(row) as Row);
}

/** hyparquet's own decoder leaves out a byte order mark at the beginning of a text. */
const text = new TextDecoder('utf-8', { ignoreBOM: true });
const PARSERS = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && text.decode(bytes) };

/** hyparquet gives now null, now undefined for what is null. */
function nulled(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return value.map(nulled);
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, nulled(child)]));
}

/** The ranges of a partition's files cover every id exactly once. */
function checkTiling(files: readonly HeldFile[]): void {
  if (files.length === 0) return;
  expect(files[0]?.lower).toBeNull();
  expect(files.at(-1)?.upper).toBeNull();
  for (const [i, file] of files.slice(1).entries()) {
    expect(file.lower).not.toBeNull();
    expect(file.lower).toBe(files[i]?.upper);
  }
}

function checkFile(file: HeldFile, rows: readonly Row[], schema: TableSchema): void {
  expect(file.size).toBe(sizeOf(file));
  expect(rows).toHaveLength(file.rows);
  // What keeps the range of rows that are gone.
  if (file.rows === 0) return;
  const ids = rows.map(({ _id }) => String(_id));
  const order = (a: string, b: string) => compareIds(schema.idType, a, b);
  const unsorted = ids.slice(1).filter((id, i) => order(ids[i] as string, id) >= 0);
  expect(unsorted, 'rows sorted by id').toEqual([]);
  if (file.lower !== null) expect(order(file.lower, ids[0] as string)).toBeLessThanOrEqual(0);
  if (file.upper !== null) expect(order(ids.at(-1) as string, file.upper)).toBeLessThan(0);
  checkStats(file, rows, schema);
}

interface Stats {
  readonly numRecords: number;
  readonly minValues: Row;
  readonly maxValues: Row;
  readonly nullCount: Row;
}

/** Parses the statistics of a file, with integers as bigint. */
export function statsOf(file: Pick<HeldFile, 'stats'>): Stats {
  const number = (text: string) => (/^-?\d+$/.test(text) ? BigInt(text) : Number(text));
  return parse(file.stats, undefined, number) as Stats;
}

/** Every statistic that is there must be right: exact counts, and bounds that bound. */
function checkStats(file: HeldFile, rows: readonly Row[], schema: TableSchema): void {
  const stats = statsOf(file);
  expect(stats.numRecords).toBe(BigInt(rows.length));
  const idColumn: Column = { name: '_id', source: '_id', type: { kind: schema.idType === 'long' ? 'long' : 'string' } };
  for (const [path, kind] of [idColumn, ...schema.columns].flatMap((column) => leaves(column, []))) {
    const values = rows.map((row) => pick(row, path)).map((value) => value ?? null);
    const nulls = pick(stats.nullCount, path);
    if (nulls !== undefined)
      expect(nulls, `nulls of ${path}`).toBe(BigInt(values.filter((value) => value === null).length));
    const [min, max] = [pick(stats.minValues, path), pick(stats.maxValues, path)];
    for (const value of values) {
      if (value === null) continue;
      if (min !== undefined) expect(compare(kind, min, value), `${path}: ${min} ≤ ${value}`).toBeLessThanOrEqual(0);
      if (max !== undefined) expect(compare(kind, value, max), `${path}: ${value} ≤ ${max}`).toBeLessThanOrEqual(0);
    }
  }
}

function leaves({ name, type }: Column, parents: readonly string[]): (readonly [readonly string[], string])[] {
  const path = [...parents, name];
  if (type.kind === 'struct') return type.fields.flatMap((field) => leaves(field, path));
  return [[path, type.kind]];
}

function pick(row: unknown, path: readonly string[]): unknown {
  let value = row;
  for (const name of path) value = value != null && Object.hasOwn(value, name) ? (value as Row)[name] : undefined;
  return value;
}

/** Of a bound from the log and a value of a row, either way round. NaN is never within bounds, and infinities are never bounds. */
function compare(kind: string, a: unknown, b: unknown): number {
  if (kind === 'timestamp') return Math.sign(new Date(a as string).getTime() - new Date(b as string).getTime());
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string));
  if (kind === 'double') return Math.sign(Number(a) - Number(b)) || (Number(a) === Number(b) ? 0 : Number.NaN);
  return (a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0;
}
