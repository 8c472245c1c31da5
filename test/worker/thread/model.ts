import { Binary, BSONSymbol, Decimal128, type Document, Double, Int32, Long, ObjectId, Timestamp, UUID } from 'bson';
import { canonicalJson } from '../../../src/shared/domain/ejson.ts';
import { type IdClass, idText } from '../../../src/shared/domain/ids.ts';
import { idInteger } from '../../../src/shared/domain/numbers.ts';
import type { Column, ColumnType, TableSchema } from '../../../src/shared/domain/schema.ts';
import { placed } from '../../shared/domain/bson-bytes.ts';

/** A document for the model: values of the bson library, fields in a `Map`. */
export type Fields = ReadonlyMap<string, unknown>;

/** A row as a reader gives it: bigint for long, number for double, Date for timestamp, Uint8Array for binary. */
export type Row = Record<string, unknown>;

/** Column types by plain JavaScript values; nothing of it is shared with the decoder. `undefined` where the value has no column. */
const SCALARS: Readonly<Record<string, (value: unknown) => unknown>> = {
  string: (value) => (typeof value === 'string' ? value : value instanceof BSONSymbol ? value.value : undefined),
  objectId: (value) => (value instanceof ObjectId ? value.toHexString() : undefined),
  uuid: (value) => (isUuid(value) ? uuidOf(value as Binary) : undefined),
  decimal: (value) => (value instanceof Decimal128 ? value.toString() : undefined),
  long: (value) => {
    if (value instanceof Int32) return BigInt(value.value);
    if (isLong(value)) return value.toBigInt();
    return value instanceof Double && isWhole(value.value) ? BigInt(value.value) : undefined;
  },
  double: (value) => {
    if (value instanceof Double) return value.value;
    if (value instanceof Int32) return value.value;
    if (!isLong(value)) return undefined;
    const wide = value.toBigInt();
    return wide >= -(2n ** 53n) && wide <= 2n ** 53n ? Number(wide) : undefined;
  },
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  timestamp: (value) => (value instanceof Date && isYear(value) ? value : undefined),
  binary: (value) => (value instanceof Binary && !isUuid(value) ? new Uint8Array(value.buffer) : undefined),
  object: (value) => (value instanceof Map ? json(value) : undefined),
  json: (value) => ((Array.isArray(value) && value.length > 0) || isRare(value) ? json(value) : undefined),
};

/** A Timestamp is a Long to JavaScript. */
function isLong(value: unknown): value is Long {
  return value instanceof Long && !(value instanceof Timestamp);
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function isYear(date: Date): boolean {
  return (
    date.getTime() >= Date.parse('0001-01-01T00:00:00Z') && date.getTime() <= Date.parse('9999-12-31T23:59:59.999Z')
  );
}

function isUuid(value: unknown): boolean {
  return value instanceof Binary && value.sub_type === 4 && value.position === 16;
}

function uuidOf(value: Binary): string {
  return new UUID(Buffer.from(value.buffer)).toString();
}

function isRare(value: unknown): boolean {
  if (value instanceof Date) return !isYear(value);
  const type = (value as { _bsontype?: string })._bsontype ?? '';
  return ['BSONRegExp', 'Code', 'Timestamp', 'MinKey', 'MaxKey'].includes(type);
}

/** Canonical EJSON; `ejson.test.ts` holds it against the bson library. */
function json(value: unknown): string {
  const { bytes, type, at, end } = placed(value);
  return canonicalJson(bytes, type, at, end);
}

/** The row that a document becomes under a schema: the mapping of docs/types.md, over JavaScript values. */
export function modelRow(document: Fields, schema: TableSchema): Row {
  const extra = new Map<string, string>();
  const { bytes, type, at, end } = placed(document.get('_id'));
  const fields = new Map([...document].filter(([name]) => name !== '_id'));
  const row = modelFields(fields, schema.columns, [], extra);
  const _id =
    schema.idType === 'long'
      ? idInteger(bytes, type, at)
      : idText(bytes, type, at, end, schema.idType.slice('string:'.length) as IdClass);
  const rest = [...extra].map(([path, value]) => `${JSON.stringify(path)}:${value}`);
  return {
    _id,
    ...row,
    ...(schema.extra === null ? {} : { [schema.extra]: rest.length === 0 ? null : `{${rest.join(',')}}` }),
  };
}

function modelFields(
  fields: Fields,
  columns: readonly Column[],
  path: readonly string[],
  extra: Map<string, string>,
): Row {
  const row: Row = Object.fromEntries(columns.map(({ name }) => [name, null]));
  for (const [source, value] of fields) {
    if (value === null || value === undefined) continue;
    const own = columns.filter((column) => column.source === source);
    const ordered = [
      ...own.filter(({ type }) => type.kind !== 'json'),
      ...own.filter(({ type }) => type.kind === 'json'),
    ];
    const home = ordered.find(({ type }) => fits(type, value));
    if (home !== undefined) row[home.name] = modelValue(home.type, value, [...path, source], extra);
    else extra.set([...path, source].map((part) => part.replace(/[\\.]/g, '\\$&')).join('.'), json(value));
  }
  return row;
}

function fits(type: ColumnType, value: unknown): boolean {
  if (type.kind === 'struct') return value instanceof Map;
  if (type.kind !== 'array') return SCALARS[type.kind]?.(value) !== undefined;
  const { element } = type;
  return Array.isArray(value) && value.every((each) => each === null || element.kind === 'json' || fits(element, each));
}

function modelValue(type: ColumnType, value: unknown, path: readonly string[], extra: Map<string, string>): unknown {
  if (type.kind === 'struct') return modelFields(value as Fields, type.fields, path, extra);
  if (type.kind !== 'array') return SCALARS[type.kind]?.(value);
  const { element } = type;
  return (value as unknown[]).map((each, i) => {
    if (each === null) return null;
    return element.kind === 'json' ? json(each) : modelValue(element, each, [...path, String(i)], extra);
  });
}

/** The row with null for every column, also within structs, that its schema did not have yet. */
export function widened(row: Row, schema: TableSchema): Row {
  const { _id, ...rest } = row;
  const extra = schema.extra === null ? {} : { [schema.extra]: rest[schema.extra] ?? null };
  return { _id, ...widenFields(rest, schema.columns), ...extra };
}

function widenFields(row: Row, columns: readonly Column[]): Row {
  const own = (name: string) => (Object.hasOwn(row, name) ? row[name] : null);
  return Object.fromEntries(columns.map(({ name, type }) => [name, widenValue(own(name), type)]));
}

function widenValue(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  if (type.kind === 'struct') return widenFields(value as Row, type.fields);
  return type.kind === 'array' ? (value as unknown[]).map((each) => widenValue(each, type.element)) : value;
}

/** A plain object, and all in it, as a document for the model. */
export function fields(document: Document): Fields {
  return new Map(Object.entries(document).map(([name, value]) => [name, nested(value)]));
}

function nested(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? new Int32(value) : new Double(value);
  if (Array.isArray(value)) return value.map(nested);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return fields(value);
  return value;
}
