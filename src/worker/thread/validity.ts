import type duckdb from '@duckdb/node-bindings';
import { bindings } from './duckdb.ts';

/** Which values of a vector are null, as DuckDB's validity mask: bit set = valid. */
export class Validity {
  #bits = new Uint8Array(256).fill(0xff);
  #anyNull = false;

  setNull(index: number): void {
    this.#anyNull = true;
    const place = index >> 3;
    if (place >= this.#bits.length) this.#grow(place + 1);
    this.#bits[place] = (this.#bits[place] as number) & ~(1 << (index & 7));
  }

  /** Writes the mask of `count` values and starts anew. */
  flush(vector: duckdb.Vector, count: number): void {
    if (!this.#anyNull) return;
    const needed = Math.ceil(count / 64) * 8;
    if (needed > this.#bits.length) this.#grow(needed);
    bindings.vector_ensure_validity_writable(vector);
    bindings.copy_data_to_vector_validity(vector, 0, this.#bits.buffer, 0, needed);
    this.#bits.fill(0xff);
    this.#anyNull = false;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(this.#bits.length * 2, needed)).fill(0xff);
    grown.set(this.#bits);
    this.#bits = grown;
  }
}
