import { MongolakeError } from '../errors.ts';
import { fixedText, parseFixed } from '../fixed.ts';
import type { IdType } from '../ids.ts';
import { type Column, type ColumnType, ID_COLUMN, type ScalarKind, type TableSchema } from '../schema.ts';

/** Keys of a field's metadata that say where it comes from. */
const SOURCE_KEY = 'mongolake.source';
const KIND_KEY = 'mongolake.kind';
const EXTRA_KIND = 'extra';

interface DeltaField {
  readonly name: string;
  readonly type: DeltaType;
  readonly nullable: boolean;
  /** Absent where another writer left it out. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

type DeltaType =
  | string
  | { readonly type: 'struct'; readonly fields: readonly DeltaField[] }
  | { readonly type: 'array'; readonly elementType: DeltaType; readonly containsNull: boolean };

const PRIMITIVE: Readonly<Record<ScalarKind, string>> = {
  string: 'string',
  objectId: 'string',
  uuid: 'string',
  decimal: 'string',
  object: 'string',
  json: 'string',
  long: 'long',
  double: 'double',
  boolean: 'boolean',
  timestamp: 'timestamp',
  binary: 'binary',
};

/** The schema as Delta writes it (PROTOCOL.md, "Schema Serialization Format"); what the types alone can't tell is in each field's metadata. */
export function toSchemaString(schema: TableSchema): string {
  const id: DeltaField = {
    name: ID_COLUMN,
    type: schema.idType === 'long' ? 'long' : 'string',
    nullable: false,
    metadata: { [SOURCE_KEY]: '_id' },
  };
  const extra: DeltaField[] =
    schema.extra === null
      ? []
      : [{ name: schema.extra, type: 'string', nullable: true, metadata: { [KIND_KEY]: EXTRA_KIND } }];
  return JSON.stringify({ type: 'struct', fields: [id, ...schema.columns.map(toField), ...extra] });
}

function toField(column: Column): DeltaField {
  return {
    name: column.name,
    type: toType(column.type),
    nullable: true,
    metadata: { [SOURCE_KEY]: column.source, [KIND_KEY]: kindText(column.type) },
  };
}

function toType(type: ColumnType): DeltaType {
  if (type.kind === 'struct') return { type: 'struct', fields: type.fields.map(toField) };
  if (type.kind === 'array') return { type: 'array', elementType: toType(type.element), containsNull: true };
  return scalarText(type);
}

/** The primitive type of a column that is no struct and no array (Delta PROTOCOL.md, "Primitive Types"). */
export function scalarText(type: Exclude<ColumnType, { readonly kind: 'struct' | 'array' }>): string {
  return type.kind === 'fixed' ? fixedText(type) : PRIMITIVE[type.kind];
}

/** `long`, `decimal(10,2)`, `struct`, `array<objectId>`, `array<array<struct>>`. */
export function kindText(type: ColumnType): string {
  if (type.kind === 'fixed') return fixedText(type);
  return type.kind === 'array' ? `array<${kindText(type.element)}>` : type.kind;
}

/** Reads the schema back. Throws `TABLE_FOREIGN` where a field was not written by mongolake. */
export function fromSchemaString(text: string, idType: IdType): TableSchema {
  const root = JSON.parse(text) as { fields: readonly DeltaField[] };
  let extra: string | null = null;
  const columns: Column[] = [];
  for (const field of root.fields) {
    if (field.name === ID_COLUMN) continue;
    if (field.metadata?.[KIND_KEY] === EXTRA_KIND) extra = field.name;
    else columns.push(fromField(field));
  }
  return { idType, columns, extra };
}

function fromField(field: DeltaField): Column {
  const source = field.metadata?.[SOURCE_KEY];
  const kind = field.metadata?.[KIND_KEY];
  if (typeof source !== 'string' || typeof kind !== 'string') throw foreign(field.name);
  return { name: field.name, source, type: fromType(field.type, kind, field.name) };
}

function fromType(type: DeltaType, kind: string, name: string): ColumnType {
  if (typeof type === 'string') {
    const fixed = parseFixed(type);
    if (fixed !== undefined && kind === type) return fixed;
    if (!Object.hasOwn(PRIMITIVE, kind) || PRIMITIVE[kind as ScalarKind] !== type) throw foreign(name);
    return { kind: kind as ScalarKind };
  }
  if (type.type === 'struct') {
    if (kind !== 'struct') throw foreign(name);
    return { kind: 'struct', fields: type.fields.map(fromField) };
  }
  const inner = /^array<(.+)>$/.exec(kind)?.[1];
  if (inner === undefined) throw foreign(name);
  return { kind: 'array', element: fromType(type.elementType, inner, name) };
}

function foreign(name: string): MongolakeError {
  return new MongolakeError('TABLE_FOREIGN', `column "${name}" was not written by mongolake`, {
    hint: 'Another writer changed the schema of this table. Put the version before it back with `mongolake restore --version`, or load into a new table.',
  });
}
