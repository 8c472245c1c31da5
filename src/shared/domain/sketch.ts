import { isUtf8 } from 'node:buffer';
import { BSON, brokenDocument, findElement, stringBytes, UUID_SUBTYPE, walkElements } from './bson.ts';
import { MongolakeError } from './errors.ts';
import { type IdClass, idClass, idText } from './ids.ts';
import { DOUBLE_EXACT, TIMESTAMP_MAX_MS, TIMESTAMP_MIN_MS } from './schema.ts';

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
      return longClass(bytes.readBigInt64LE(at));
    case BSON.double: {
      const value = bytes.readDoubleLE(at);
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'wholeDouble' : 'double';
    }
    case BSON.decimal128:
      return 'decimal';
    case BSON.boolean:
      return 'boolean';
    case BSON.date: {
      const ms = Number(bytes.readBigInt64LE(at));
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

function longClass(value: bigint): ValueClass {
  return value >= -BigInt(DOUBLE_EXACT) && value <= BigInt(DOUBLE_EXACT) ? 'long' : 'wideLong';
}

/** Adds the document at `at` to the sketch. Throws `DOCUMENT_BROKEN` where it has no `_id` or is not valid BSON. */
export function sketchDocument(sketch: Sketch, bytes: Buffer, at: number): void {
  sketchFields(sketch.fields, bytes, at, true);
  const id = findElement(bytes, at, ['_id']);
  if (id === undefined) throw brokenDocument('a document without _id');
  const kind = idClass(bytes, id.type, id.at);
  sketch.ids[kind] = (sketch.ids[kind] ?? 0) + 1;
  if (sketch.idExamples[kind] === undefined)
    sketch.idExamples[kind] = idText(bytes, id.type, id.at, id.end, kind).slice(0, 100);
}

function sketchFields(fields: DocumentSketch, bytes: Buffer, at: number, top: boolean): void {
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt) => {
    const name = fieldName(bytes, nameStart, nameEnd);
    if (top && name === '_id') return true;
    let field = fields.get(name);
    if (field === undefined) {
      if (fields.size === MAX_FIELDS) throw tooManyFields(name);
      field = { counts: {} };
      fields.set(name, field);
    }
    sketchValue(field, bytes, type, valueAt, name);
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

/** A field's name; `latin1` is the fast way for the ASCII that nearly all names are. */
export function fieldName(bytes: Buffer, start: number, end: number): string {
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) return bytes.toString('utf8', start, end);
  return bytes.toString('latin1', start, end);
}

function sketchValue(field: FieldSketch, bytes: Buffer, type: number, at: number, name: string): void {
  const kind = valueClass(bytes, type, at);
  field.counts[kind] = (field.counts[kind] ?? 0) + 1;
  if (kind === 'string' && !isUtf8(stringBytes(bytes, at))) throw brokenDocument(`field "${name}" is not valid UTF-8`);
  if (kind === 'struct') {
    field.fields ??= new Map();
    sketchFields(field.fields, bytes, at, false);
  } else if (kind === 'array') {
    field.element ??= { counts: {} };
    const element = field.element;
    walkElements(bytes, at, (childType, _nameStart, _nameEnd, valueAt) => {
      sketchValue(element, bytes, childType, valueAt, name);
      return true;
    });
  }
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
