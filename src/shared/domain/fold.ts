import { refuseForeignIds } from './foreign-ids.ts';
import { chooseIdType } from './ids.ts';
import { type Column, type ColumnType, ID_COLUMN, type ScalarKind, type TableSchema } from './schema.ts';
import type { DocumentSketch, FieldSketch, Sketch } from './sketch.ts';
import type { ValueClass } from './value-class.ts';

const EMPTY: ReadonlySet<ValueClass> = new Set(['emptyStruct', 'emptyArray']);

/** True where a column of this kind holds every value of the class exactly. Arrays are asked value by value. */
export function accepts(type: ColumnType, value: ValueClass): boolean {
  switch (type.kind) {
    case 'long':
      return value === 'long' || value === 'wideLong' || value === 'wholeDouble';
    case 'double':
      return value === 'long' || value === 'wholeDouble' || value === 'double';
    case 'struct':
    case 'object':
      return value === 'struct' || value === 'emptyStruct';
    case 'array':
      return value === 'array' || value === 'emptyArray';
    default:
      return value === type.kind;
  }
}

/** What bounds a schema; what goes past it is kept as EJSON. */
export interface FoldLimits {
  /** Columns that hold values, those within structs counted one by one. A value past it goes to the JSON column. */
  readonly columns: number;
  /** Names of one object at its first sight; with more, its keys are data, and it becomes one `object` column. */
  readonly keys: number;
  /** Objects and arrays within each other that have types of their own; what lies deeper is EJSON. */
  readonly depth: number;
}

/** A thousand columns merge in half a gigabyte of memory; DuckDB's time to compare two values doubles with each level. */
export const FOLD_LIMITS: FoldLimits = { columns: 1000, keys: 250, depth: 10 };

/** State of one fold. */
interface Fold {
  readonly limits: FoldLimits;
  /** Columns that may still be added. */
  room: number;
  /** Whether some value has no typed column and goes to the JSON column. */
  extra: boolean;
}

/**
 * The schema that holds all that `table` holds and all that the sketch saw: new fields become columns at the end, a value that
 * fits no committed column gets a sibling `name__kind`; nothing that exists changes. Throws `ID_TYPE` where an `_id` does not fit.
 */
export function foldSchema(table: TableSchema | undefined, sketch: Sketch, limits = FOLD_LIMITS): TableSchema {
  const idType = table?.idType ?? chooseIdType(sketch.ids);
  refuseForeignIds(idType, sketch);
  const committed = table?.columns ?? [];
  const fold: Fold = { limits, room: limits.columns - leaves(committed), extra: sketch.open > 0 };
  const reserved = table?.extra == null ? [ID_COLUMN] : [ID_COLUMN, table.extra];
  const columns = foldFields(fold, committed, sketch.fields, 1, reserved);
  const extra = table?.extra ?? (fold.extra ? uniqueName('_extra', takenNames(columns, reserved)) : null);
  return { idType, columns, extra };
}

/** Columns that hold values, those within structs and arrays included. */
export function leaves(columns: readonly Column[]): number {
  return columns.reduce((sum, { type }) => sum + leavesOf(type), 0);
}

function leavesOf(type: ColumnType): number {
  if (type.kind === 'struct') return leaves(type.fields);
  return type.kind === 'array' ? leavesOf(type.element) : 1;
}

/** The columns of one level while it is folded. */
interface Level {
  /** 1 for the table's own columns. */
  readonly depth: number;
  readonly columns: Column[];
  /** Source → indexes of its columns. */
  readonly bySource: Map<string, number[]>;
  /** Names in lower case. */
  readonly taken: Set<string>;
}

function foldFields(
  fold: Fold,
  columns: readonly Column[],
  fields: DocumentSketch,
  depth: number,
  reserved: readonly string[] = [],
): Column[] {
  const level: Level = { depth, columns: [...columns], bySource: new Map(), taken: takenNames(columns, reserved) };
  columns.forEach(({ source }, index) => {
    own(level, source).push(index);
  });
  for (const [source, field] of fields) foldField(fold, level, source, field);
  return level.columns;
}

