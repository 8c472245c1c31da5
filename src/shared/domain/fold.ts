import { byCount, EMPTY, newScalar } from './class-counts.ts';
import { configuredNames, type LevelNames, levelNames, lowerCased, uniqueName } from './column-names.ts';
import { fixedText } from './fixed.ts';
import { refuseForeignIds } from './foreign-ids.ts';
import { chooseIdType } from './ids.ts';
import type { FieldPolicy } from './policy.ts';
import { type Column, type ColumnType, ID_COLUMN, type TableSchema } from './schema.ts';
import type { DocumentSketch, FieldSketch, Sketch } from './sketch.ts';
import type { ValueClass } from './value-class.ts';

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
    case 'fixed':
      return value === fixedText(type);
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
 * fits no committed column gets a sibling `name__kind`; nothing that exists changes. `policy` names and types new columns, and must be
 * what the sketch was made with. Throws `ID_TYPE` where an `_id` does not fit.
 */
export function foldSchema(
  table: TableSchema | undefined,
  sketch: Sketch,
  limits = FOLD_LIMITS,
  policy?: FieldPolicy,
): TableSchema {
  const idType = table?.idType ?? chooseIdType(sketch.ids);
  refuseForeignIds(idType, sketch);
  const committed = table?.columns ?? [];
  const fold: Fold = { limits, room: limits.columns - leaves(committed), extra: sketch.open > 0 };
  const reserved = table?.extra == null ? [ID_COLUMN] : [ID_COLUMN, table.extra];
  const columns = foldFields(fold, committed, sketch.fields, { depth: 1, policy }, reserved);
  const taken = [...reserved, ...columns.map(({ name }) => name), ...configuredNames(policy)];
  const extra = table?.extra ?? (fold.extra ? uniqueName('_extra', lowerCased(taken)) : null);
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

/** Where in the documents the fold is. */
interface Place {
  /** 1 for the table's own columns. */
  readonly depth: number;
  /** What is configured of the fields there. */
  readonly policy: FieldPolicy | undefined;
}

function within({ depth, policy }: Place, source: string): Place {
  return { depth: depth + 1, policy: policy?.fields.get(source) };
}

/** Through an array: its elements have no names, and no policy of their own. */
function deeper(place: Place): Place {
  return { ...place, depth: place.depth + 1 };
}

/** The columns of one level while it is folded. */
interface Level extends Place {
  readonly columns: Column[];
  /** Source → indexes of its columns. */
  readonly bySource: Map<string, number[]>;
  readonly names: LevelNames;
}

function foldFields(
  fold: Fold,
  columns: readonly Column[],
  fields: DocumentSketch,
  place: Place,
  reserved: readonly string[] = [],
): Column[] {
  const names = levelNames(columns, place.policy, reserved);
  const level: Level = { ...place, columns: [...columns], bySource: new Map(), names };
  columns.forEach(({ source }, index) => {
    own(level, source).push(index);
  });
  for (const [source, field] of fields) foldField(fold, level, source, field);
  return level.columns.map((column) => markWhole(column, place.policy));
}

/** A field's JSON column takes all of it where that is configured now, and no more than it must where it no longer is. */
function markWhole({ whole: _, ...column }: Column, policy: FieldPolicy | undefined): Column {
  const whole = column.type.kind === 'json' && policy?.fields.get(column.source)?.type === 'json';
  return whole ? { ...column, whole } : column;
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
  const name = level.names.take(source, type.kind, indexes.length === 0);
  indexes.push(level.columns.length);
  level.columns.push({ name, source, type });
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
      type: { kind: 'struct', fields: foldFields(fold, column.type.fields, fields, within(level, source)) },
    };
  } else if (hasColumn(level, source, (type) => type.kind === 'object')) {
    return;
  } else if (level.depth > fold.limits.depth || keysAreData(fold, field)) {
    addScalar(fold, level, source, { kind: 'object' });
  } else {
    const columns = foldFields(fold, [], fields, within(level, source));
    if (columns.length === 0) fold.extra = true;
    else addColumn(level, source, { kind: 'struct', fields: columns });
  }
}

function keysAreData(fold: Fold, { fields, open }: FieldSketch): boolean {
  return (open ?? 0) > 0 || (fields?.size ?? 0) > fold.limits.keys;
}

function foldArray(fold: Fold, level: Level, source: string, element: FieldSketch): void {
  const index = own(level, source).find((at) => level.columns[at]?.type.kind === 'array');
  const known = index === undefined ? undefined : level.columns[index];
  if (index === undefined || known?.type.kind !== 'array') {
    addArray(fold, level, source, element);
    return;
  }
  const folded = deepenElement(fold, known.type.element, element, within(level, source));
  level.columns[index] = { ...known, type: { kind: 'array', element: folded.type } };
  // An array with an element that the committed type can't hold goes to a JSON sibling, whole.
  if (!folded.fitsAll) addJson(fold, level, source);
}

function addArray(fold: Fold, level: Level, source: string, element: FieldSketch): void {
  if (level.depth > fold.limits.depth) {
    addJson(fold, level, source);
    return;
  }
  const type = newElement(fold, element, within(level, source));
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
function newElement(fold: Fold, element: FieldSketch, place: Place): ColumnType | undefined {
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const first = seen.find((value) => !EMPTY.has(value));
  if (first === undefined || fold.room < 1) return undefined;
  const before = { room: fold.room, extra: fold.extra };
  const type = elementType(fold, first, element, place);
  if (type === undefined || seen.every((value) => accepts(type, value))) return type;
  Object.assign(fold, before, { room: before.room - 1 });
  return { kind: 'json' };
}

function elementType(fold: Fold, value: ValueClass, element: FieldSketch, place: Place): ColumnType | undefined {
  const tooDeep = place.depth > fold.limits.depth;
  if (value === 'array' && !tooDeep) {
    const inner = newElement(fold, element.element ?? { counts: {} }, deeper(place));
    return inner && { kind: 'array', element: inner };
  }
  if (value === 'struct' && !tooDeep && !keysAreData(fold, element)) {
    const fields = foldFields(fold, [], element.fields ?? new Map(), deeper(place));
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

function deepenElement(fold: Fold, type: ColumnType, element: FieldSketch, place: Place): FoldedElement {
  if (type.kind === 'json') return { type, fitsAll: true };
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const fitsHere = seen.every((value) => accepts(type, value));
  if (type.kind === 'struct' && element.fields !== undefined) {
    if (element.open) fold.extra = true;
    const fields = foldFields(fold, type.fields, element.fields, deeper(place));
    return { type: { kind: 'struct', fields }, fitsAll: fitsHere };
  }
  if (type.kind === 'array' && element.element !== undefined) {
    const inner = deepenElement(fold, type.element, element.element, deeper(place));
    return { type: { kind: 'array', element: inner.type }, fitsAll: fitsHere && inner.fitsAll };
  }
  return { type, fitsAll: fitsHere };
}
