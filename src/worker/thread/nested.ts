import duckdb from '@duckdb/node-bindings';
import { brokenDocument, walkElements } from '../../shared/domain/bson.ts';
import { fieldName } from '../../shared/domain/bson-text.ts';
import { fixedUnits } from '../../shared/domain/fixed.ts';
import { accepts } from '../../shared/domain/fold.ts';
import type { Column, ColumnType } from '../../shared/domain/schema.ts';
import { type ValueClass, valueClass } from '../../shared/domain/value-class.ts';
import { fixedBuilder } from './fixed.ts';
import { type Builder, scalarBuilder, validity } from './vectors.ts';

/** Shared by all builders of one decoder. */
export interface DecodeContext {
  /** Where in the document the decoder is: field names and array indexes. */
  readonly path: string[];
  /** Set where a double is -0.0. */
  minusZero: boolean;
  /** Puts a value that has no typed column into the document's JSON column; it is an error where the table has none. */
  putExtra(name: string, bytes: Buffer, type: number, at: number, end: number): void;
}

interface RoutedColumn {
  readonly column: Column;
  readonly builder: Builder;
}

/** The columns of one level of a document, and which of them takes a value: the first that holds it, see `order`. */
export interface Level {
  /** Appends one value to every column: those of the document at `at`, null where it has none. */
  append(bytes: Buffer, at: number): void;
  appendNull(): void;
  /** Writes each column into its vector and starts anew. */
  flush(vectorOf: (column: number) => duckdb.Vector): void;
}

export function level(columns: readonly Column[], context: DecodeContext, skip?: string): Level {
  const builders = columns.map((column) => builderFor(column.type, context));
  const routes = new Map<string, RoutedColumn[]>();
  columns.forEach((column, index) => {
    const route = routes.get(column.source) ?? [];
    route.push({ column, builder: builders[index] as Builder });
    route.sort((a, b) => order(a.column) - order(b.column));
    routes.set(column.source, route);
  });
  let rows = 0;
  const closeRow = () => {
    rows++;
    for (const builder of builders) if (builder.count < rows) builder.appendNull();
  };
  return {
    append(bytes, at) {
      walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
        const name = fieldName(bytes, nameStart, nameEnd);
        if (name !== skip) route(routes.get(name) ?? [], context, rows, name, bytes, type, valueAt, end);
        return true;
      });
      closeRow();
    },
    appendNull: closeRow,
    flush(vectorOf) {
      builders.forEach((builder, index) => {
        builder.flush(vectorOf(index));
      });
      rows = 0;
    },
  };
}

/** Who is asked first among the columns of one field: what is configured, then the types as the table got them, `json` last. */
function order({ type, whole }: Column): number {
  if (whole) return 0;
  return type.kind === 'fixed' ? 1 : type.kind === 'json' ? 3 : 2;
}

function route(
  columns: readonly RoutedColumn[],
  context: DecodeContext,
  rows: number,
  name: string,
  bytes: Buffer,
  type: number,
  at: number,
  end: number,
): void {
  const value = valueClass(bytes, type, at);
  if (value === 'null') return;
  const found = columns.find(({ column }) => column.whole || holds(column.type, value, bytes, type, at));
  if (found === undefined) {
    context.putExtra(name, bytes, type, at, end);
    return;
  }
  if (found.builder.count > rows) throw brokenDocument(`field "${[...context.path, name].join('.')}" occurs twice`);
  context.path.push(name);
  found.builder.append(bytes, type, at, end);
  context.path.pop();
}

/** True where the column holds this very value. A `json` column holds what is `json` itself, and arrays that fit no typed one. */
function holds(type: ColumnType, value: ValueClass, bytes: Buffer, bsonType: number, at: number): boolean {
  if (type.kind === 'fixed') return fixedUnits(bytes, bsonType, at, type) !== undefined;
  if (type.kind === 'json') return value === 'json' || value === 'array';
  return accepts(type, value) && (type.kind !== 'array' || elementsFit(type.element, bytes, at));
}

function elementsFit(element: ColumnType, bytes: Buffer, at: number): boolean {
  if (element.kind === 'json') return true;
  let fit = true;
  walkElements(bytes, at, (type, _nameStart, _nameEnd, valueAt) => {
    const value = valueClass(bytes, type, valueAt);
    fit = value === 'null' || holds(element, value, bytes, type, valueAt);
    return fit;
  });
  return fit;
}

function builderFor(type: ColumnType, context: DecodeContext): Builder {
  if (type.kind === 'struct') return structBuilder(level(type.fields, context));
  if (type.kind === 'array') return listBuilder(builderFor(type.element, context), context);
  return type.kind === 'fixed' ? fixedBuilder(type) : scalarBuilder(type.kind, context);
}

function structBuilder(fields: Level): Builder {
  let count = 0;
  const nulls = validity();
  return {
    get count() {
      return count;
    },
    appendNull() {
      nulls.setNull(count++);
      fields.appendNull();
    },
    append(bytes, _type, at) {
      count++;
      fields.append(bytes, at);
    },
    flush(vector) {
      fields.flush((index) => duckdb.struct_vector_get_child(vector, index));
      nulls.flush(vector, count);
      count = 0;
    },
  };
}

function listBuilder(element: Builder, context: DecodeContext): Builder {
  let entries = new BigUint64Array(4096);
  let count = 0;
  const nulls = validity();
  const close = (start: number) => {
    if (count * 2 === entries.length) {
      const grown = new BigUint64Array(entries.length * 2);
      grown.set(entries);
      entries = grown;
    }
    entries[count * 2] = BigInt(start);
    entries[count * 2 + 1] = BigInt(element.count - start);
    count++;
  };
  return {
    get count() {
      return count;
    },
    appendNull() {
      nulls.setNull(count);
      close(element.count);
    },
    append(bytes, _type, at) {
      const start = element.count;
      walkElements(bytes, at, (type, _nameStart, _nameEnd, valueAt, end) => {
        if (valueClass(bytes, type, valueAt) === 'null') {
          element.appendNull();
          return true;
        }
        // By its place: the names that an array has in BSON mean nothing, and need not be text.
        context.path.push(String(element.count - start));
        element.append(bytes, type, valueAt, end);
        context.path.pop();
        return true;
      });
      close(start);
    },
    flush(vector) {
      const size = element.count;
      duckdb.list_vector_reserve(vector, size);
      duckdb.list_vector_set_size(vector, size);
      element.flush(duckdb.list_vector_get_child(vector));
      duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, count * 16);
      nulls.flush(vector, count);
      count = 0;
    },
  };
}
