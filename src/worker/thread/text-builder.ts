import type duckdb from '@duckdb/node-bindings';
import { doubled } from '../../shared/domain/buffers.ts';
import { bindings } from './duckdb.ts';
import { ENTRY_BYTES, INLINE_BYTES, type Pointer, type TextHeap } from './text-heap.ts';
import { Validity } from './validity.ts';

const HALF = 2 ** 32;
const WORDS = ENTRY_BYTES / 4;
const HEX = Buffer.from('0123456789abcdef', 'latin1');

/** A column of texts or bytes: each value an entry as `ENTRY_BYTES` says. */
export class TextBuilder {
  count = 0;
  #words = new Uint32Array(2048 * WORDS);
  #bytes = new Uint8Array(this.#words.buffer);
  /** Entries whose text was made: they have an offset until the heap is settled. */
  #made: number[] = [];
  readonly #nulls = new Validity();

  constructor(readonly heap: TextHeap) {}

  appendNull(): void {
    this.#nulls.setNull(this.count);
    this.#next(0);
  }

  /** Bytes of the documents that the heap holds. */
  pushView(bytes: Buffer, at: number, length: number): void {
    const word = this.#next(length);
    if (length <= INLINE_BYTES) this.#inline(word, bytes, at, length);
    else {
      this.#prefix(word, bytes, at);
      this.#point(word, this.heap.documents, at);
    }
  }

  /** Bytes of any other place; they are copied. */
  push(text: Buffer): void {
    const word = this.#next(text.length);
    if (text.length <= INLINE_BYTES) {
      this.#inline(word, text, 0, text.length);
      return;
    }
    this.#prefix(word, text, 0);
    const room = this.heap.room(text.length);
    const offset = this.heap.take(text.length);
    text.copy(room, offset);
    this.#later(word, offset);
  }

  /** `length` bytes, more than 6, as lower-case hexadecimal digits. */
  pushHex(bytes: Buffer, at: number, length: number): void {
    const word = this.#next(length * 2);
    const room = this.heap.room(length * 2);
    const offset = this.heap.take(length * 2);
    for (let i = 0; i < length; i++) {
      const byte = bytes[at + i] as number;
      room[offset + i * 2] = HEX[byte >> 4] as number;
      room[offset + i * 2 + 1] = HEX[byte & 15] as number;
    }
    this.#prefix(word, room, offset);
    this.#later(word, offset);
  }

  /** Writes all values into the vector and starts anew; the heap must be settled. */
  flush(vector: duckdb.Vector): void {
    for (const word of this.#made) this.#point(word, this.heap.made, this.#words[word + 2] as number);
    this.#made = [];
    bindings.copy_data_to_vector(vector, 0, this.#words.buffer, 0, this.count * ENTRY_BYTES);
    this.#nulls.flush(vector, this.count);
    this.count = 0;
  }

  /** Begins an entry; returns its first word. */
  #next(length: number): number {
    const word = this.count * WORDS;
    if (word === this.#words.length) {
      this.#words = doubled(this.#words);
      this.#bytes = new Uint8Array(this.#words.buffer);
    }
    this.#words[word] = length;
    this.#words[word + 1] = 0;
    this.#words[word + 2] = 0;
    this.#words[word + 3] = 0;
    this.count++;
    return word;
  }

  /** What an entry has no bytes for must be zero: DuckDB compares all of it. */
  #inline(word: number, bytes: Buffer, at: number, length: number): void {
    const start = word * 4 + 4;
    for (let i = 0; i < length; i++) this.#bytes[start + i] = bytes[at + i] as number;
  }

  #prefix(word: number, bytes: Buffer, at: number): void {
    this.#inline(word, bytes, at, 4);
  }

  #later(word: number, offset: number): void {
    this.#words[word + 2] = offset;
    this.#made.push(word);
  }

  #point(word: number, { low, high }: Pointer, offset: number): void {
    const sum = low + offset;
    const carry = sum >= HALF ? 1 : 0;
    this.#words[word + 2] = carry === 1 ? sum - HALF : sum;
    this.#words[word + 3] = high + carry;
  }
}
