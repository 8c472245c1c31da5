import { kindText, scalarText } from '../shared/domain/delta/schema.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import { type Column, type ColumnType, ID_COLUMN, structWithin, type TableSchema } from '../shared/domain/schema.ts';
import { configuredName, type RenameReason, renameReason } from '../shared/domain/schema-diff.ts';

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
  /** What the rest does not tell; often empty. */
  readonly note: string;
}

/** All columns and the fields within them, in the table's order. */
export function schemaRows({ idType, columns, extra }: TableSchema, policy?: TablePolicy): readonly SchemaRow[] {
  const row = (name: string, type: string, source: string, kind: string, note: string): SchemaRow => {
    return { depth: 0, name, type, nullable: name !== ID_COLUMN, source, kind, note };
  };
  const id =
    idType === 'long'
      ? row(ID_COLUMN, 'long', '_id', 'long', '')
      : row(ID_COLUMN, 'string', '_id', idType.slice('string:'.length), 'ids of other kinds are EJSON');
  const json = extra === null ? [] : [row(extra, 'string', '', 'extra', 'JSON: values without a column of their own')];
  const rows = [id, ...columnRows(columns, 0, '', policy), ...json];
  return rows.map((each) => (isHashed(each, policy) ? { ...each, kind: `${each.kind}, hashed` } : each));
}

function isHashed({ source }: SchemaRow, policy: TablePolicy | undefined): boolean {
  return policy?.hash?.includes(source.replaceAll('[]', '')) ?? false;
}

function columnRows(
  columns: readonly Column[],
  depth: number,
  parent: string,
  policy: TablePolicy | undefined,
): readonly SchemaRow[] {
  const main = new Map<string, string>();
  return columns.flatMap((column) => {
    const { name, source, type } = column;
    const sibling = main.get(source);
    if (sibling === undefined) main.set(source, name);
    const path = `${parent}${source}`;
    const inner = structWithin(type);
    const note = noteOf(column, sibling, configuredName(policy, path));
    return [
      { depth, name, type: typeText(type), nullable: true, source: path, kind: kindText(type), note },
      ...columnRows(inner?.fields ?? [], depth + 1, `${path}${inner?.suffix ?? ''}.`, policy),
    ];
  });
}

/** Why a column is not called like its field, for people. */
export const RENAMED: Readonly<Record<RenameReason, string>> = {
  configured: 'renamed: by columns.rename',
  characters: 'renamed: Delta forbids a character of it',
  taken: 'renamed: the name is taken, upper and lower case being alike',
};

function noteOf(column: Column, sibling: string | undefined, configured: string | undefined): string {
  const renamed = renameReason(column, sibling !== undefined, configured);
  return [
    ...(sibling === undefined ? [] : [`values that ${sibling} can't hold`]),
    ...(renamed === null ? [] : [RENAMED[renamed]]),
  ].join('; ');
}

/** A column's type as SQL engines show it. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'array') return `array<${typeText(type.element)}>`;
  return type.kind === 'struct' ? type.kind : scalarText(type);
}
