/** A point in time in microseconds since the epoch, UTC: how the table's timestamp columns store it. */
export interface TimestampMicros {
  readonly micros: bigint;
}

/** `bigint` for a long column, `number` for a double column, `string`, or a timestamp. No other type has bounds. */
export type Bound = bigint | number | string | TimestampMicros;

/** What is known about one column of a file, a leaf of structs or a whole array. */
export interface ColumnStats {
  /** The column's name, after those of the structs that it is in. */
  readonly path: readonly string[];
  /** The least and the greatest value that is not null, in the table's own order: numeric, or of UTF-8 bytes. Exact. */
  readonly min?: Bound;
  readonly max?: Bound;
  /** Rows in which the column, or a struct around it, is null. */
  readonly nullCount: number | bigint;
  /** Whether any value is NaN: engines disagree where it sorts, so then no bound may be given. */
  readonly hasNaN?: boolean;
}

export interface FileStats {
  readonly numRecords: number | bigint;
  readonly columns: readonly ColumnStats[];
}

/** Longer strings are cut: Spark's default prefix length, in characters (code points). */
export const STRING_PREFIX = 32;

/**
 * The `stats` of an add as JSON (Delta PROTOCOL.md, "Per-file Statistics"): numRecords, minValues, maxValues, nullCount, nested
 * as the columns are. Left out, since readers take a missing bound as unknown: bounds of a column with a NaN, infinities (JSON
 * has none), times outside the years 1 to 9999, a maximum that has no short string above it. Numbers are exact, also as
 * Spark answers MIN and MAX from them. Strings are cut to 32 characters and timestamps widened to the millisecond so that they
 * stay bounds; zero as a double is -0.0 as a minimum and 0.0 as a maximum, for engines that tell them apart.
 */
export function statsJson(stats: FileStats): string {
  const minValues: Tree = new Map();
  const maxValues: Tree = new Map();
  const nullCount: Tree = new Map();
  for (const column of stats.columns) {
    const { min, max } = column;
    // A double's NaN may also come as the bound itself.
    const bounded = column.hasNaN !== true && !Number.isNaN(min) && !Number.isNaN(max);
    const least = bounded && min !== undefined ? lowerBound(min) : undefined;
    const greatest = bounded && max !== undefined ? upperBound(max) : undefined;
    if (least !== undefined) plant(minValues, column.path, least);
    if (greatest !== undefined) plant(maxValues, column.path, greatest);
    plant(nullCount, column.path, String(column.nullCount));
  }
  const [mins, maxs, nulls] = [minValues, maxValues, nullCount].map(treeJson);
  return `{"numRecords":${stats.numRecords},"minValues":${mins},"maxValues":${maxs},"nullCount":${nulls}}`;
}

/**
 * The rows of a file, as its `stats` tell; 0 where they don't. Ours, and most others, begin with it: the bounds after it are long, and to
 * parse those of 100,000 files takes a second.
 */
export function numRecords(stats: string | undefined): number {
  if (stats === undefined) return 0;
  const first = /^\{"numRecords":(\d+)[,}]/.exec(stats)?.[1];
  return first === undefined ? ((JSON.parse(stats) as { numRecords?: number }).numRecords ?? 0) : Number(first);
}

/** By name: a Map, since a column may well be called `__proto__`. A leaf is JSON text. */
type Tree = Map<string, Tree | string>;

function plant(tree: Tree, path: readonly string[], json: string): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    tree.set(name, json);
    return;
  }
  const child = tree.get(name);
  const branch: Tree = child instanceof Map ? child : new Map();
  tree.set(name, branch);
  plant(branch, rest, json);
}

function treeJson(tree: Tree): string {
  const fields = [...tree].map(
    ([name, value]) => `${JSON.stringify(name)}:${typeof value === 'string' ? value : treeJson(value)}`,
  );
  return `{${fields.join(',')}}`;
}

function lowerBound(value: Bound): string | undefined {
  if (typeof value === 'string') return JSON.stringify(lowerString(value));
  if (typeof value === 'object') return timestampJson(floorDivide(value.micros, 1000n));
  return numberJson(value, '-0.0');
}

function upperBound(value: Bound): string | undefined {
  if (typeof value === 'string') {
    const bound = upperString(value);
    return bound === undefined ? undefined : JSON.stringify(bound);
  }
  if (typeof value === 'object') return timestampJson(-floorDivide(-value.micros, 1000n));
  return numberJson(value, '0.0');
}

function numberJson(value: bigint | number, zero: string): string | undefined {
  if (typeof value === 'bigint') return value.toString();
  if (value === 0) return zero;
  return Number.isFinite(value) ? JSON.stringify(value) : undefined;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

const YEAR_1_MS = -62_135_596_800_000n;
const YEAR_10000_MS = 253_402_300_800_000n;

function timestampJson(ms: bigint): string | undefined {
  if (ms < YEAR_1_MS || ms >= YEAR_10000_MS) return undefined;
  return JSON.stringify(new Date(Number(ms)).toISOString());
}

/** The longest prefix of `value` within `STRING_PREFIX` characters: not above `value` in the order of UTF-8 bytes. */
export function lowerString(value: string): string {
  return String.fromCodePoint(...storedPrefix(value).points);
}

/**
 * `value` where it is short, otherwise a string of at most `STRING_PREFIX` characters above it and above everything with the same
 * prefix, in the order of UTF-8 bytes (which is that of code points): the prefix with its last character raised to the next valid
 * one, without the characters that can't be raised. `undefined` where none can.
 */
export function upperString(value: string): string | undefined {
  const { points, whole } = storedPrefix(value);
  if (whole) return String.fromCodePoint(...points);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last + 1 === SURROGATES_START ? SURROGATES_END : last + 1);
}

const LAST_CODE_POINT = 0x10ffff;
const SURROGATES_START = 0xd800;
const SURROGATES_END = 0xe000;
const REPLACEMENT = 0xfffd;

/** The code points of the value as a column stores it: UTF-8 has no lone surrogates, they become U+FFFD. */
function storedPrefix(value: string): { readonly points: number[]; readonly whole: boolean } {
  const points: number[] = [];
  for (const character of value) {
    if (points.length === STRING_PREFIX) return { points, whole: false };
    const point = character.codePointAt(0) ?? REPLACEMENT;
    points.push(point >= SURROGATES_START && point < SURROGATES_END ? REPLACEMENT : point);
  }
  return { points, whole: true };
}
