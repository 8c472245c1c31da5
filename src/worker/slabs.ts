import { lengthAt } from '../shared/domain/deletion.ts';
import type { RawBatch } from '../shared/ports/source.ts';
import type { Room, Slab, SlabBatch } from './thread/shuffle.ts';

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
 * Rooms of one worker, which are used again and again: there are never more than slabs at once. To V8 they weigh nothing, and so it collects those
 * that are left behind late.
 */
export interface Rooms {
  /** Keeps what is given back until the last such work ends. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** A room for so many bytes of documents. */
  take(bytes: number): Room;
  /** Gives it back, when nobody reads it any more. */
  give(room: Room): void;
}

export function createRooms(): Rooms {
  const free: Room[] = [];
  let users = 0;
  return {
    async during(work) {
      users++;
      try {
        return await work();
      } finally {
        if (--users === 0) free.length = 0;
      }
    },
    take(bytes) {
      // One that is too small makes place for a larger one.
      const room = free.pop();
      return room !== undefined && room.length >= bytes * 2
        ? room
        : new Uint8Array(new SharedArrayBuffer(Math.ceil(bytes) * 2));
    },
    give(room) {
      free.push(room);
    },
  };
}

/** Gathers what a source gives into slabs of at most `slabBytes`, or of one batch where that is larger. */
export async function* slabsOf(
  batches: AsyncIterable<RawBatch>,
  slabBytes: number,
  rooms: Rooms,
): AsyncGenerator<Slab, void, void> {
  let room: Room | undefined;
  let gathered: SlabBatch[] = [];
  let [used, documents, before] = [0, 0, 0];
  for await (const { bytes, offsets, position } of batches) {
    const from = offsets[0];
    if (from === undefined) continue;
    const to = endOf(bytes, offsets);
    const length = to - from;
    if (room !== undefined && used + length > slabBytes) {
      yield { room, batches: gathered, before };
      room = undefined;
      gathered = [];
      used = 0;
      before = documents;
    }
    room ??= rooms.take(Math.max(slabBytes, length));
    // A copy: what the source gives is good until the next batch only.
    room.set(bytes.subarray(from, to), used);
    gathered.push({ start: used, end: used + length, position });
    used += length;
    documents += offsets.length;
  }
  if (room !== undefined) yield { room, batches: gathered, before };
}

function endOf(bytes: Buffer, offsets: readonly number[]): number {
  const last = offsets.at(-1) ?? 0;
  return last + lengthAt(bytes, last);
}