function takenNames(columns: readonly Column[], reserved: readonly string[]): Set<string> {
  return new Set([...reserved, ...columns.map((column) => column.name)].map((name) => name.toLowerCase()));
}

function own(level: Level, source: string): number[] {
  let indexes = level.bySource.get(source);
  if (indexes === undefined) {
    indexes = [];
    level.bySource.set(source, indexes);
  }
  return indexes;
}

function hasColumn(level: Level, source: string, test: (type: ColumnType) => boolean): boolean {
  return own(level, source).some((index) => test((level.columns[index] as Column).type));
}

/** Adds a column that takes up no more room than is left; its room was not taken yet. */
function addScalar(fold: Fold, level: Level, source: string, type: ColumnType): void {
  if (fold.room < 1) {
    fold.extra = true;
    return;
  }
  fold.room--;
  addColumn(level, source, type);
}

function addColumn(level: Level, source: string, type: ColumnType): void {
  const indexes = own(level, source);
  const wanted = indexes.length > 0 ? `${safeName(source)}__${type.kind}` : safeName(source);
  const name = uniqueName(wanted, level.taken);
  indexes.push(level.columns.length);
  level.columns.push({ name, source, type });
  level.taken.add(name.toLowerCase());
}

function foldField(fold: Fold, level: Level, source: string, field: FieldSketch): void {
  for (const value of byCount(field.counts)) {
    if (value === 'null') continue;
    if (value === 'array') foldArray(fold, level, source, field.element ?? { counts: {} });
    else if (value === 'struct') foldStruct(fold, level, source, field);
    else if (hasColumn(level, source, (type) => accepts(type, value))) continue;
    else if (EMPTY.has(value)) fold.extra = true;
    else addScalar(fold, level, source, newScalar(value, field.counts));
  }
}

/** A struct becomes a column once some field of it has a type; until then it goes to the JSON column. */
function foldStruct(fold: Fold, level: Level, source: string, field: FieldSketch): void {
  const fields = field.fields ?? new Map();
  const index = own(level, source).find((at) => level.columns[at]?.type.kind === 'struct');
  const column = index === undefined ? undefined : level.columns[index];
  if (index !== undefined && column?.type.kind === 'struct') {
    if (field.open) fold.extra = true;
    level.columns[index] = {
      ...column,
      type: { kind: 'struct', fields: foldFields(fold, column.type.fields, fields, level.depth + 1) },
    };
  } else if (hasColumn(level, source, (type) => type.kind === 'object')) {
    return;
  } else if (level.depth > fold.limits.depth || keysAreData(fold, field)) {
    addScalar(fold, level, source, { kind: 'object' });
  } else {
    const columns = foldFields(fold, [], fields, level.depth + 1);
    if (columns.length === 0) fold.extra = true;
    else addColumn(level, source, { kind: 'struct', fields: columns });
  }
}

function keysAreData(fold: Fold, { fields, open }: FieldSketch): boolean {
  return (open ?? 0) > 0 || (fields?.size ?? 0) > fold.limits.keys;
}

