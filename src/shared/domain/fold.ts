import { MongolakeError } from './errors.ts';
import { chooseIdType } from './ids.ts';
import { type Column, type ColumnType, ID_COLUMN, type ScalarKind, type TableSchema } from './schema.ts';
import type { DocumentSketch, FieldSketch, Sketch, ValueClass } from './sketch.ts';

const EMPTY: ReadonlySet<ValueClass> = new Set(['emptyStruct', 'emptyArray']);

/** True where a column of this kind holds every value of the class exactly. Arrays are asked value by value. */
export function accepts(type: ColumnType, value: ValueClass): boolean {
  switch (type.kind) {
    case 'long':
      return value === 'long' || value === 'wideLong' || value === 'wholeDouble';
    case 'double':
      return value === 'long' || value === 'wholeDouble' || value === 'double';
    case 'struct':
      return value === 'struct' || value === 'emptyStruct';
    case 'array':
      return value === 'array' || value === 'emptyArray';
    default:
      return value === type.kind;
  }
}

/** State of one fold: whether some value has no typed column and goes to the JSON column. */
interface Fold {
  extra: boolean;
}

/**
 * The schema that holds all that `table` holds and all that the sketch saw: new fields become columns at the end, a value that
 * fits no committed column gets a sibling `name__kind`; nothing that exists changes. Throws `ID_TYPE` where an `_id` does not fit.
 */
export function foldSchema(table: TableSchema | undefined, sketch: Sketch): TableSchema {
  const idType = table?.idType ?? chooseIdType(sketch.ids);
  refuseForeignIds(idType, sketch);
  const fold: Fold = { extra: false };
  const reserved = table?.extra == null ? [ID_COLUMN] : [ID_COLUMN, table.extra];
  const columns = foldFields(fold, table?.columns ?? [], sketch.fields, reserved);
  const extra = table?.extra ?? (fold.extra ? uniqueName('_extra', takenNames(columns, reserved)) : null);
  return { idType, columns, extra };
}

function refuseForeignIds(idType: TableSchema['idType'], sketch: Sketch): void {
  if (idType !== 'long') return;
  for (const [kind, example] of Object.entries(sketch.idExamples)) {
    if (kind === 'long') continue;
    throw new MongolakeError('ID_TYPE', `_id ${example} (${kind}) does not fit the table, whose ids are integers`, {
      hint: 'Load the collection into a new table: one that sees all its ids at first gets a string id column.',
    });
  }
}

function foldFields(
  fold: Fold,
  columns: readonly Column[],
  fields: DocumentSketch,
  reserved: readonly string[],
): Column[] {
  const result = [...columns];
  const taken = takenNames(columns, reserved);
  for (const [source, field] of fields) foldField(fold, result, taken, source, field);
  return result;
}

function takenNames(columns: readonly Column[], reserved: readonly string[]): Set<string> {
  return new Set([...reserved, ...columns.map((column) => column.name)].map((name) => name.toLowerCase()));
}

function foldField(fold: Fold, columns: Column[], taken: Set<string>, source: string, field: FieldSketch): void {
  const own = () => columns.filter((column) => column.source === source);
  const add = (type: ColumnType) => {
    const siblings = own().length > 0;
    const name = uniqueName(siblings ? `${safeName(source)}__${type.kind}` : safeName(source), taken);
    columns.push({ name, source, type });
    taken.add(name.toLowerCase());
  };
  for (const value of byCount(field.counts)) {
    if (value === 'null') continue;
    if (value === 'array') foldArray(fold, columns, source, field.element ?? { counts: {} }, add);
    else if (own().some((column) => accepts(column.type, value))) continue;
    else if (EMPTY.has(value)) fold.extra = true;
    else if (value === 'struct') addStruct(fold, field, add);
    else add(newScalar(value, field.counts));
  }
  if (field.fields !== undefined) deepenStruct(fold, columns, source, field.fields);
}

