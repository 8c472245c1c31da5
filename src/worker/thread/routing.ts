import { BSON, documentEnd, nameEndOf, valueEnd, walkElements } from '../../shared/domain/bson.ts';
import { fieldName } from '../../shared/domain/bson-text.ts';
import { fixedUnits } from '../../shared/domain/fixed.ts';
import { accepts } from '../../shared/domain/fold.ts';
import type { Column, ColumnType } from '../../shared/domain/schema.ts';
import { type ClassCode, CODE, classCode, classOf, FIXED_CODE } from '../../shared/domain/value-class.ts';

/** Shared by all columns of one decoder. */
export interface DecodeContext {
  /** Where in the document the decoder is: field names and array indexes. */
  readonly path: string[];
  /** Puts a value that has no typed column into the document's JSON column; it is an error where the table has none. */
  putExtra(name: string, bytes: Buffer, type: number, at: number, end: number): void;
}

/** Which columns of one level of a document may take a field's value: those of its name, in the order in which they are asked. */
export type Routes = ReadonlyMap<string, readonly Route[]>;

export interface Route extends Fit {
  /** As `Column.whole`. */
  readonly whole: boolean;
  /** Index of the column. */
  readonly column: number;
}

/** What a column takes. */
interface Fit {
  readonly type: ColumnType;
  /** Whether it takes values of a class, by its code; arrays and decimals are looked at besides. */
  readonly accepts: readonly boolean[];
  /** Of an array column: what its elements must be. */
  readonly element: Fit | undefined;
}

export function routesOf(columns: readonly Column[]): Routes {
  const routes = new Map<string, Route[]>();
  columns.forEach(({ source, type, whole = false }, column) => {
    const route = routes.get(source) ?? [];
    route.push({ ...fitOf(type), whole, column });
    route.sort((a, b) => order(a) - order(b));
    routes.set(source, route);
  });
  return routes;
}

/** Who is asked first among the columns of one field: what is configured, then the types as the table got them, `json` last. */
function order({ type, whole }: Route): number {
  if (whole) return 0;
  return type.kind === 'fixed' ? 1 : type.kind === 'json' ? 3 : 2;
}

function fitOf(type: ColumnType): Fit {
  const codes = Array.from({ length: FIXED_CODE }, (_, code) => accepts(type, classOf(code)));
  return { type, accepts: codes, element: type.kind === 'array' ? fitOf(type.element) : undefined };
}

/** The first of the columns that holds this very value, whose class has the code. */
export function routeOf(
  routes: readonly Route[],
  code: ClassCode,
  bytes: Buffer,
  type: number,
  at: number,
): Route | undefined {
  for (const route of routes) if (route.whole || holds(route, code, bytes, type, at)) return route;
  return undefined;
}

/** There is no column for values of the class. */
export const NO_COLUMN = -1;
/** It depends on the value: `routeOf` tells. */
export const ASK = -2;

/** By the code of a class, the column that takes its values, where that can be told without looking at them. */
export function columnsByCode(routes: readonly Route[]): Int32Array {
  return Int32Array.from({ length: FIXED_CODE }, (_, code) => columnOf(routes, code));
}

function columnOf(routes: readonly Route[], code: ClassCode): number {
  for (const { whole, type, accepts: codes, element, column } of routes) {
    if (whole) return column;
    if (type.kind === 'fixed') return ASK;
    if (type.kind === 'json' ? holdsAsJson(code) : codes[code] === true) return element === undefined ? column : ASK;
  }
  return NO_COLUMN;
}

/** Takes the values of one document, column by column. */
export interface ValueSink {
  /** Whether the document has given the column a value. */
  filled(column: number): boolean;
  put(column: number, bytes: Buffer, type: number, at: number, end: number): void;
}

/**
 * Gives every value of the document at `start` to the first column that holds it, else to the JSON column; there goes the second value
 * of one field, too. Nulls are left out, and so is the field `skip`.
 */
export function routeFields(
  routes: Routes,
  context: DecodeContext,
  bytes: Buffer,
  start: number,
  sink: ValueSink,
  skip?: string,
): void {
  walkElements(bytes, start, (type, nameStart, nameEnd, at, end) => {
    const name = fieldName(bytes, nameStart, nameEnd);
    const code = name === skip ? CODE.null : classCode(bytes, type, at);
    if (code === CODE.null) return true;
    const own = routes.get(name);
    const route = own && routeOf(own, code, bytes, type, at);
    // A field that comes twice passes the extract only where its names are not kept, and then there is a JSON column.
    if (route === undefined || sink.filled(route.column)) {
      context.putExtra(name, bytes, type, at, end);
      return true;
    }
    context.path.push(name);
    sink.put(route.column, bytes, type, at, end);
    context.path.pop();
    return true;
  });
}

/** Takes the elements of one array, in order. */
export interface ElementSink {
  putNull(): void;
  put(bytes: Buffer, type: number, at: number, end: number): void;
}

/**
 * Gives every element of the array at `start`, all of which the column holds. Elements are told by their place: the names that they have
 * in BSON mean nothing, and need not be text.
 */
export function routeElements(context: DecodeContext, bytes: Buffer, start: number, sink: ElementSink): void {
  let place = 0;
  walkElements(bytes, start, (type, _nameStart, _nameEnd, at, end) => {
    context.path.push(String(place++));
    if (type === BSON.null || type === BSON.undefined) sink.putNull();
    else sink.put(bytes, type, at, end);
    context.path.pop();
    return true;
  });
}

/** True where the column holds this very value. A `json` column holds what is `json` itself, and arrays that fit no typed one. */
function holds(fit: Fit, code: ClassCode, bytes: Buffer, bsonType: number, at: number): boolean {
  const { type, element } = fit;
  if (type.kind === 'fixed') return fixedUnits(bytes, bsonType, at, type) !== undefined;
  if (type.kind === 'json') return holdsAsJson(code);
  return fit.accepts[code] === true && (element === undefined || elementsFit(element, bytes, at));
}

function holdsAsJson(code: ClassCode): boolean {
  return code === CODE.json || code === CODE.array;
}

function elementsFit(element: Fit, bytes: Buffer, start: number): boolean {
  if (element.type.kind === 'json') return true;
  const end = documentEnd(bytes, start) - 1;
  let at = start + 4;
  while (at < end) {
    const type = bytes[at] as number;
    const valueAt = nameEndOf(bytes, at + 1) + 1;
    const code = classCode(bytes, type, valueAt);
    if (code !== CODE.null && !holds(element, code, bytes, type, valueAt)) return false;
    at = valueEnd(bytes, type, valueAt, end);
  }
  return true;
}
