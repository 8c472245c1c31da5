import type { ColumnData } from 'parquetjs-lite';
import { type Field, type Group, isGroup, type Leaf } from './fields.ts';
import { physical } from './physical.ts';
import type { FileField } from './read.ts';

/** Puts rows together from the leaves of a row group. */
export interface Assembler {
  /** What has to be read of the file, in the order in which `rows` wants it. */
  readonly leaves: readonly FileField[];
  /** Rows as arrays: a value for each field, structs and lists as arrays too, null for what is null or not in the file. */
  rows(columns: readonly ColumnData[], count: number): unknown[][];
}

/** How far a leaf has been read. */
interface Cursor {
  readonly data: ColumnData;
  /** The next level, and the next value. */
  at: number;
  value: number;
}

/** Takes the next value of a field. */
interface Part {
  /** Its leaves' places; never empty. */
  readonly leaves: readonly number[];
  next(cursors: readonly Cursor[]): unknown;
}

/**
 * Compiles the reading of these fields from a file by their names. The file may have an older schema: what it lacks is null, at
 * every level. The library's own records can't be used: they are made by assignment, where `__proto__` is no field.
 */
export function assembler(fields: readonly Field[], file: readonly FileField[]): Assembler {
  const leaves: FileField[] = [];
  const parts = fields.map((field) => partOf(field, file, leaves));
  return {
    leaves,
    rows(columns, count) {
      const cursors = columns.map((data): Cursor => ({ data, at: 0, value: 0 }));
      return Array.from({ length: count }, () => parts.map((part) => part?.next(cursors) ?? null));
    },
  };
}

function partOf(field: Field, siblings: readonly FileField[], leaves: FileField[]): Part | undefined {
  const found = siblings.find(({ name }) => name === field.name);
  if (found === undefined) return undefined;
  if (!isGroup(field)) return leafPart(field, found, leaves);
  return field.annotation === 'LIST' ? listPart(field, found, leaves) : structPart(field, found, leaves);
}

function leafPart({ type }: Leaf, { dLevelMax, ...rest }: FileField, leaves: FileField[]): Part {
  const index = leaves.push({ dLevelMax, ...rest }) - 1;
  const { decode } = physical(type);
  return {
    leaves: [index],
    next(cursors) {
      const cursor = cursors[index] as Cursor;
      if (cursor.data.dlevels[cursor.at++] !== dLevelMax) return null;
      const stored = cursor.data.values[cursor.value++];
      return decode === undefined ? stored : decode(stored);
    },
  };
}

function structPart(group: Group, { children, dLevelMax }: FileField, leaves: FileField[]): Part | undefined {
  const parts = group.fields.map((field) => partOf(field, children, leaves));
  const own = parts.flatMap((part) => part?.leaves ?? []);
  const [first] = own;
  if (first === undefined) return undefined;
  return {
    leaves: own,
    next(cursors) {
      if (definition(cursors, first) >= dLevelMax) return parts.map((part) => part?.next(cursors) ?? null);
      skip(cursors, own);
      return null;
    },
  };
}

function listPart(group: Group, { children, dLevelMax }: FileField, leaves: FileField[]): Part | undefined {
  const [wanted] = (group.fields[0] as Group).fields;
  const [repeated] = children;
  const element = wanted && repeated && partOf(wanted, repeated.children, leaves);
  if (element === undefined || repeated === undefined) return undefined;
  const first = element.leaves[0] as number;
  return {
    leaves: element.leaves,
    next(cursors) {
      const level = definition(cursors, first);
      if (level < repeated.dLevelMax) {
        skip(cursors, element.leaves);
        return level < dLevelMax ? null : [];
      }
      const { data } = cursors[first] as Cursor;
      const items: unknown[] = [];
      do items.push(element.next(cursors) ?? null);
      while (data.rlevels[(cursors[first] as Cursor).at] === repeated.rLevelMax);
      return items;
    },
  };
}

function definition(cursors: readonly Cursor[], leaf: number): number {
  const { data, at } = cursors[leaf] as Cursor;
  return data.dlevels[at] as number;
}

/** A null, or an empty list, takes one level of every leaf below it. */
function skip(cursors: readonly Cursor[], leaves: readonly number[]): void {
  for (const leaf of leaves) (cursors[leaf] as Cursor).at++;
}
