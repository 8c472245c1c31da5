import { type Bound, type ColumnStats, STRING_PREFIX, statsJson } from '../../shared/domain/delta/stats.ts';
import { type ColumnType, ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import type { Row, Value } from './rows.ts';

/** Gathers the statistics of one file. */
export interface RowStats {
  readonly rows: number;
  add(row: Row): void;
  /** Delta's per-file statistics, as JSON. Those of lists and of the JSON column are left out. */
  json(): string;
}

/** One column: a leaf of structs. */
interface Gathered {
  readonly path: readonly string[];
  readonly bounds: 'number' | 'micros' | 'text' | 'none';
  nulls: number;
  hasNaN: boolean;
  min: Value;
  max: Value;
}

type Gather = (value: Value) => void;

export function rowStats(schema: TableSchema): RowStats {
  const gathered: Gathered[] = [];
  const idType: ColumnType = { kind: schema.idType === 'long' ? 'long' : 'string' };
  const columns = [{ name: ID_COLUMN, type: idType }, ...schema.columns];
  const gathers = columns.map(({ name, type }) => gatherer(gathered, [name], type));
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    add(row) {
      rows += 1;
      gathers.forEach((gather, i) => {
        gather(row[i] as Value);
      });
    },
    json: () => statsJson({ numRecords: rows, columns: gathered.map(columnStats) }),
  };
}

function gatherer(gathered: Gathered[], path: readonly string[], type: ColumnType): Gather {
  if (type.kind === 'array') return () => undefined;
  if (type.kind === 'struct') {
    const fields = type.fields.map((field) => gatherer(gathered, [...path, field.name], field.type));
    return (value) => {
      fields.forEach((gather, i) => {
        gather(value === null ? null : ((value as readonly Value[])[i] as Value));
      });
    };
  }
  const column: Gathered = { path, bounds: boundsOf(type), nulls: 0, hasNaN: false, min: null, max: null };
  gathered.push(column);
  return (value) => gather(column, value);
}

/** Booleans and binaries have no bounds in Delta; JSON text is not worth any. */
function boundsOf({ kind }: ColumnType): Gathered['bounds'] {
  switch (kind) {
    case 'long':
    case 'double':
      return 'number';
    case 'timestamp':
      return 'micros';
    case 'string':
    case 'objectId':
    case 'uuid':
    case 'decimal':
      return 'text';
    default:
      return 'none';
  }
}

function gather(column: Gathered, value: Value): void {
  if (value === null) column.nulls += 1;
  else if (Number.isNaN(value)) column.hasNaN = true;
  else if (column.bounds !== 'none') {
    if (column.min === null || compare(value, column.min) < 0) column.min = kept(value);
    if (column.max === null || compare(value, column.max) > 0) column.max = kept(value);
  }
}

/** Of numbers, or of text by its UTF-8 bytes. */
function compare(a: Value, b: Value): number {
  if (Buffer.isBuffer(a)) return Buffer.compare(a, b as Buffer);
  return (a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0;
}

/** A character has at most four bytes; one more than is written tells that the text goes on. */
const KEPT_BYTES = 4 * (STRING_PREFIX + 1);

/** A copy of a text's beginning: the text itself may be 16 MB, and a view of what it was read from. */
function kept(value: Value): Value {
  return Buffer.isBuffer(value) ? Buffer.from(value.subarray(0, KEPT_BYTES)) : value;
}

function columnStats({ path, bounds, nulls, hasNaN, min, max }: Gathered): ColumnStats {
  const known = { path, nullCount: nulls, hasNaN };
  return min === null || max === null ? known : { ...known, min: bound(bounds, min), max: bound(bounds, max) };
}

function bound(bounds: Gathered['bounds'], value: Value): Bound {
  if (bounds === 'text') return (value as Buffer).toString('utf8');
  return bounds === 'micros' ? { micros: value as bigint } : (value as bigint | number);
}