function byCount(counts: FieldSketch['counts']): ValueClass[] {
  const seen = (Object.entries(counts) as [ValueClass, number][]).filter(([, count]) => count > 0);
  // Empty ones last, so that they see the typed column that others made.
  return seen
    .sort((a, b) => Number(EMPTY.has(a[0])) - Number(EMPTY.has(b[0])) || b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .map(([value]) => value);
}

function newScalar(value: ValueClass, counts: FieldSketch['counts']): ColumnType {
  return { kind: numericKind(value, counts) ?? (value as ScalarKind) };
}

/** Integers and doubles seen together share one double column, unless an integer would lose bits in it. */
function numericKind(value: ValueClass, counts: FieldSketch['counts']): 'long' | 'double' | undefined {
  if (value === 'double') return 'double';
  if (value !== 'long' && value !== 'wideLong' && value !== 'wholeDouble') return undefined;
  const doubles = (counts.double ?? 0) + (counts.wholeDouble ?? 0) > 0;
  return doubles && !counts.wideLong ? 'double' : 'long';
}

function foldArray(fold: Fold, level: Level, source: string, element: FieldSketch): void {
  const index = own(level, source).find((at) => level.columns[at]?.type.kind === 'array');
  const known = index === undefined ? undefined : level.columns[index];
  if (index === undefined || known?.type.kind !== 'array') {
    addArray(fold, level, source, element);
    return;
  }
  const folded = deepenElement(fold, known.type.element, element, level.depth + 1);
  level.columns[index] = { ...known, type: { kind: 'array', element: folded.type } };
  // An array with an element that the committed type can't hold goes to a JSON sibling, whole.
  if (!folded.fitsAll) addJson(fold, level, source);
}

function addArray(fold: Fold, level: Level, source: string, element: FieldSketch): void {
  if (level.depth > fold.limits.depth) {
    addJson(fold, level, source);
    return;
  }
  const type = newElement(fold, element, level.depth + 1);
  if (type === undefined) fold.extra = true;
  else addColumn(level, source, { kind: 'array', element: type });
}

function addJson(fold: Fold, level: Level, source: string): void {
  if (!hasColumn(level, source, (type) => type.kind === 'json')) addScalar(fold, level, source, { kind: 'json' });
}

/**
 * The element type of arrays seen for the first time; mixed elements become EJSON strings; `undefined` while nothing typed was
 * seen, or there is no room for it.
 */
function newElement(fold: Fold, element: FieldSketch, depth: number): ColumnType | undefined {
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const first = seen.find((value) => !EMPTY.has(value));
  if (first === undefined || fold.room < 1) return undefined;
  const before = { room: fold.room, extra: fold.extra };
  const type = elementType(fold, first, element, depth);
  if (type === undefined || seen.every((value) => accepts(type, value))) return type;
  Object.assign(fold, before, { room: before.room - 1 });
  return { kind: 'json' };
}

function elementType(fold: Fold, value: ValueClass, element: FieldSketch, depth: number): ColumnType | undefined {
  const tooDeep = depth > fold.limits.depth;
  if (value === 'array' && !tooDeep) {
    const inner = newElement(fold, element.element ?? { counts: {} }, depth + 1);
    return inner && { kind: 'array', element: inner };
  }
  if (value === 'struct' && !tooDeep && !keysAreData(fold, element)) {
    const fields = foldFields(fold, [], element.fields ?? new Map(), depth + 1);
    return fields.length === 0 ? undefined : { kind: 'struct', fields };
  }
  fold.room--;
  if (value === 'array') return { kind: 'json' };
  return value === 'struct' ? { kind: 'object' } : newScalar(value, element.counts);
}

interface FoldedElement {
  readonly type: ColumnType;
  /** False where some element is of another type than the committed one. */
  readonly fitsAll: boolean;
}

function deepenElement(fold: Fold, type: ColumnType, element: FieldSketch, depth: number): FoldedElement {
  if (type.kind === 'json') return { type, fitsAll: true };
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const fitsHere = seen.every((value) => accepts(type, value));
  if (type.kind === 'struct' && element.fields !== undefined) {
    if (element.open) fold.extra = true;
    const fields = foldFields(fold, type.fields, element.fields, depth + 1);
    return { type: { kind: 'struct', fields }, fitsAll: fitsHere };
  }
  if (type.kind === 'array' && element.element !== undefined) {
    const inner = deepenElement(fold, type.element, element.element, depth + 1);
    return { type: { kind: 'array', element: inner.type }, fitsAll: fitsHere && inner.fitsAll };
  }
  return { type, fitsAll: fitsHere };
}

/** A column name that Delta takes (no ` ,;{}()\n\t=`; Delta PROTOCOL.md, "Column Names"), from any field name. */
export function safeName(source: string): string {
  const safe = source.replace(/[ ,;{}()\n\t=]/g, '_');
  return safe === '' ? '_' : safe;
}

/** Names are unique ignoring case; a clash gets `_2`, `_3`, …; the source name stays in the field's metadata. */
function uniqueName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${name}_${n}`;
  return candidate;
}
