import { brokenDocument, walkElements } from '../../shared/domain/bson.ts';
import { fieldName } from '../../shared/domain/bson-text.ts';
import { accepts } from '../../shared/domain/fold.ts';
import type { Column, ColumnType } from '../../shared/domain/schema.ts';
import { type ValueClass, valueClass } from '../../shared/domain/value-class.ts';

/** Shared by all columns of one decoder. */
export interface DecodeContext {
  /** Where in the document the decoder is: field names and array indexes. */
  readonly path: string[];
  /** Puts a value that has no typed column into the document's JSON column; it is an error where the table has none. */
  putExtra(name: string, bytes: Buffer, type: number, at: number, end: number): void;
}

/** Which columns of one level of a document may take a field's value: those of its name, `json` last. */
export type Routes = ReadonlyMap<string, readonly Route[]>;

interface Route {
  readonly type: ColumnType;
  /** Index of the column. */
  readonly column: number;
}

export function routesOf(columns: readonly Column[]): Routes {
  const routes = new Map<string, Route[]>();
  columns.forEach(({ source, type }, column) => {
    const route = routes.get(source) ?? [];
    route.push({ type, column });
    route.sort((a, b) => Number(a.type.kind === 'json') - Number(b.type.kind === 'json'));
    routes.set(source, route);
  });
  return routes;
}

/** Takes the values of one document, column by column. */
export interface ValueSink {
  /** Whether the document has given the column a value. */
  filled(column: number): boolean;
  put(column: number, bytes: Buffer, type: number, at: number, end: number): void;
}

/**
 * Gives every value of the document at `at` to the first column that accepts it, else to the JSON column. Nulls are left out, and so is
 * the field `skip`. Throws `DOCUMENT_BROKEN` for two values of one column.
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
    const value = name === skip ? 'null' : valueClass(bytes, type, at);
    if (value === 'null') return true;
    const route = routes.get(name)?.find((candidate) => holds(candidate.type, value, bytes, at));
    if (route === undefined) {
      context.putExtra(name, bytes, type, at, end);
      return true;
    }
    if (sink.filled(route.column)) throw brokenDocument(`field "${[...context.path, name].join('.')}" occurs twice`);
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

/** Gives every element of the array at `at`, all of which the column holds. */
export function routeElements(context: DecodeContext, bytes: Buffer, start: number, sink: ElementSink): void {
  walkElements(bytes, start, (type, nameStart, nameEnd, at, end) => {
    if (valueClass(bytes, type, at) === 'null') {
      sink.putNull();
      return true;
    }
    context.path.push(fieldName(bytes, nameStart, nameEnd));
    sink.put(bytes, type, at, end);
    context.path.pop();
    return true;
  });
}

/** True where the column holds this very value. A `json` column holds what is `json` itself, and arrays that fit no typed one. */
function holds(type: ColumnType, value: ValueClass, bytes: Buffer, at: number): boolean {
  if (type.kind === 'json') return value === 'json' || value === 'array';
  return accepts(type, value) && (type.kind !== 'array' || elementsFit(type.element, bytes, at));
}

function elementsFit(element: ColumnType, bytes: Buffer, at: number): boolean {
  if (element.kind === 'json') return true;
  let fit = true;
  walkElements(bytes, at, (type, _nameStart, _nameEnd, valueAt) => {
    const value = valueClass(bytes, type, valueAt);
    fit = value === 'null' || holds(element, value, bytes, valueAt);
    return fit;
  });
  return fit;
}
