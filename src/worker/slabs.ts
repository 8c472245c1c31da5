import { int32At } from '../shared/domain/little-endian.ts';
import type { RawBatch } from '../shared/ports/source.ts';
import type { SlabBatch } from './thread/shuffle.ts';

/** Documents that are shuffled at once. */
export interface Slab {
  readonly batches: readonly SlabBatch[];
  /** Those that were read before these. */
  readonly before: number;
}

/** Least that a slab holds, and what each partition's block of it should hold to be worth its header. Bytes. */
const LEAST_BYTES = 8 * 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
/** A slab is held as it was read, once more by partition, and packed; and there are several. */
const SLABS_IN_MEMORY = 16;

/** How many bytes a slab holds, by the number of partitions, where a thread has `memoryBytes`. */
export function slabBytesOf(memoryBytes: number): (partitions: number) => number {
  const most = Math.max(memoryBytes / SLABS_IN_MEMORY, LEAST_BYTES);
  return (partitions) => Math.min(Math.max(partitions * BLOCK_BYTES, LEAST_BYTES), most);
}

/**
 * Gathers what a source gives into slabs of about `slabBytes`: never less than one document, nor more than that and one batch. Their bytes
 * are the slab's own, so that they can be handed to a thread.
 */
export async function* slabsOf(batches: AsyncIterable<RawBatch>, slabBytes: number): AsyncGenerator<Slab, void, void> {
  let gathered: SlabBatch[] = [];
  let [held, documents, before] = [0, 0, 0];
  for await (const { bytes, offsets, position } of batches) {
    const start = offsets[0];
    if (start === undefined) continue;
    // A copy: what the source gives is good until the next batch only.
    gathered.push({ bytes: new Uint8Array(bytes.subarray(start, endOf(bytes, offsets))), position });
    held += bytes.length;
    documents += offsets.length;
    if (held < slabBytes) continue;
    yield { batches: gathered, before };
    gathered = [];
    held = 0;
    before = documents;
  }
  if (gathered.length > 0) yield { batches: gathered, before };
}

function endOf(bytes: Buffer, offsets: readonly number[]): number {
  const last = offsets.at(-1) ?? 0;
  return last + int32At(bytes, last);
}
