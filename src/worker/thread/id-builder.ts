import type duckdb from '@duckdb/node-bindings';
import { BSON, stringBytes } from '../../shared/domain/bson.ts';
import { type IdType, idClass, isBareText } from '../../shared/domain/ids.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import { storedId } from './document-id.ts';
import { TextBuilder } from './text-builder.ts';
import type { TextHeap } from './text-heap.ts';
import { Int64Builder } from './vectors.ts';

/** The id column of the delta. */
export interface IdBuilder {
  /** Whether each id so far was greater than the one before it, in the table's order. */
  readonly isAscending: boolean;
  append(bytes: Buffer, type: number, at: number, end: number): void;
  flush(vector: duckdb.Vector): void;
}

export function idBuilder(idType: IdType, heap: TextHeap): IdBuilder {
  return idType === 'long' ? new LongIds() : new TextIds(idType, heap);
}

class LongIds implements IdBuilder {
  isAscending = true;
  readonly #column = new Int64Builder();
  #last: bigint | undefined;

  append(bytes: Buffer, type: number, at: number, end: number): void {
    const id = storedId(bytes, { type, at, end }, 'long') as bigint;
    if (this.#last !== undefined && id <= this.#last) this.isAscending = false;
    this.#last = id;
    this.#column.pushBigInt(id);
  }

  flush(vector: duckdb.Vector): void {
    this.#column.flush(vector);
  }
}

/** Longest id whose order is looked at. */
const LONGEST_COMPARED = 1024;

class TextIds implements IdBuilder {
  isAscending = true;
  readonly #idType: IdType;
  readonly #column: TextBuilder;
  readonly #last = Buffer.alloc(LONGEST_COMPARED);
  /** −1 before the first. */
  #lastLength = -1;

  constructor(idType: IdType, heap: TextHeap) {
    this.#idType = idType;
    this.#column = new TextBuilder(heap);
  }

  append(bytes: Buffer, type: number, at: number, end: number): void {
    if (type === BSON.objectId && this.#idType === 'string:objectId') {
      // Digits are in the order of the bytes that they stand for.
      if (this.isAscending) this.#follow(bytes, at, 12);
      this.#column.pushHex(bytes, at, 12);
    } else if (type === BSON.string && this.#idType === 'string:string' && isBareString(bytes, type, at)) {
      const length = int32At(bytes, at) - 1;
      if (this.isAscending) this.#follow(bytes, at + 4, length);
      this.#column.pushView(bytes, at + 4, length);
    } else {
      this.isAscending = false;
      this.#column.push(Buffer.from(String(storedId(bytes, { type, at, end }, this.#idType)), 'utf8'));
    }
  }

  #follow(bytes: Buffer, at: number, length: number): void {
    let same = 0;
    while (same < length && same < this.#lastLength && bytes[at + same] === this.#last[same]) same++;
    const isGreater =
      same === this.#lastLength ? length > same : same < length && byteAt(bytes, at + same) > byteAt(this.#last, same);
    const isNext = this.#lastLength < 0 || isGreater;
    if (!isNext || length > LONGEST_COMPARED) {
      this.isAscending = false;
      return;
    }
    for (let i = same; i < length; i++) this.#last[i] = byteAt(bytes, at + i);
    this.#lastLength = length;
  }

  flush(vector: duckdb.Vector): void {
    this.#column.flush(vector);
  }
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] as number;
}

/** True where the string is written as it is. */
function isBareString(bytes: Buffer, type: number, at: number): boolean {
  return idClass(bytes, type, at) === 'string' && isBareText(stringBytes(bytes, at).toString('utf8'));
}
