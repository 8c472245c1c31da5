import type { IdClass } from './ids.ts';
import type { ValueClass } from './value-class.ts';

/** The shape of one field over all documents read: plain JSON, so that it travels in a receipt. */
export interface FieldSketch extends Partial<LevelSketch> {
  readonly counts: Partial<Record<ValueClass, number>>;
  /** All elements of the arrays seen here. */
  element?: FieldSketch;
}

/** Field name → sketch, in the order first seen. A `Map` in memory; pairs in JSON. */
export type DocumentSketch = Map<string, FieldSketch>;

/** The documents seen at one place. */
interface LevelSketch {
  fields: DocumentSketch;
  /** Fields met whose names are not kept; where there are any, its keys are data. */
  open: number;
}

/** The shape of the documents of one extract job. */
export interface Sketch {
  readonly ids: Partial<Record<IdClass, number>>;
  /** One id of each class, as text of at most 100 characters, for messages. */
  readonly idExamples: Partial<Record<IdClass, string>>;
  readonly fields: DocumentSketch;
  open: number;
  /** Names kept at all levels. */
  names: number;
}

/** Different names kept of one level of the documents, and of all levels together; the rest of such a level is data, not shape. */
export const MOST_NAMES = { level: 10_000, all: 50_000 } as const;

export function emptySketch(): Sketch {
  return { ids: {}, idExamples: {}, fields: new Map(), open: 0, names: 0 };
}

/** `undefined` where there is no room for another name. */
function newField(sketch: Sketch, level: LevelSketch, name: string): FieldSketch | undefined {
  if (level.fields.size >= MOST_NAMES.level || sketch.names >= MOST_NAMES.all) return undefined;
  const field: FieldSketch = { counts: {} };
  level.fields.set(name, field);
  sketch.names++;
  return field;
}

function levelOf(field: FieldSketch): LevelSketch {
  field.fields ??= new Map();
  field.open ??= 0;
  return field as FieldSketch & LevelSketch;
}

/** Adds `from` to `into`, keeping the order in which fields were first seen. */
export function mergeSketch(into: Sketch, from: Sketch): void {
  addCounts(into.ids, from.ids);
  for (const [kind, example] of Object.entries(from.idExamples)) into.idExamples[kind as IdClass] ??= example;
  mergeLevel(into, into, from);
}

function mergeLevel(sketch: Sketch, into: LevelSketch, from: LevelSketch): void {
  into.open += from.open;
  for (const [name, field] of from.fields) {
    const known = into.fields.get(name) ?? newField(sketch, into, name);
    if (known === undefined) into.open++;
    else mergeField(sketch, known, field);
  }
}

function mergeField(sketch: Sketch, into: FieldSketch, from: FieldSketch): void {
  addCounts(into.counts, from.counts);
  if (from.fields !== undefined) mergeLevel(sketch, levelOf(into), levelOf(from));
  if (from.element !== undefined) {
    into.element ??= { counts: {} };
    mergeField(sketch, into.element, from.element);
  }
}

function addCounts<K extends string>(into: Partial<Record<K, number>>, from: Partial<Record<K, number>>): void {
  for (const [key, count] of Object.entries(from) as [K, number][]) into[key] = (into[key] ?? 0) + count;
}

/** One field as JSON: counts, then fields and element where there are any. */
export interface FieldSketchJson {
  readonly counts: Partial<Record<ValueClass, number>>;
  readonly fields?: readonly (readonly [string, FieldSketchJson])[];
  readonly open?: true;
  readonly element?: FieldSketchJson;
}

/** A sketch as JSON; fields are pairs, so that no field name (`__proto__`) meets an object. */
export interface SketchJson {
  readonly ids: Partial<Record<IdClass, number>>;
  readonly idExamples: Partial<Record<IdClass, string>>;
  readonly fields: readonly (readonly [string, FieldSketchJson])[];
  readonly open?: true;
}

export function sketchToJson(sketch: Sketch): SketchJson {
  return { ids: sketch.ids, idExamples: sketch.idExamples, ...levelToJson(sketch) };
}

function levelToJson({ fields, open }: LevelSketch) {
  const pairs = [...fields].map(([name, field]) => [name, fieldToJson(field)] as const);
  return { fields: pairs, ...(open > 0 ? { open: true as const } : {}) };
}

function fieldToJson(field: FieldSketch): FieldSketchJson {
  return {
    counts: field.counts,
    ...(field.fields === undefined ? {} : levelToJson(levelOf(field))),
    ...(field.element === undefined ? {} : { element: fieldToJson(field.element) }),
  };
}

export function sketchFromJson(json: SketchJson): Sketch {
  const names = { count: 0 };
  const fields = fieldsFromJson(json.fields, names);
  return {
    ids: { ...json.ids },
    idExamples: { ...json.idExamples },
    fields,
    open: json.open ? 1 : 0,
    names: names.count,
  };
}

function fieldsFromJson(
  pairs: readonly (readonly [string, FieldSketchJson])[],
  names: { count: number },
): DocumentSketch {
  names.count += pairs.length;
  return new Map(pairs.map(([name, field]) => [name, fieldFromJson(field, names)]));
}

function fieldFromJson(json: FieldSketchJson, names: { count: number }): FieldSketch {
  return {
    counts: { ...json.counts },
    ...(json.fields === undefined ? {} : { fields: fieldsFromJson(json.fields, names), open: json.open ? 1 : 0 }),
    ...(json.element === undefined ? {} : { element: fieldFromJson(json.element, names) }),
  };
}
