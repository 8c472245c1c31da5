import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DECIMAL,
  DOUBLE,
  DuckDBStructType,
  type DuckDBType,
  LIST,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import type { ColumnType, ScalarKind } from '../../shared/domain/schema.ts';
import { READ_BYTES, type ReadBytes, readDouble, readLong, readMicros } from './scalars.ts';

/**
 * Collects the values of one column from BSON bytes and writes them into a DuckDB vector, without a JavaScript object per
 * document. Strings and binaries are views into the bytes they came from, which must stay as they are until `flush`.
 */
export interface Builder {
  /** Values held since the last flush. */
  readonly count: number;
  appendNull(): void;
  /** Appends the BSON value at `[at, end)`, which must be of a class that the column accepts. */
  append(bytes: Buffer, type: number, at: number, end: number): void;
  /** Writes all values into the vector and starts anew. The vector must be able to hold `count` values. */
  flush(vector: duckdb.Vector): void;
}

/** The DuckDB type of a column. */
export function duckdbType(type: ColumnType): DuckDBType {
  switch (type.kind) {
    case 'struct':
      // Not by way of an object, which would put a field called `1` first.
      return new DuckDBStructType(
        type.fields.map((field) => field.name),
        type.fields.map((field) => duckdbType(field.type)),
      );
    case 'array':
      return LIST(duckdbType(type.element));
    case 'fixed':
      return DECIMAL(type.precision, type.scale);
    case 'long':
      return BIGINT;
    case 'double':
      return DOUBLE;
    case 'boolean':
      return BOOLEAN;
    case 'timestamp':
      return TIMESTAMPTZ;
    case 'binary':
      return BLOB;
    default:
      return VARCHAR;
  }
}

/** A builder for a scalar column; `marks.minusZero` is set where a double is -0.0. */
export function scalarBuilder(kind: ScalarKind, marks: { minusZero: boolean }): Builder {
  switch (kind) {
    case 'long':
      return int64Builder(readLong);
    case 'timestamp':
      return int64Builder(readMicros);
    case 'double':
      return numberBuilder(
        () => new Float64Array(2048),
        (bytes, type, at) => {
          const value = readDouble(bytes, type, at);
          if (value === 0 && Object.is(value, -0)) marks.minusZero = true;
          return value;
        },
      );
    case 'boolean':
      return numberBuilder(
        () => new Uint8Array(2048),
        (bytes, _type, at) => bytes[at] as number,
      );
    default:
      return bytesBuilder(READ_BYTES[kind]);
  }
}

/** Which values are null, as DuckDB's validity mask: bit set = valid. */
export function validity() {
  let bits = new Uint8Array(256).fill(0xff);
  let anyNull = false;
  return {
    setNull(index: number): void {
      anyNull = true;
      if (index >> 3 >= bits.length) {
        const grown = new Uint8Array(Math.max(bits.length * 2, (index >> 3) + 1)).fill(0xff);
        grown.set(bits);
        bits = grown;
      }
      bits[index >> 3] = (bits[index >> 3] as number) & ~(1 << (index & 7));
    },
    flush(vector: duckdb.Vector, count: number): void {
      if (!anyNull) return;
      const needed = Math.ceil(count / 64) * 8;
      if (needed > bits.length) {
        const grown = new Uint8Array(needed).fill(0xff);
        grown.set(bits);
        bits = grown;
      }
      duckdb.vector_ensure_validity_writable(vector);
      duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer, 0, needed);
      bits.fill(0xff);
      anyNull = false;
    },
  };
}

function int64Builder(
  read: (bytes: Buffer, type: number, at: number) => bigint,
): Builder & { push(value: bigint): void } {
  let data = new BigInt64Array(2048);
  let count = 0;
  const nulls = validity();
  const push = (value: bigint) => {
    if (count === data.length) {
      const grown = new BigInt64Array(count * 2);
      grown.set(data);
      data = grown;
    }
    data[count++] = value;
  };
  return {
    get count() {
      return count;
    },
    push,
    appendNull() {
      nulls.setNull(count);
      push(0n);
    },
    append(bytes, type, at) {
      push(read(bytes, type, at));
    },
    flush(vector) {
      duckdb.copy_data_to_vector(vector, 0, data.buffer, 0, count * 8);
      nulls.flush(vector, count);
      count = 0;
    },
  };
}

/** A column of 64-bit integers that the decoder fills by itself. */
export function longBuilder(): Builder & { push(value: bigint): void } {
  return int64Builder(readLong);
}

function numberBuilder<A extends Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
  make: () => A,
  read: (bytes: Buffer, type: number, at: number) => number,
): Builder {
  let data = make();
  let count = 0;
  const nulls = validity();
  const push = (value: number) => {
    if (count === data.length) {
      const grown = new (data.constructor as new (length: number) => A)(count * 2);
      grown.set(data);
      data = grown;
    }
    data[count++] = value;
  };
  return {
    get count() {
      return count;
    },
    appendNull() {
      nulls.setNull(count);
      push(0);
    },
    append(bytes, type, at) {
      push(read(bytes, type, at));
    },
    flush(vector) {
      duckdb.copy_data_to_vector(vector, 0, data.buffer, 0, count * data.BYTES_PER_ELEMENT);
      nulls.flush(vector, count);
      count = 0;
    },
  };
}

const NOTHING = Buffer.alloc(0);

function bytesBuilder(read: ReadBytes): Builder & { push(value: Buffer): void } {
  let values: Buffer[] = [];
  const nulls = validity();
  return {
    get count() {
      return values.length;
    },
    push(value) {
      values.push(value);
    },
    appendNull() {
      nulls.setNull(values.length);
      values.push(NOTHING);
    },
    append(bytes, type, at, end) {
      values.push(read(bytes, type, at, end));
    },
    flush(vector) {
      for (let i = 0; i < values.length; i++) duckdb.vector_assign_string_element_len(vector, i, values[i] as Buffer);
      nulls.flush(vector, values.length);
      values = [];
    },
  };
}

/** A column of text or bytes that the decoder fills by itself. */
export function textBuilder(): Builder & { push(value: Buffer): void } {
  return bytesBuilder(READ_BYTES.json);
}