/** A struct becomes a column once some field of it has a type; until then it goes to the JSON column. */
function addStruct(fold: Fold, field: FieldSketch, add: (type: ColumnType) => void): void {
  const fields = foldFields(fold, [], field.fields ?? new Map(), []);
  if (fields.length === 0) fold.extra = true;
  else add({ kind: 'struct', fields });
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

function deepenStruct(fold: Fold, columns: Column[], source: string, fields: DocumentSketch): void {
  const index = columns.findIndex((column) => column.source === source && column.type.kind === 'struct');
  const column = columns[index];
  if (column?.type.kind !== 'struct') return;
  columns[index] = { ...column, type: { kind: 'struct', fields: foldFields(fold, column.type.fields, fields, []) } };
}

function foldArray(
  fold: Fold,
  columns: Column[],
  source: string,
  element: FieldSketch,
  add: (type: ColumnType) => void,
): void {
  const index = columns.findIndex((column) => column.source === source && column.type.kind === 'array');
  const known = columns[index];
  const committed = known?.type.kind === 'array' ? known.type.element : undefined;
  const folded = committed === undefined ? newElement(fold, element) : deepenElement(fold, committed, element);
  if (folded === undefined) {
    fold.extra = true;
  } else if (known === undefined) {
    add({ kind: 'array', element: folded.type });
  } else {
    columns[index] = { ...known, type: { kind: 'array', element: folded.type } };
  }
  const hasJson = columns.some((column) => column.source === source && column.type.kind === 'json');
  if (folded !== undefined && !folded.fitsAll && !hasJson) add({ kind: 'json' });
}

interface FoldedElement {
  readonly type: ColumnType;
  /** False where some array has an element that the committed type can't hold: such an array goes to a JSON sibling, whole. */
  readonly fitsAll: boolean;
}

/** The element type of arrays seen for the first time; mixed elements become EJSON strings; `undefined` while nothing typed was seen. */
function newElement(fold: Fold, element: FieldSketch): FoldedElement | undefined {
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const typed = seen.find((value) => !EMPTY.has(value));
  if (typed === undefined) return undefined;
  const type = elementType(fold, typed, element);
  if (type === undefined) return undefined;
  return seen.every((value) => accepts(type, value))
    ? { type, fitsAll: true }
    : { type: { kind: 'json' }, fitsAll: true };
}

function elementType(fold: Fold, value: ValueClass, element: FieldSketch): ColumnType | undefined {
  if (value === 'array') {
    const inner = newElement(fold, element.element ?? { counts: {} });
    return inner && { kind: 'array', element: inner.type };
  }
  if (value === 'struct') {
    const fields = foldFields(fold, [], element.fields ?? new Map(), []);
    return fields.length === 0 ? undefined : { kind: 'struct', fields };
  }
  return newScalar(value, element.counts);
}

function deepenElement(fold: Fold, type: ColumnType, element: FieldSketch): FoldedElement {
  if (type.kind === 'json') return { type, fitsAll: true };
  const seen = byCount(element.counts).filter((value) => value !== 'null');
  const fitsHere = seen.every((value) => accepts(type, value));
  if (type.kind === 'struct' && element.fields !== undefined) {
    return { type: { kind: 'struct', fields: foldFields(fold, type.fields, element.fields, []) }, fitsAll: fitsHere };
  }
  if (type.kind === 'array' && element.element !== undefined) {
    const inner = deepenElement(fold, type.element, element.element);
    return { type: { kind: 'array', element: inner.type }, fitsAll: fitsHere && inner.fitsAll };
  }
  return { type, fitsAll: fitsHere };
}

/** A column name that Delta takes (no ` ,;{}()\n\t=`; Delta PROTOCOL.md, "Column Names"), from any field name. */
function safeName(source: string): string {
  const safe = source.replace(/[ ,;{}()\n\t=]/g, '_');
  return safe === '' ? '_' : safe;
}

/** Names are unique ignoring case; a clash gets `_2`, `_3`, …; the source name stays in the field's metadata. */
function uniqueName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${name}_${n}`;
  return candidate;
}
