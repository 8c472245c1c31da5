import type { DuckDBType } from '@duckdb/node-api';
import type duckdb from '@duckdb/node-bindings';
import { BSON } from '../../shared/domain/bson.ts';
import { doubled } from '../../shared/domain/buffers.ts';
import { int32At, uint32At } from '../../shared/domain/little-endian.ts';
import type { ColumnType, ScalarKind } from '../../shared/domain/schema.ts';
import {
  BIGINT,
  BLOB,
  BOOLEAN,
  bindings,
  DECIMAL,
  DOUBLE,
  DuckDBStructType,
  LIST,
  TIMESTAMPTZ,
  VARCHAR,
} from './duckdb.ts';
import { type BytesKind, READ_BYTES, readDouble, readLong, readMicros } from './scalars.ts';
import { TextBuilder } from './text-builder.ts';
import type { TextHeap } from './text-heap.ts';
import { Validity } from './validity.ts';

/** Values that one flush writes at most into a column of the table (STANDARD_VECTOR_SIZE); lists have more elements. */
const VECTOR_ROWS = 2048;

/**
 * Collects the values of one column from BSON bytes and writes them into a DuckDB vector, without a JavaScript object per
 * document. Strings and binaries are pointers into the heap's documents, which must be those that the bytes are of until `flush`.
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

/** What the builders of one decoder share. */
export interface BuilderMarks {
  readonly heap: TextHeap;
  /** Set where a double is -0.0. */
  minusZero: boolean;
}

/** A builder for a scalar column. */
export function scalarBuilder(kind: ScalarKind, marks: BuilderMarks): Builder {
  switch (kind) {
    case 'long':
      return new LongBuilder();
    case 'timestamp':
      return new TimestampBuilder();
    case 'double':
      return new DoubleBuilder(marks);
    case 'boolean':
      return new BooleanBuilder();
    case 'string':
      return new StringBuilder(marks.heap);
    case 'binary':
      return new BinaryBuilder(marks.heap);
    case 'objectId':
      return new ObjectIdBuilder(marks.heap);
    default:
      return new MadeBuilder(marks.heap, kind);
  }
}

const HALF = 2 ** 32;
/** Milliseconds whose microseconds a double holds exactly. */
const EXACT_MS = Number.MAX_SAFE_INTEGER / 1000;

/** A column of 64-bit integers, as halves: a BigInt for each value costs more than all else about it. */
export class Int64Builder {
  count = 0;
  #halves = new Int32Array(VECTOR_ROWS * 2);
  readonly #nulls = new Validity();

  appendNull(): void {
    this.#nulls.setNull(this.count);
    this.pushHalves(0, 0);
  }

  pushHalves(low: number, high: number): void {
    const at = this.count * 2;
    if (at === this.#halves.length) this.#halves = doubled(this.#halves);
    this.#halves[at] = low;
    this.#halves[at + 1] = high;
    this.count++;
  }

  /** Of an integer within ±2^53. */
  pushNumber(value: number): void {
    const high = Math.floor(value / HALF);
    this.pushHalves(value - high * HALF, high);
  }

  pushBigInt(value: bigint): void {
    this.pushHalves(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Of 8 bytes, little-endian. */
  pushBytes(bytes: Buffer, at: number): void {
    this.pushHalves(int32At(bytes, at), int32At(bytes, at + 4));
  }

  flush(vector: duckdb.Vector): void {
    bindings.copy_data_to_vector(vector, 0, this.#halves.buffer, 0, this.count * 8);
    this.#nulls.flush(vector, this.count);
    this.count = 0;
  }
}

export class LongBuilder extends Int64Builder implements Builder {
  append(bytes: Buffer, type: number, at: number): void {
    if (type === BSON.int32) {
      const value = int32At(bytes, at);
      this.pushHalves(value, value >> 31);
    } else if (type === BSON.int64) this.pushBytes(bytes, at);
    else this.pushBigInt(readLong(bytes, type, at));
  }
}

export class TimestampBuilder extends Int64Builder implements Builder {
  append(bytes: Buffer, type: number, at: number): void {
    const ms = int32At(bytes, at + 4) * HALF + uint32At(bytes, at);
    if (ms >= -EXACT_MS && ms <= EXACT_MS) this.pushNumber(ms * 1000);
    else this.pushBigInt(readMicros(bytes, type, at));
  }
}

/** A column of numbers that DuckDB has as JavaScript's typed arrays do. */
class NumberBuilder<A extends Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>> {
  count = 0;
  #values: A;
  readonly #nulls = new Validity();

  constructor(values: A) {
    this.#values = values;
  }

  appendNull(): void {
    this.#nulls.setNull(this.count);
    this.push(0);
  }

  push(value: number): void {
    if (this.count === this.#values.length) this.#values = doubled(this.#values);
    this.#values[this.count++] = value;
  }

  flush(vector: duckdb.Vector): void {
    const { buffer, BYTES_PER_ELEMENT } = this.#values;
    bindings.copy_data_to_vector(vector, 0, buffer, 0, this.count * BYTES_PER_ELEMENT);
    this.#nulls.flush(vector, this.count);
    this.count = 0;
  }
}

export class DoubleBuilder extends NumberBuilder<Float64Array<ArrayBuffer>> implements Builder {
  constructor(readonly marks: BuilderMarks) {
    super(new Float64Array(VECTOR_ROWS));
  }

  append(bytes: Buffer, type: number, at: number): void {
    const value = readDouble(bytes, type, at);
    if (value === 0 && Object.is(value, -0)) this.marks.minusZero = true;
    this.push(value);
  }
}

class BooleanBuilder extends NumberBuilder<Uint8Array<ArrayBuffer>> implements Builder {
  constructor() {
    super(new Uint8Array(VECTOR_ROWS));
  }

  append(bytes: Buffer, _type: number, at: number): void {
    this.push(bytes[at] as number);
  }
}

export class StringBuilder extends TextBuilder implements Builder {
  append(bytes: Buffer, _type: number, at: number): void {
    this.pushView(bytes, at + 4, int32At(bytes, at) - 1);
  }
}

class BinaryBuilder extends TextBuilder implements Builder {
  append(bytes: Buffer, type: number, at: number, end: number): void {
    const { length } = READ_BYTES.binary(bytes, type, at, end);
    this.pushView(bytes, end - length, length);
  }
}

class ObjectIdBuilder extends TextBuilder implements Builder {
  append(bytes: Buffer, _type: number, at: number): void {
    this.pushHex(bytes, at, 12);
  }
}

/** A column of texts that are made of the values: EJSON, UUIDs, decimals. */
class MadeBuilder extends TextBuilder implements Builder {
  constructor(
    heap: TextHeap,
    readonly kind: BytesKind,
  ) {
    super(heap);
  }

  append(bytes: Buffer, type: number, at: number, end: number): void {
    this.push(READ_BYTES[this.kind](bytes, type, at, end));
  }
}
