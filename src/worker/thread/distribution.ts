import { doubled } from '../../shared/domain/buffers.ts';
import { pack } from '../../shared/packing.ts';

/** One partition's documents, packed. */
export interface PackedBlock {
  readonly partition: number;
  readonly packed: Uint8Array;
  readonly rawLength: number;
  readonly documents: number;
}

/**
 * Distributes documents to partitions, in the order in which they are taken: first it only counts, so that each is copied once, to its
 * place (distribution counting: Knuth, The Art of Computer Programming, volume 3, section 5.2).
 */
export class Distribution {
  #count = 0;
  #partitionOf = new Uint32Array(4096);
  #starts = new Uint32Array(4096);
  #ends = new Uint32Array(4096);
  #room: Buffer;
  #used: number;
  /** By partition. */
  readonly #bytes: Float64Array;
  readonly #documents: Uint32Array;

  /** The room has documents up to `used`; what lies behind is written to. */
  constructor(
    readonly partitions: number,
    room: Buffer,
    used: number,
  ) {
    this.#room = room;
    this.#used = used;
    this.#bytes = new Float64Array(partitions);
    this.#documents = new Uint32Array(partitions);
  }

  /** Takes the document that lies there in the room. */
  take(partition: number, start: number, end: number): void {
    const place = this.#count++;
    if (place === this.#starts.length) this.#grow();
    this.#partitionOf[place] = partition;
    this.#starts[place] = start;
    this.#ends[place] = end;
    this.#bytes[partition] = (this.#bytes[partition] as number) + end - start;
    this.#documents[partition] = (this.#documents[partition] as number) + 1;
  }

  /** Takes a document that lies elsewhere. */
  takeCopy(partition: number, document: Buffer): void {
    const start = this.#used;
    this.#used += document.length;
    this.#need(this.#used);
    document.copy(this.#room, start);
    this.take(partition, start, this.#used);
  }

  #grow(): void {
    this.#partitionOf = doubled(this.#partitionOf);
    this.#starts = doubled(this.#starts);
    this.#ends = doubled(this.#ends);
  }

  /** Takes a larger room where this one is too small. */
  #need(bytes: number): void {
    if (bytes <= this.#room.length) return;
    const larger = Buffer.allocUnsafe(Math.max(bytes, this.#room.length * 2));
    this.#room.copy(larger);
    this.#room = larger;
  }

  /** What was taken, by partition, ascending. */
  blocks(): readonly PackedBlock[] {
    const ends = this.#place();
    const blocks: PackedBlock[] = [];
    for (let partition = 0; partition < this.partitions; partition++) {
      const rawLength = this.#bytes[partition] as number;
      if (rawLength === 0) continue;
      const end = ends[partition] as number;
      const packed = pack(this.#room.subarray(end - rawLength, end));
      blocks.push({ partition, packed, rawLength, documents: this.#documents[partition] as number });
    }
    return blocks;
  }

  /** Copies each document to its partition's place behind all of them; returns where each partition ends. */
  #place(): Float64Array {
    const ends = new Float64Array(this.partitions);
    let next = this.#used;
    for (let partition = 0; partition < this.partitions; partition++) {
      ends[partition] = next;
      next += this.#bytes[partition] as number;
    }
    this.#need(next);
    const room = this.#room;
    for (let place = 0; place < this.#count; place++) {
      const partition = this.#partitionOf[place] as number;
      const [start, end] = [this.#starts[place] as number, this.#ends[place] as number];
      const to = ends[partition] as number;
      // Within one buffer: a copy from one to another would need a view of each document.
      room.copyWithin(to, start, end);
      ends[partition] = to + end - start;
    }
    return ends;
  }
}
