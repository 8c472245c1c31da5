import { type Cursor, type CursorType, cursorPath, DATE_MAX_MS, epochMilliseconds } from './cursor.ts';
import { floorDecimal } from './numbers.ts';
import type { Column, ScalarKind, TableSchema } from './schema.ts';

/** A column, or a field of one within structs, in which a row's cursor may stand. */
export interface CursorColumn {
  /** Names of columns on the way, as the table has them. */
  readonly path: readonly string[];
  readonly kind: CursorKind;
  /** Of a column of fixed decimals, which stands here as `decimal`. */
  readonly scale?: number;
}

/** Kinds of column that hold values of some cursor type. */
export type CursorKind = Extract<ScalarKind, 'timestamp' | 'json' | 'long' | 'double' | 'decimal' | 'objectId'>;

/** A date outside the years of a timestamp column, and every BSON timestamp, stands in a `json` column. */
const KINDS: Readonly<Record<CursorType, readonly CursorKind[]>> = {
  date: ['timestamp', 'json'],
  timestamp: ['json'],
  epochSeconds: ['long', 'double', 'decimal'],
  epochMilliseconds: ['long', 'double', 'decimal'],
  objectId: ['objectId'],
};

/**
 * Where a table's row may have its cursor: the main column of the field and its siblings, of which a row fills one at most. None for
 * a cursor within `_id`: rows are compared with documents of the same `_id`, and so of the same cursor.
 */
export function cursorColumns({ columns }: TableSchema, cursor: Cursor): readonly CursorColumn[] {
  const names: string[] = [];
  let level: readonly Column[] = columns;
  const path = cursorPath(cursor);
  for (const source of path.slice(0, -1)) {
    const struct = level.find((column) => column.source === source && column.type.kind === 'struct');
    if (struct?.type.kind !== 'struct') return [];
    names.push(struct.name);
    level = struct.type.fields;
  }
  const kinds: readonly string[] = KINDS[cursor.type];
  return level
    .filter(({ source }) => source === path.at(-1))
    .map(({ name, type }) => {
      const column = { path: [...names, name], kind: type.kind as CursorKind };
      // Configured once for the field, it goes on taking what fits it.
      return type.kind === 'fixed' ? { ...column, kind: 'decimal' as const, scale: type.scale } : column;
    })
    .filter(({ kind }) => kinds.includes(kind));
}

/** Canonical EJSON of the two types that stand in `json` columns; the first group is the time. */
export const EJSON_TIME = {
  date: '^\\{"\\$date":\\{"\\$numberLong":"(-?[0-9]+)"\\}\\}$',
  timestamp: '^\\{"\\$timestamp":\\{"t":([0-9]+),"i":[0-9]+\\}\\}$',
} as const;

/**
 * A row's value as a cursor in epoch milliseconds, by the rule that reads documents; `undefined` where it is none. Values as the table
 * holds them: `timestamp` as epoch milliseconds, `long` and it as `bigint`, `double` as `number`, all others as their text.
 */
export function cursorOfValue(
  type: CursorType,
  kind: CursorKind,
  value: bigint | number | string | null,
): bigint | undefined {
  if (value === null || !KINDS[type].includes(kind)) return undefined;
  switch (type) {
    case 'date':
      return typeof value === 'string' ? ejsonTime('date', value) : BigInt(value);
    case 'timestamp': {
      const seconds = ejsonTime('timestamp', String(value));
      return seconds === undefined ? undefined : seconds * 1000n;
    }
    case 'objectId':
      return BigInt(`0x${String(value).slice(0, 8)}`) * 1000n;
    default:
      return epochMilliseconds(type, floored(value));
  }
}

function ejsonTime(type: keyof typeof EJSON_TIME, text: string): bigint | undefined {
  const time = new RegExp(EJSON_TIME[type]).exec(text)?.[1];
  return time === undefined ? undefined : BigInt(time);
}

function floored(value: bigint | number | string): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'string') return floorDecimal(value);
  return Math.abs(value) <= DATE_MAX_MS + 1 ? BigInt(Math.floor(value)) : undefined;
}
