import { bufferOf } from '../shared/domain/buffers.ts';
import { startChecksum } from '../shared/domain/checksum.ts';
import type { SectionChunk } from '../shared/domain/plan.ts';
import { blockHeader } from '../shared/packing.ts';
import type { PackedBlock } from './thread/distribution.ts';

/** The packed documents of one extract attempt, on their way into its segment. */
export interface Segment {
  /** Bytes held. */
  readonly held: number;
  add(blocks: readonly PackedBlock[]): void;
  /** Yields what is held, partition by partition, to be appended to the object, and notes in `index` where it stands. */
  flush(): Generator<Buffer>;
  /** Partition → its chunks: one for each flush, so that it is read at once and the receipt stays small. */
  readonly index: Readonly<Record<string, readonly SectionChunk[]>>;
  /** Bytes of the object so far. */
  readonly written: number;
}

export function createSegment(): Segment {
  const waiting = new Map<number, PackedBlock[]>();
  const index: Record<string, SectionChunk[]> = {};
  let held = 0;
  let written = 0;
  return {
    index,
    get held() {
      return held;
    },
    get written() {
      return written;
    },
    add(blocks) {
      for (const block of blocks) {
        const own = waiting.get(block.partition);
        if (own === undefined) waiting.set(block.partition, [block]);
        else own.push(block);
        held += block.packed.length;
      }
    },
    *flush() {
      const partitions = [...waiting];
      waiting.clear();
      held = 0;
      for (const [partition, blocks] of partitions) {
        const pieces = blocks.flatMap(({ packed }) => [blockHeader(packed.length), bufferOf(packed)]);
        const chunk = chunkOf(blocks, pieces, written);
        index[partition] ??= [];
        index[partition].push(chunk);
        written += chunk.length;
        yield* pieces;
      }
    },
  };
}

function chunkOf(blocks: readonly PackedBlock[], pieces: readonly Buffer[], offset: number): SectionChunk {
  const sum = startChecksum();
  for (const piece of pieces) sum.add(piece);
  return {
    offset,
    length: pieces.reduce((total, piece) => total + piece.length, 0),
    rawLength: blocks.reduce((total, block) => total + block.rawLength, 0),
    documents: blocks.reduce((total, block) => total + block.documents, 0),
    crc32: sum.text,
  };
}
