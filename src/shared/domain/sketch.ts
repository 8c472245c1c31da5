import { BSON, brokenDocument, type Element, UUID_SUBTYPE, walkElements } from './bson.ts';
import { checkDepth, checkText, checkValue, fieldName } from './bson-text.ts';
import { MongolakeError } from './errors.ts';
import { type IdClass, idClass, idText } from './ids.ts';
import { isDoubleExact, readInt64Number } from './numbers.ts';
import { TIMESTAMP_MAX_MS, TIMESTAMP_MIN_MS } from './schema.ts';

/**
 * What a value is, as far as it decides which column can hold it exactly. `wideLong` is an integer past ±2^53, `wholeDouble` a double
 * that is such an integer; `emptyStruct` and `emptyArray` have no type yet; `json` is what only EJSON can hold (dates outside
 * years 1–9999 included).
 */
export type ValueClass =
  | 'null'
  | 'string'
  | 'objectId'
  | 'uuid'
  | 'decimal'
  | 'long'
  | 'wideLong'
  | 'wholeDouble'
  | 'double'
  | 'boolean'
  | 'timestamp'
  | 'binary'
  | 'json'
  | 'struct'
  | 'emptyStruct'
  | 'array'
  | 'emptyArray';

/** The shape of one field over all documents read: plain JSON, so that it travels in a receipt. */
export interface FieldSketch {
  readonly counts: Partial<Record<ValueClass, number>>;
  /** Fields of the documents seen here. */
  fields?: DocumentSketch;
  /** All elements of the arrays seen here. */
  element?: FieldSketch;
  /** The number of the document in which it was last met; of no meaning outside this process. */
  seen?: number;
}

/** Field name → sketch, in the order first seen. A `Map` in memory; pairs in JSON. */
export type DocumentSketch = Map<string, FieldSketch>;

/** The shape of the documents of one extract job. */
export interface Sketch {
  readonly ids: Partial<Record<IdClass, number>>;
  /** One id of each class, as text of at most 100 characters, for messages. */
  readonly idExamples: Partial<Record<IdClass, string>>;
  readonly fields: DocumentSketch;
}

export function emptySketch(): Sketch {
  return { ids: {}, idExamples: {}, fields: new Map() };
}

/** The class of the value that starts at `at`. */
export function valueClass(bytes: Buffer, type: number, at: number): ValueClass {
  switch (type) {
    case BSON.string:
    case BSON.symbol:
      return 'string';
    case BSON.objectId:
      return 'objectId';
    case BSON.int32:
      return 'long';
    case BSON.int64:
      return isDoubleExact(bytes, at) ? 'long' : 'wideLong';
    case BSON.double: {
      const value = bytes.readDoubleLE(at);
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'wholeDouble' : 'double';
    }
    case BSON.decimal128:
      return 'decimal';
    case BSON.boolean:
      return 'boolean';
    case BSON.date: {
      const ms = readInt64Number(bytes, at);
      return ms >= TIMESTAMP_MIN_MS && ms <= TIMESTAMP_MAX_MS ? 'timestamp' : 'json';
    }
    case BSON.binary:
      return bytes[at + 4] === UUID_SUBTYPE && bytes.readInt32LE(at) === 16 ? 'uuid' : 'binary';
    case BSON.null:
    case BSON.undefined:
      return 'null';
    case BSON.object:
      return bytes.readInt32LE(at) === 5 ? 'emptyStruct' : 'struct';
    case BSON.array:
      return bytes.readInt32LE(at) === 5 ? 'emptyArray' : 'array';
    default:
      return 'json';
  }
}

/**
 * Adds the document at `at` to the sketch and checks all of it: what passes here can be stored. Returns its `_id`. Throws
 * `DOCUMENT_BROKEN` where it has no `_id` or two, is not valid BSON, or holds a name twice or text that is not UTF-8.
 */
export function sketchDocument(sketch: Sketch, bytes: Buffer, at: number): Element {
  let id: Element | undefined;
  const isId = (type: number, name: string, valueAt: number, end: number) => {
    if (name !== '_id') return false;
    if (id !== undefined) throw brokenDocument('field "_id" occurs twice');
    checkValue(bytes, type, valueAt, end, name, 1);
    id = { type, at: valueAt, end };
    return true;
  };
  sketchFields(sketch.fields, bytes, at, 1, isId);
  const found = id as Element | undefined;
  if (found === undefined) throw brokenDocument('a document without _id');
  const kind = idClass(bytes, found.type, found.at);
  sketch.ids[kind] = (sketch.ids[kind] ?? 0) + 1;
  if (sketch.idExamples[kind] === undefined)
    sketch.idExamples[kind] = idText(bytes, found.type, found.at, found.end, kind).slice(0, 100);
  return found;
}

type Skip = (type: number, name: string, at: number, end: number) => boolean;

/** Numbers each document met, at any level, so that a field knows whether it was met in this one already. */
let visit = 0;

