import type duckdb from '@duckdb/node-bindings';
import { BSON, documentEnd, nameEndOf, valueEnd } from '../../shared/domain/bson.ts';
import { fieldName } from '../../shared/domain/bson-text.ts';
import { doubled } from '../../shared/domain/buffers.ts';
import { isNamed, type LevelField } from '../../shared/domain/level-field.ts';
import type { Column, ColumnType } from '../../shared/domain/schema.ts';
import { type ClassCode, CODE, classCode } from '../../shared/domain/value-class.ts';
import { bindings } from './duckdb.ts';
import { fixedBuilder } from './fixed.ts';
import { ASK, columnsByCode, type DecodeContext, NO_COLUMN, type Route, routeOf, routesOf } from './routing.ts';
import { Validity } from './validity.ts';
import {
  type Builder,
  type BuilderMarks,
  DoubleBuilder,
  LongBuilder,
  StringBuilder,
  scalarBuilder,
  TimestampBuilder,
} from './vectors.ts';

/** Shared by all builders of one decoder. */
export interface BuilderContext extends DecodeContext, BuilderMarks {}

/** Names of one level that are remembered: past that its keys are data, and each is looked up anew. */
const MOST_REMEMBERED = 1024;

/** The columns that may take a field's values. */
interface Takers {
  readonly routes: readonly Route[];
  /** As `columnsByCode` tells. */
  readonly byCode: Int32Array;
}

function takersOf(routes: readonly Route[]): Takers {
  return { routes, byCode: columnsByCode(routes) };
}

const NOBODY = takersOf([]);

/** A field met at a level, and the columns that may take its values. */
class DecodedField implements LevelField<DecodedField> {
  next: DecodedField | undefined;

  constructor(
    readonly name: string,
    readonly nameBytes: Uint8Array,
    readonly takers: Takers,
    readonly isWatched: boolean,
  ) {}

  /** The column that takes the value; `NO_COLUMN` where there is none. */
  columnOf(code: ClassCode, bytes: Buffer, type: number, at: number): number {
    const { routes, byCode } = this.takers;
    const column = byCode[code] as number;
    return column === ASK ? (routeOf(routes, code, bytes, type, at)?.column ?? NO_COLUMN) : column;
  }
}

/** Fields of a level that somebody else wants to hear of, too. */
export interface Watch {
  readonly names: readonly string[];
  /** Hears of each element of such a name; true where it is for no column. */
  take(name: string, type: number, at: number, end: number): boolean;
}

/** The columns of one level of a document. */
export class Level {
  #rows = 0;
  readonly #builders: readonly Builder[];
  /** The row that each column has its last value of, plus one. */
  readonly #filled: Int32Array;
  /** By the field's name. */
  readonly #takers: ReadonlyMap<string, Takers>;
  readonly #fields = new Map<string, DecodedField>();
  #first: DecodedField | undefined;

  constructor(
    columns: readonly Column[],
    readonly context: BuilderContext,
    readonly watch?: Watch,
  ) {
    this.#builders = columns.map((column) => builderFor(column.type, context));
    this.#filled = new Int32Array(columns.length);
    this.#takers = new Map([...routesOf(columns)].map(([name, routes]) => [name, takersOf(routes)]));
  }

  /** Appends one value to every column: those of the document at `start`, null where it has none. */
  append(bytes: Buffer, start: number): void {
    const end = documentEnd(bytes, start) - 1;
    let before: DecodedField | undefined;
    let at = start + 4;
    while (at < end) {
      const type = bytes[at] as number;
      const nameAt = at + 1;
      const expected = before === undefined ? this.#first : before.next;
      const field =
        expected !== undefined && isNamed(expected, bytes, nameAt) ? expected : this.#lookUp(bytes, nameAt, before);
      const valueAt = nameAt + field.nameBytes.length + 1;
      const next = valueEnd(bytes, type, valueAt, end);
      this.#put(field, bytes, type, valueAt, next);
      before = field;
      at = next;
    }
    this.appendNull();
  }

