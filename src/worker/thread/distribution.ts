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
  /** Of those that are no part of the room any more: as many as there are, or none. */
  readonly #cut: Buffer[] = [];
  /** By partition. */
  readonly #bytes: Float64Array;
  readonly #documents: Uint32Array;

  /** The room's first half has the documents; its second is written to. */
  constructor(
    readonly room: Buffer,
    readonly partitions: number,
  ) {
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

  /** Takes what was cut out of a document. Where one is taken so, all are. */
  takeCut(partition: number, document: Buffer): void {
    this.#cut.push(document);
    this.take(partition, 0, document.length);
  }

  #grow(): void {
    this.#partitionOf = doubled(this.#partitionOf);
    this.#starts = doubled(this.#starts);
    this.#ends = doubled(this.#ends);
  }

  /** What was taken, by partition, ascending. */
  blocks(): readonly PackedBlock[] {
    const ends = Float64Array.from(this.#bytes);
    let total = 0;
    for (let partition = 0; partition < this.partitions; partition++) {
      const bytes = ends[partition] as number;
      ends[partition] = total;
      total += bytes;
    }
    const area = this.#cut.length > 0 ? this.#placeCut(ends, total) : this.#place(ends);
    const blocks: PackedBlock[] = [];
    for (let partition = 0; partition < this.partitions; partition++) {
      const rawLength = this.#bytes[partition] as number;
      if (rawLength === 0) continue;
      const end = ends[partition] as number;
      const packed = pack(area.subarray(end - rawLength, end));
      blocks.push({ partition, packed, rawLength, documents: this.#documents[partition] as number });
    }
    return blocks;
  }

  /** Copies each document to where its partition ends so far. */
  #place(ends: Float64Array): Buffer {
    const { room } = this;
    const half = room.length / 2;
    for (let place = 0; place < this.#count; place++) {
      const partition = this.#partitionOf[place] as number;
      const [start, end] = [this.#starts[place] as number, this.#ends[place] as number];
      const to = ends[partition] as number;
      // Within one buffer: a copy from one to another would need a view of each document.
      room.copyWithin(half + to, start, end);
      ends[partition] = to + end - start;
    }
    return room.subarray(half);
  }

  #placeCut(ends: Float64Array, total: number): Buffer {
    const area = Buffer.allocUnsafe(total);
    for (const [place, document] of this.#cut.entries()) {
      const partition = this.#partitionOf[place] as number;
      const to = ends[partition] as number;
      document.copy(area, to);
      ends[partition] = to + document.length;
    }
    return area;
  }
}
