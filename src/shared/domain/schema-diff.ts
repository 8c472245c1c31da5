import { safeName } from './column-names.ts';
import { accepts, FOLD_LIMITS, leaves } from './fold.ts';
import type { ColumnPolicy } from './policy.ts';
import { type Column, type ColumnType, structWithin, type TableSchema } from './schema.ts';
import type { FieldSketch, Sketch } from './sketch.ts';
import type { ValueClass } from './value-class.ts';

/**
 * Why a column is added: its field is new; its field has values that fit none of the columns there are; some values have no column of
 * their own, and this is the JSON column for them.
 */
export type AddedReason = 'newField' | 'typeConflict' | 'jsonColumn';

/** Why a column is not called like its field: it is configured so, Delta forbids a character of it, or the name is taken (ignoring case). */
export type RenameReason = 'configured' | 'characters' | 'taken';

export interface AddedColumn {
  /** Names of the columns that it is in, then its own. */
  readonly path: readonly string[];
  /** Where the value stands in the document; `[]` is every element of an array. Empty for the JSON column. */
  readonly source: string;
  readonly type: ColumnType;
  readonly why: AddedReason;
  readonly renamed: RenameReason | null;
  /** Why an object is one column of EJSON rather than a struct: its keys are data, or it lies too deep. */
  readonly limit: 'keys' | 'depth' | null;
}

/** What a fold would do to a schema. Nothing that exists ever changes or goes. */
export interface SchemaDiff {
  /** With the columns within new ones, each after the one that it is in. */
  readonly added: readonly AddedColumn[];
  /** Fields, some values of which go to the JSON column, as paths like `AddedColumn.source`. */
  readonly jsonColumn: readonly string[];
  /** Columns that hold values, after the fold, and how many there may be. */
  readonly columns: { readonly used: number; readonly limit: number };
}

/**
 * What `after`, the schema that `before` became by folding the sketch under `policy`, has more. `before` is `undefined` where there is
 * no table.
 */
export function diffSchemas(
  before: TableSchema | undefined,
  after: TableSchema,
  sketch: Sketch,
  policy?: ColumnPolicy,
): SchemaDiff {
  const top: Place = { path: [], source: '', depth: 1, policy };
  return {
    added: [...addedColumns(before?.columns ?? [], after.columns, top), ...addedExtra(before, after)],
    jsonColumn: homeless(sketch, after.columns, ''),
    columns: { used: leaves(after.columns), limit: FOLD_LIMITS.columns },
  };
}

/** Where a level of columns is. */
interface Place {
  readonly path: readonly string[];
  /** Before a field's own name. */
  readonly source: string;
  /** As `FoldLimits.depth` counts. */
  readonly depth: number;
  readonly policy: ColumnPolicy | undefined;
}

function addedColumns(before: readonly Column[], after: readonly Column[], place: Place): readonly AddedColumn[] {
  const known = new Map(before.map((column) => [column.name, column]));
  const seen = new Set<string>();
  return after.flatMap((column) => {
    const sibling = seen.has(column.source);
    seen.add(column.source);
    const old = known.get(column.name);
    const own = old === undefined ? [addedColumn(column, sibling, place)] : [];
    const inner = structWithin(column.type);
    if (inner === undefined) return own;
    const within: Place = {
      path: [...place.path, column.name],
      source: `${place.source}${column.source}${inner.suffix}.`,
      depth: place.depth + 1 + inner.suffix.length / 2,
      policy: place.policy,
    };
    return [...own, ...addedColumns((old && structWithin(old.type)?.fields) ?? [], inner.fields, within)];
  });
}

function addedColumn(column: Column, sibling: boolean, { path, source, depth, policy }: Place): AddedColumn {
  const place = `${source}${column.source}`;
  return {
    path: [...path, column.name],
    source: place,
    type: column.type,
    why: sibling ? 'typeConflict' : 'newField',
    renamed: renameReason(column, sibling, configuredName(policy, place)),
    limit: limitOf(column.type, depth),
  };
}

function addedExtra(before: TableSchema | undefined, { extra }: TableSchema): readonly AddedColumn[] {
  if (extra === null || before?.extra === extra) return [];
  const renamed = extra === '_extra' ? null : 'taken';
  return [{ path: [extra], source: '', type: { kind: 'json' }, why: 'jsonColumn', renamed, limit: null }];
}

function limitOf(type: ColumnType, depth: number): AddedColumn['limit'] {
  if (type.kind === 'array') return limitOf(type.element, depth + 1);
  if (type.kind !== 'object') return null;
  return depth > FOLD_LIMITS.depth ? 'depth' : 'keys';
}

/** The column's name that the policy gives to a field; `place` as `AddedColumn.source`. */
export function configuredName(policy: ColumnPolicy | undefined, place: string): string | undefined {
  return policy?.rename?.[place.replaceAll('[]', '')];
}

/**
 * Why a column is not called like its field; `null` where it is, or where it is a sibling by its own rule (`name__kind`). `configured`
 * is the name that the policy gives it.
 */
export function renameReason(
  { name, source, type }: Column,
  sibling: boolean,
  configured: string | undefined,
): RenameReason | null {
  if (configured !== undefined && name.startsWith(configured)) return 'configured';
  const wanted = sibling ? `${safeName(source)}__${type.kind}` : safeName(source);
  if (name !== wanted) return 'taken';
  return safeName(source) === source ? null : 'characters';
}

/** Fields of one level that have values which no column of this level holds. */
function homeless(
  { fields, open }: Pick<Sketch, 'fields' | 'open'>,
  columns: readonly Column[],
  prefix: string,
): readonly string[] {
  const found = [...fields].flatMap(([source, field]) => {
    const own = columns.filter((column) => column.source === source).map(({ type }) => type);
    return homelessField(field, own, `${prefix}${source}`);
  });
  return open ? [...found, `${prefix}*`] : found;
}

function homelessField(field: FieldSketch, types: readonly ColumnType[], place: string): readonly string[] {
  const seen = Object.entries(field.counts) as [ValueClass, number][];
  const lost = seen.some(
    ([value, count]) => count > 0 && value !== 'null' && !types.some((type) => takes(type, value)),
  );
  return [...(lost ? [place] : []), ...homelessFields(field, types, place), ...homelessElements(field, types, place)];
}

function takes(type: ColumnType, value: ValueClass): boolean {
  // A JSON sibling has the arrays that fit no typed column.
  return accepts(type, value) || (type.kind === 'json' && value === 'array');
}

function homelessFields(
  { fields, open = 0 }: FieldSketch,
  types: readonly ColumnType[],
  place: string,
): readonly string[] {
  const struct = types.find((type) => type.kind === 'struct');
  if (fields === undefined || struct?.kind !== 'struct') return [];
  return homeless({ fields, open }, struct.fields, `${place}.`);
}

function homelessElements({ element }: FieldSketch, types: readonly ColumnType[], place: string): readonly string[] {
  const array = types.find((type) => type.kind === 'array');
  if (element === undefined || array?.kind !== 'array' || array.element.kind === 'json') return [];
  const found = homelessField(element, [array.element], `${place}[]`);
  const sibling = types.some(({ kind }) => kind === 'json');
  // With one, an array whose elements fit nothing goes there, whole.
  return sibling ? found.filter((inner) => !/^(\[\])+$/.test(inner.slice(place.length))) : found;
}