  /** Ends the row: columns without a value get null. */
  appendNull(): void {
    this.#rows++;
    for (let column = 0; column < this.#filled.length; column++) {
      if (this.#filled[column] !== this.#rows) (this.#builders[column] as Builder).appendNull();
    }
  }

  /** Writes each column into its vector and starts anew. */
  flush(vectorOf: (column: number) => duckdb.Vector): void {
    for (const [column, builder] of this.#builders.entries()) builder.flush(vectorOf(column));
    this.#filled.fill(0);
    this.#rows = 0;
  }

  #put(field: DecodedField, bytes: Buffer, type: number, at: number, end: number): void {
    if (field.isWatched && this.watch?.take(field.name, type, at, end) === true) return;
    const code = classCode(bytes, type, at);
    if (code === CODE.null) return;
    const column = field.columnOf(code, bytes, type, at);
    // A field that comes twice passes the extract only where its names are not kept, and then there is a JSON column.
    if (column === NO_COLUMN || this.#filled[column] === this.#rows + 1) {
      this.context.putExtra(field.name, bytes, type, at, end);
      return;
    }
    this.#filled[column] = this.#rows + 1;
    const builder = this.#builders[column] as Builder;
    if (code < CODE.struct) appendScalar(builder, bytes, type, at, end);
    else {
      this.context.path.push(field.name);
      builder.append(bytes, type, at, end);
      this.context.path.pop();
    }
  }

  #lookUp(bytes: Buffer, nameAt: number, before: DecodedField | undefined): DecodedField {
    const nameEnd = nameEndOf(bytes, nameAt);
    const name = fieldName(bytes, nameAt, nameEnd);
    let field = this.#fields.get(name);
    if (field === undefined) {
      const nameBytes = Uint8Array.from(bytes.subarray(nameAt, nameEnd));
      field = new DecodedField(
        name,
        nameBytes,
        this.#takers.get(name) ?? NOBODY,
        this.watch?.names.includes(name) === true,
      );
      if (this.#fields.size >= MOST_REMEMBERED) return field;
      this.#fields.set(name, field);
    }
    if (before === undefined) this.#first = field;
    else before.next = field;
    return field;
  }
}

/** Methods of a known class are inlined here; one call for all classes would look up its method each time. */
function appendScalar(builder: Builder, bytes: Buffer, type: number, at: number, end: number): void {
  if (builder instanceof StringBuilder) builder.append(bytes, type, at);
  else if (builder instanceof LongBuilder) builder.append(bytes, type, at);
  else if (builder instanceof TimestampBuilder) builder.append(bytes, type, at);
  else if (builder instanceof DoubleBuilder) builder.append(bytes, type, at);
  else builder.append(bytes, type, at, end);
}

function builderFor(type: ColumnType, context: BuilderContext): Builder {
  if (type.kind === 'struct') return new StructBuilder(new Level(type.fields, context));
  if (type.kind === 'array') return new ListBuilder(builderFor(type.element, context), context);
  return type.kind === 'fixed' ? fixedBuilder(type) : scalarBuilder(type.kind, context);
}

class StructBuilder implements Builder {
  count = 0;
  readonly #nulls = new Validity();

  constructor(readonly fields: Level) {}

  appendNull(): void {
    this.#nulls.setNull(this.count++);
    this.fields.appendNull();
  }

  append(bytes: Buffer, _type: number, at: number): void {
    this.count++;
    this.fields.append(bytes, at);
  }

  flush(vector: duckdb.Vector): void {
    this.fields.flush((index) => bindings.struct_vector_get_child(vector, index));
    this.#nulls.flush(vector, this.count);
    this.count = 0;
  }
}

/** Words of a list's entry: offset and length, 64 bits each. */
const ENTRY_WORDS = 4;

class ListBuilder implements Builder {
  count = 0;
  #entries = new Uint32Array(2048 * ENTRY_WORDS);
  readonly #nulls = new Validity();

  constructor(
    readonly element: Builder,
    readonly context: BuilderContext,
  ) {}

  appendNull(): void {
    this.#nulls.setNull(this.count);
    this.#close(this.element.count);
  }

  /** All elements of the array are such as the column holds. They are told by their place: the names that they have in BSON mean nothing. */
  append(bytes: Buffer, _type: number, start: number): void {
    const first = this.element.count;
    const end = documentEnd(bytes, start) - 1;
    let at = start + 4;
    for (let place = 0; at < end; place++) {
      const type = bytes[at] as number;
      const valueAt = nameEndOf(bytes, at + 1) + 1;
      const next = valueEnd(bytes, type, valueAt, end);
      if (type === BSON.null || type === BSON.undefined) this.element.appendNull();
      else if (type === BSON.object || type === BSON.array) {
        this.context.path.push(String(place));
        this.element.append(bytes, type, valueAt, next);
        this.context.path.pop();
      } else this.element.append(bytes, type, valueAt, next);
      at = next;
    }
    this.#close(first);
  }

  #close(first: number): void {
    const at = this.count * ENTRY_WORDS;
    if (at === this.#entries.length) this.#entries = doubled(this.#entries);
    this.#entries[at] = first;
    this.#entries[at + 2] = this.element.count - first;
    this.count++;
  }

  flush(vector: duckdb.Vector): void {
    const size = this.element.count;
    bindings.list_vector_reserve(vector, size);
    bindings.list_vector_set_size(vector, size);
    this.element.flush(bindings.list_vector_get_child(vector));
    bindings.copy_data_to_vector(vector, 0, this.#entries.buffer, 0, this.count * ENTRY_WORDS * 4);
    this.#nulls.flush(vector, this.count);
    this.count = 0;
  }
}
