import { brokenDocument, type Element, walkElements } from './bson.ts';
import { checkDepth, checkValue, fieldName } from './bson-text.ts';
import { type IdClass, idClass, idExample } from './ids.ts';
import type { FieldPolicy } from './policy.ts';
import { classAs, type ValueClass } from './value-class.ts';

/** The shape of one field over all documents read: plain JSON, so that it travels in a receipt. */
export interface FieldSketch extends Partial<LevelSketch> {
  readonly counts: Partial<Record<ValueClass, number>>;
  /** All elements of the arrays seen here. */
  element?: FieldSketch;
  /** The number of the document in which it was last met; of no meaning outside this process. */
  seen?: number;
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

/**
 * Adds the document at `at` to the sketch and checks all of it: what passes here can be stored. Returns its `_id`. Throws
 * `DOCUMENT_BROKEN` where it has no `_id` or two, is not valid BSON, or holds a name twice or one that is not UTF-8; such a document
 * leaves no trace in the sketch. `policy` has the types that are configured for fields.
 */
export function sketchDocument(sketch: Sketch, bytes: Buffer, at: number, policy?: FieldPolicy): Element {
  const id = countedFields(sketch, bytes, at, policy);
  const kind = idClass(bytes, id.type, id.at);
  sketch.idExamples[kind] ??= idExample(bytes, id);
  sketch.ids[kind] = (sketch.ids[kind] ?? 0) + 1;
  return id;
}

function countedFields(sketch: Sketch, bytes: Buffer, at: number, policy: FieldPolicy | undefined): Element {
  try {
    return walkDocument({ sketch, weight: 1, emptied: [] }, bytes, at, policy);
  } catch (error) {
    takeBack(sketch, bytes, at, policy);
    throw error;
  }
}

/** Uncounts a document that broke off, by the same walk to the same place, and removes what only it had. */
function takeBack(sketch: Sketch, bytes: Buffer, at: number, policy: FieldPolicy | undefined): void {
  const emptied: (() => void)[] = [];
  try {
    walkDocument({ sketch, weight: -1, emptied }, bytes, at, policy);
  } catch {
    // The place where it broke off.
  }
  // Only now: until its end the walk has to meet what the first one met.
  for (const remove of emptied) remove();
}

/** One walk over a document. */
interface Walk {
  readonly sketch: Sketch;
  /** 1 counts what it meets, −1 takes that back. */
  readonly weight: 1 | -1;
  /** Removes what has no count any more. */
  readonly emptied: (() => void)[];
}

function walkDocument(walk: Walk, bytes: Buffer, at: number, policy: FieldPolicy | undefined): Element {
  let id: Element | undefined;
  const takeId = (type: number, name: string, valueAt: number, end: number) => {
    if (name !== '_id') return false;
    if (id !== undefined) throw brokenDocument('field "_id" occurs twice');
    checkValue(bytes, type, valueAt, end, name, 1);
    id = { type, at: valueAt, end };
    return true;
  };
  walkFields(walk, walk.sketch, bytes, at, 1, policy, takeId);
  const found = id as Element | undefined;
  if (found === undefined) throw brokenDocument('a document without _id');
  return found;
}

type Take = (type: number, name: string, at: number, end: number) => boolean;

/** Numbers the documents met, at any level, so that a field knows whether it was met in this one already. */
let documentsMet = 0;

function walkFields(
  walk: Walk,
  level: LevelSketch,
  bytes: Buffer,
  at: number,
  depth: number,
  policy: FieldPolicy | undefined,
  take?: Take,
): void {
  const own = ++documentsMet;
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    const name = fieldName(bytes, nameStart, nameEnd);
    if (take?.(type, name, valueAt, end) === true) return true;
    const field = level.fields.get(name) ?? (walk.weight === 1 ? newField(walk.sketch, level, name) : undefined);
    if (field === undefined) {
      level.open += walk.weight;
      checkValue(bytes, type, valueAt, end, name, depth);
      return true;
    }
    if (field.seen === own) throw brokenDocument(`field "${name}" occurs twice`);
    field.seen = own;
    if (isLast(walk, field)) walk.emptied.push(dropField(walk.sketch, level, name));
    walkValue(walk, field, bytes, type, valueAt, end, name, depth, policy?.fields.get(name));
    return true;
  });
}

/** True where the value that is taken back is the field's only one. */
function isLast({ weight }: Walk, field: FieldSketch): boolean {
  if (weight === 1) return false;
  const counts = Object.values(field.counts);
  return counts.length === 1 && counts[0] === 1;
}

function dropField(sketch: Sketch, { fields }: LevelSketch, name: string): () => void {
  return () => {
    fields.delete(name);
    sketch.names--;
  };
}

/** `undefined` where there is no room for another name. */
function newField(sketch: Sketch, level: LevelSketch, name: string): FieldSketch | undefined {
  if (level.fields.size >= MOST_NAMES.level || sketch.names >= MOST_NAMES.all) return undefined;
  const field: FieldSketch = { counts: {}, seen: 0 };
  level.fields.set(name, field);
  sketch.names++;
  return field;
}

function walkValue(
  walk: Walk,
  field: FieldSketch,
  bytes: Buffer,
  type: number,
  at: number,
  end: number,
  name: string,
  depth: number,
  policy: FieldPolicy | undefined,
): void {
  const kind = classAs(policy?.type, bytes, type, at);
  count(walk, field, kind);
  if (kind === 'json') checkValue(bytes, type, at, end, name, depth);
  else if (kind === 'struct') {
    checkDepth(depth + 1, name);
    walkFields(walk, levelOf(field), bytes, at, depth + 1, policy);
  } else if (kind === 'array') {
    checkDepth(depth + 1, name);
    field.element ??= { counts: {}, seen: 0 };
    const element = field.element;
    walkElements(bytes, at, (childType, _nameStart, _nameEnd, valueAt, childEnd) => {
      walkValue(walk, element, bytes, childType, valueAt, childEnd, name, depth + 1, policy);
      return true;
    });
  }
}

function count({ weight, emptied }: Walk, field: FieldSketch, kind: ValueClass): void {
  const counted = (field.counts[kind] ?? 0) + weight;
  field.counts[kind] = counted;
  if (counted > 0) return;
  delete field.counts[kind];
  if (kind === 'array') emptied.push(() => delete field.element);
  if (kind === 'struct') emptied.push(() => dropLevel(field));
}

function dropLevel(field: FieldSketch): void {
  delete field.fields;
  delete field.open;
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
