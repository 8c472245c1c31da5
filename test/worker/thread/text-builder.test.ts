import { expect, test } from 'vitest';
import { bindings, DuckDBDataChunk, VARCHAR } from '../../../src/worker/thread/duckdb.ts';
import { TextBuilder } from '../../../src/worker/thread/text-builder.ts';
import { TextHeap } from '../../../src/worker/thread/text-heap.ts';

/** The first entry of what the builder holds, as DuckDB gets it. */
function flushed(texts: TextBuilder): DataView {
  const chunk = DuckDBDataChunk.create([VARCHAR]);
  const vector = bindings.data_chunk_get_vector(chunk.chunk, 0);
  texts.flush(vector);
  const { buffer, byteOffset } = bindings.vector_get_data(vector, 16);
  return new DataView(buffer.slice(byteOffset, byteOffset + 16));
}

/** The entry that a text of 20 bytes at `offset` gets where the documents are at `low`, `high`. */
function entryAt(low: number, high: number, offset: number): DataView {
  const heap = new TextHeap();
  heap.documents = { low, high };
  const texts = new TextBuilder(heap);
  texts.pushView(Buffer.alloc(offset + 20, 'abcde'), offset, 20);
  return flushed(texts);
}

test('a text in documents that lie across four gigabytes is pointed to past them', () => {
  const entry = entryAt(0xffff_fff0, 7, 0x20);
  expect([entry.getUint32(0, true), entry.getUint32(8, true), entry.getUint32(12, true)]).toEqual([20, 0x10, 8]);
  const below = entryAt(0x10, 7, 0x20);
  expect([below.getUint32(8, true), below.getUint32(12, true)]).toEqual([0x30, 7]);
});

test('of a text in its entry the rest is zero, whatever stood there before', () => {
  const texts = new TextBuilder(new TextHeap());
  texts.pushView(Buffer.from('twelve bytes'), 0, 12);
  flushed(texts);
  texts.pushView(Buffer.from('y'), 0, 1);
  const entry = flushed(texts);
  expect(Buffer.from(entry.buffer)).toEqual(Buffer.from([1, 0, 0, 0, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
});
