import { fixedUnits } from '../../shared/domain/fixed.ts';
import type { IdType } from '../../shared/domain/ids.ts';
import { type Column, type ColumnType, ID_COLUMN, type TableSchema } from '../../shared/domain/schema.ts';
import { type Field, type From, type LeafType, leaf, list, required, struct } from '../../shared/parquetjs/fields.ts';
import { documentId } from './document-id.ts';
import { extraColumn } from './extra.ts';
import { type DecodeContext, routeElements, routeFields, routesOf } from './routing.ts';
import { READ_BYTES, readDouble, readLong, readMicros } from './scalars.ts';

/**
 * A value of a column: text as UTF-8 bytes, a timestamp in microseconds, a decimal unscaled, a struct as the values of its fields in order.
 */
export type Value = null | boolean | number | bigint | Buffer | readonly Value[];

/** A row of a table by position: `_id`, the columns in order, the JSON column where the schema has one. */
export type Row = readonly Value[];

/** Reads the document at `at` as a row. Text and binaries are views into `bytes`. */
export type ReadRow = (bytes: Buffer, at: number) => Row;

/** A reader of documents for this schema. It throws `DOCUMENT_BROKEN` as the extract does. */
export function rowReader(schema: TableSchema): ReadRow {
  const extra = extraColumn();
  const read = fieldsReader(schema.columns, extra.context, ID_COLUMN);
  return (bytes, at) => {
    const id = documentId(bytes, at, schema.idType);
    const row: Value[] = [typeof id === 'bigint' ? id : Buffer.from(id, 'utf8'), ...read(bytes, at)];
    const rest = extra.take(schema.extra);
    return schema.extra === null ? row : [...row, rest];
  };
}

type ReadFields = (bytes: Buffer, at: number) => Value[];
type ReadValue = (bytes: Buffer, type: number, at: number, end: number) => Value;

function fieldsReader(columns: readonly Column[], context: DecodeContext, skip?: string): ReadFields {
  const routes = routesOf(columns);
  const readers = columns.map(({ type }) => valueReader(type, context));
  return (bytes, start) => {
    const values: Value[] = new Array(columns.length).fill(null);
    const sink = {
      filled: (column: number) => values[column] !== null,
      put(column: number, from: Buffer, type: number, at: number, end: number) {
        values[column] = (readers[column] as ReadValue)(from, type, at, end);
      },
    };
    routeFields(routes, context, bytes, start, sink, skip);
    return values;
  };
}

function valueReader(type: ColumnType, context: DecodeContext): ReadValue {
  switch (type.kind) {
    case 'struct': {
      const read = fieldsReader(type.fields, context);
      return (bytes, _type, at) => read(bytes, at);
    }
    case 'array':
      return elementsReader(valueReader(type.element, context), context);
    case 'fixed':
      return (bytes, bsonType, at) => fixedUnits(bytes, bsonType, at, type) ?? null;
    case 'long':
      return readLong;
    case 'timestamp':
      return readMicros;
    case 'double':
      return readDouble;
    case 'boolean':
      return (bytes, _type, at) => bytes[at] === 1;
    default:
      return READ_BYTES[type.kind];
  }
}

function elementsReader(read: ReadValue, context: DecodeContext): ReadValue {
  return (bytes, _type, start) => {
    const values: Value[] = [];
    routeElements(context, bytes, start, {
      putNull: () => values.push(null),
      put: (from, type, at, end) => values.push(read(from, type, at, end)),
    });
    return values;
  };
}

/** The columns of a schema's data files, for rows by position. */
export function parquetFields(schema: TableSchema): readonly Field[] {
  const columns = schema.columns.map(({ name, type }, i) => columnField(name, type, position(i + 1)));
  const extra = schema.extra === null ? [] : [leaf(schema.extra, { kind: 'utf8' }, position(columns.length + 1))];
  return [idField(schema.idType), ...columns, ...extra];
}

/** The id column alone. */
export function idField(idType: IdType): Field {
  return required(leaf(ID_COLUMN, { kind: idType === 'long' ? 'long' : 'utf8' }, position(0)));
}

function position(index: number): From {
  return (values) => (values as readonly unknown[])[index];
}

function columnField(name: string, type: ColumnType, from: From): Field {
  if (type.kind === 'array') return list(name, (own, item) => columnField(own, type.element, item), from);
  if (type.kind !== 'struct') return leaf(name, leafType(type), from);
  const fields = type.fields.map((field, i) => columnField(field.name, field.type, position(i)));
  return struct(name, fields, from);
}

function leafType(type: Exclude<ColumnType, { readonly kind: 'struct' | 'array' }>): LeafType {
  switch (type.kind) {
    case 'fixed':
      return { kind: 'decimal', precision: type.precision, scale: type.scale };
    case 'long':
    case 'double':
    case 'boolean':
    case 'timestamp':
    case 'binary':
      return { kind: type.kind };
    default:
      return { kind: 'utf8' };
  }
}

/** True where the rows are equal in every column. NaN equals NaN, and 0 is not -0. */
export function sameRows(a: Row, b: Row): boolean {
  return a.every((value, i) => same(value, b[i] as Value));
}

function same(a: Value, b: Value): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((value, i) => same(value, b[i] as Value));
}
