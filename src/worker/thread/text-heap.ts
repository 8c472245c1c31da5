import type { DuckDBDataChunk as DataChunk } from '@duckdb/node-api';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { BLOB, bindings, DuckDBDataChunk } from './duckdb.ts';

/** Bytes of one string in a vector (`duckdb_string_t` in DuckDB's C API): length, then up to 12 bytes, or 4 bytes and a pointer to all of them. */
export const ENTRY_BYTES = 16;
/** Longest text that is in its entry. */
export const INLINE_BYTES = 12;

/** Where in native memory some bytes begin, as the two halves of a pointer. */
export interface Pointer {
  readonly low: number;
  readonly high: number;
}

const NOWHERE: Pointer = { low: 0, high: 0 };

/**
 * Bytes that the strings of vectors point to. Documents are copied to DuckDB's memory once, as one value, and the strings in them are
 * pointers into it; a call for each string costs ten times as much. Texts that are made (an ObjectId's digits) are collected beside them.
 */
export class TextHeap {
  /** Of the documents that are held. */
  documents = NOWHERE;
  /** Of the texts that were made, once they are settled. */
  made = NOWHERE;
  #made = Buffer.allocUnsafe(64 * 1024);
  #madeLength = 0;
  readonly #held = DuckDBDataChunk.create([BLOB]);
  readonly #settled = DuckDBDataChunk.create([BLOB]);

  /** Holds documents until others take their place. */
  hold(documents: Buffer): void {
    this.documents = copyOf(this.#held, documents);
  }

  /** Bytes of texts made since the last `clear`. */
  get madeLength(): number {
    return this.#madeLength;
  }

  /** The bytes of the texts made, with room for `length` more at the offset that is returned by `take`. */
  room(length: number): Buffer {
    if (this.#madeLength + length > this.#made.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#made.length * 2, this.#madeLength + length));
      this.#made.copy(grown, 0, 0, this.#madeLength);
      this.#made = grown;
    }
    return this.#made;
  }

  /** Takes `length` bytes of that room; returns where they begin. */
  take(length: number): number {
    const offset = this.#madeLength;
    this.#madeLength += length;
    return offset;
  }

  /** Copies the texts made to DuckDB's memory. */
  settle(): void {
    this.made = this.#madeLength === 0 ? NOWHERE : copyOf(this.#settled, this.#made.subarray(0, this.#madeLength));
  }

  /** Forgets the texts made; what points to them must have been copied. */
  clear(): void {
    this.#madeLength = 0;
  }
}

/** Copies bytes into the chunk's only value, in place of those before. */
function copyOf(chunk: DataChunk, bytes: Buffer): Pointer {
  if (bytes.length <= INLINE_BYTES) return NOWHERE;
  chunk.reset();
  const vector = bindings.data_chunk_get_vector(chunk.chunk, 0);
  bindings.vector_assign_string_element_len(vector, 0, bytes);
  const entry = bindings.vector_get_data(vector, ENTRY_BYTES);
  const view = new DataView(entry.buffer, entry.byteOffset, ENTRY_BYTES);
  if (view.getUint32(0, true) !== bytes.length)
    throw new MongolakeError('INTERNAL', 'this version of DuckDB lays out strings in another way');
  return { low: view.getUint32(8, true), high: view.getUint32(12, true) };
}