function sketchFields(fields: DocumentSketch, bytes: Buffer, at: number, depth: number, skip?: Skip): void {
  const own = ++visit;
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    const name = fieldName(bytes, nameStart, nameEnd);
    if (skip?.(type, name, valueAt, end) === true) return true;
    let field = fields.get(name);
    if (field === undefined) {
      if (fields.size === MAX_FIELDS) throw tooManyFields(name);
      field = { counts: {}, seen: 0 };
      fields.set(name, field);
    }
    if (field.seen === own) throw brokenDocument(`field "${name}" occurs twice`);
    field.seen = own;
    sketchValue(field, bytes, type, valueAt, end, name, depth);
    return true;
  });
}

/** Different field names that one level of a document may have over a whole run; more than this are keys that are data. */
export const MAX_FIELDS = 10_000;

function tooManyFields(name: string): MongolakeError {
  return new MongolakeError(
    'SCHEMA_CONFLICT',
    `more than ${MAX_FIELDS} different field names beside "${name}": its keys look like data`,
    {
      hint: 'Store such an object as an array of {key, value}, or leave its collection out.',
    },
  );
}

function sketchValue(
  field: FieldSketch,
  bytes: Buffer,
  type: number,
  at: number,
  end: number,
  name: string,
  depth: number,
): void {
  const kind = valueClass(bytes, type, at);
  field.counts[kind] = (field.counts[kind] ?? 0) + 1;
  switch (kind) {
    case 'string':
      return checkText(bytes, at + 4, end - 1, name);
    case 'json':
      return checkValue(bytes, type, at, end, name, depth);
    case 'struct':
      checkDepth(depth + 1, name);
      field.fields ??= new Map();
      return sketchFields(field.fields, bytes, at, depth + 1);
    case 'array':
      checkDepth(depth + 1, name);
      field.element ??= { counts: {}, seen: 0 };
      return sketchElements(field.element, bytes, at, name, depth + 1);
  }
}

function sketchElements(element: FieldSketch, bytes: Buffer, at: number, name: string, depth: number): void {
  walkElements(bytes, at, (type, _nameStart, _nameEnd, valueAt, end) => {
    sketchValue(element, bytes, type, valueAt, end, name, depth);
    return true;
  });
}

/** Adds `from` to `into`, keeping the order in which fields were first seen. */
export function mergeSketch(into: Sketch, from: Sketch): void {
  addCounts(into.ids, from.ids);
  for (const [kind, example] of Object.entries(from.idExamples)) into.idExamples[kind as IdClass] ??= example;
  mergeFields(into.fields, from.fields);
}

function mergeFields(into: DocumentSketch, from: DocumentSketch): void {
  for (const [name, field] of from) {
    const known = into.get(name);
    if (known === undefined) into.set(name, copyField(field));
    else mergeField(known, field);
  }
}

function copyField(field: FieldSketch): FieldSketch {
  const copy: FieldSketch = { counts: {} };
  mergeField(copy, field);
  return copy;
}

function mergeField(into: FieldSketch, from: FieldSketch): void {
  addCounts(into.counts, from.counts);
  if (from.fields !== undefined) {
    into.fields ??= new Map();
    mergeFields(into.fields, from.fields);
  }
  if (from.element !== undefined) {
    into.element ??= { counts: {} };
    mergeField(into.element, from.element);
  }
}

function addCounts<K extends string>(into: Partial<Record<K, number>>, from: Partial<Record<K, number>>): void {
  for (const [key, count] of Object.entries(from) as [K, number][]) into[key] = (into[key] ?? 0) + count;
}

/** One field as JSON: counts, then fields and element where there are any. */
export interface FieldSketchJson {
  readonly counts: Partial<Record<ValueClass, number>>;
  readonly fields?: readonly (readonly [string, FieldSketchJson])[];
  readonly element?: FieldSketchJson;
}

/** A sketch as JSON; fields are pairs, so that no field name (`__proto__`) meets an object. */
export interface SketchJson {
  readonly ids: Partial<Record<IdClass, number>>;
  readonly idExamples: Partial<Record<IdClass, string>>;
  readonly fields: readonly (readonly [string, FieldSketchJson])[];
}

export function sketchToJson(sketch: Sketch): SketchJson {
  return { ids: sketch.ids, idExamples: sketch.idExamples, fields: fieldsToJson(sketch.fields) };
}

function fieldsToJson(fields: DocumentSketch): (readonly [string, FieldSketchJson])[] {
  return [...fields].map(([name, field]) => [name, fieldToJson(field)] as const);
}

function fieldToJson(field: FieldSketch): FieldSketchJson {
  return {
    counts: field.counts,
    ...(field.fields === undefined ? {} : { fields: fieldsToJson(field.fields) }),
    ...(field.element === undefined ? {} : { element: fieldToJson(field.element) }),
  };
}

export function sketchFromJson(json: SketchJson): Sketch {
  return { ids: { ...json.ids }, idExamples: { ...json.idExamples }, fields: fieldsFromJson(json.fields) };
}

function fieldsFromJson(pairs: readonly (readonly [string, FieldSketchJson])[]): DocumentSketch {
  return new Map(pairs.map(([name, field]) => [name, fieldFromJson(field)]));
}

function fieldFromJson(json: FieldSketchJson): FieldSketch {
  return {
    counts: { ...json.counts },
    ...(json.fields === undefined ? {} : { fields: fieldsFromJson(json.fields) }),
    ...(json.element === undefined ? {} : { element: fieldFromJson(json.element) }),
  };
}
