import pc from 'picocolors';
import { openState, type TableState } from '../coordinator/table.ts';
import { renderJsonSchema } from '../shared/config/json-schema.ts';
import { kindText } from '../shared/domain/delta/schema.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import { type Column, type ColumnType, ID_COLUMN, type TableSchema } from '../shared/domain/schema.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { tableMissing } from './missing.ts';
import { exitCodeOf, JSON_SCHEMA_VERSION } from './output.ts';
import { failuresOf, printOutcomes, readTables } from './tables.ts';
import { alignRows, counted, printable } from './text.ts';

export interface SchemaOptions {
  readonly ofConfig?: boolean;
}

/** `schema`: the columns of each table, or the JSON Schema of the configuration file; returns the exit code. */
export async function schemaCommand(
  name: string | undefined,
  options: SchemaOptions,
  globals: GlobalOptions,
): Promise<number> {
  if (options.ofConfig) {
    process.stdout.write(renderJsonSchema());
    return 0;
  }
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const outcomes = await readTables(app, await app.targets(name), async (_, storage) => {
    const state = await openState(storage);
    if (state === undefined) throw tableMissing(storage);
    return state;
  });
  printOutcomes(outcomes, json, { json: schemaJson, lines: describeSchema });
  return exitCodeOf(failuresOf(outcomes));
}

/** The schema of one table as `--json` prints it: Delta's own form (Delta PROTOCOL.md, "Schema Serialization Format"). */
export function schemaJson(table: string, state: Pick<TableState, 'version' | 'snapshot'>): Record<string, unknown> {
  const schema = JSON.parse(state.snapshot.metadata.schemaString) as unknown;
  return { schemaVersion: JSON_SCHEMA_VERSION, table, version: state.version, schema };
}

/** One line of the list of columns; fields of structs follow theirs, one level deeper. */
export interface SchemaRow {
  readonly depth: number;
  readonly name: string;
  /** As SQL engines show it. */
  readonly type: string;
  readonly nullable: boolean;
  /** Where the value stands in the document; `[]` is every element of an array. Empty for the JSON column. */
  readonly source: string;
  /** What BSON values it holds: `objectId`, `decimal`, `array<struct>`, …; `hashed` where the table has their hashes. */
  readonly kind: string;
}

/** All columns and the fields within them, in the table's order. */
export function schemaRows({ idType, columns, extra }: TableSchema, policy?: TablePolicy): readonly SchemaRow[] {
  const long = idType === 'long';
  const id = { depth: 0, name: ID_COLUMN, type: long ? 'long' : 'string', nullable: false, source: '_id' };
  const rows = [
    { ...id, kind: long ? 'long' : idType.slice('string:'.length) },
    ...columns.flatMap((column) => columnRows(column, 0, '')),
    ...(extra === null ? [] : [{ depth: 0, name: extra, type: 'string', nullable: true, source: '', kind: 'extra' }]),
  ];
  return rows.map((row) => (isHashed(row, policy) ? { ...row, kind: `${row.kind}, hashed` } : row));
}

function isHashed({ source }: SchemaRow, policy: TablePolicy | undefined): boolean {
  return policy?.hash?.includes(source.replaceAll('[]', '')) ?? false;
}

function columnRows({ name, source, type }: Column, depth: number, parent: string): readonly SchemaRow[] {
  const path = `${parent}${source}`;
  const inner = structWithin(type);
  return [
    { depth, name, type: typeText(type), nullable: true, source: path, kind: kindText(type) },
    ...(inner?.fields ?? []).flatMap((field) => columnRows(field, depth + 1, `${path}${inner?.suffix ?? ''}.`)),
  ];
}

/** The fields of a struct, also where it is the element of arrays. */
function structWithin(
  type: ColumnType,
  suffix = '',
): { readonly fields: readonly Column[]; readonly suffix: string } | undefined {
  if (type.kind === 'struct') return { fields: type.fields, suffix };
  return type.kind === 'array' ? structWithin(type.element, `${suffix}[]`) : undefined;
}

function typeText(type: ColumnType): string {
  switch (type.kind) {
    case 'array':
      return `array<${typeText(type.element)}>`;
    case 'fixed':
      return kindText(type);
    case 'objectId':
    case 'uuid':
    case 'decimal':
    case 'json':
      return 'string';
    default:
      return type.kind;
  }
}

/** The columns for people. */
export function describeSchema(
  table: string,
  { version, schema, columns }: Pick<TableState, 'version' | 'schema' | 'columns'>,
): readonly string[] {
  const rows = schemaRows(schema, columns).map(({ depth, name, type, nullable, source, kind }) => [
    `${'  '.repeat(depth)}${printable(name)}`,
    type,
    nullable ? 'yes' : 'no',
    printable(source),
    kind,
  ]);
  const [header = '', ...lines] = alignRows([['column', 'type', 'null', 'source', 'kind'], ...rows]);
  const count = 1 + schema.columns.length + (schema.extra === null ? 0 : 1);
  return [`${pc.bold(table)}  version ${version}, ${counted(count, 'column')}`, pc.dim(header), ...lines];
}
