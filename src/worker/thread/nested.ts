import duckdb from '@duckdb/node-bindings';
import type { Column, ColumnType } from '../../shared/domain/schema.ts';
import { fixedBuilder } from './fixed.ts';
import {
  type DecodeContext,
  type ElementSink,
  routeElements,
  routeFields,
  routesOf,
  type ValueSink,
} from './routing.ts';
import { type Builder, scalarBuilder, validity } from './vectors.ts';

/** Shared by all builders of one decoder. */
export interface BuilderContext extends DecodeContext {
  /** Set where a double is -0.0. */
  minusZero: boolean;
}

/** The columns of one level of a document, and which of them takes a value: the first that holds it, see `order`. */
export interface Level {
  /** Appends one value to every column: those of the document at `at`, null where it has none. */
  append(bytes: Buffer, at: number): void;
  appendNull(): void;
  /** Writes each column into its vector and starts anew. */
  flush(vectorOf: (column: number) => duckdb.Vector): void;
}

export function level(columns: readonly Column[], context: BuilderContext, skip?: string): Level {
  const builders = columns.map((column) => builderFor(column.type, context));
  const routes = routesOf(columns);
  let rows = 0;
  const sink: ValueSink = {
    filled: (column) => (builders[column] as Builder).count > rows,
    put: (column, bytes, type, at, end) => (builders[column] as Builder).append(bytes, type, at, end),
  };
  const closeRow = () => {
    rows++;
    for (const builder of builders) if (builder.count < rows) builder.appendNull();
  };
  return {
    append(bytes, at) {
      routeFields(routes, context, bytes, at, sink, skip);
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

function builderFor(type: ColumnType, context: BuilderContext): Builder {
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

function listBuilder(element: Builder, context: BuilderContext): Builder {
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
  const sink: ElementSink = {
    putNull: () => element.appendNull(),
    put: (bytes, type, at, end) => element.append(bytes, type, at, end),
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
      routeElements(context, bytes, at, sink);
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
