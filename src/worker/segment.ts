import type { SectionChunk } from '../shared/domain/plan.ts';
import type { PackedChunk } from './thread/shuffle.ts';

/** The packed documents of one extract attempt, on their way into its segment. */
export interface Segment {
  /** Bytes held. */
  readonly held: number;
  add(chunks: readonly PackedChunk[]): void;
  /** Yields what is held, partition by partition, to be appended to the object, and notes in `index` where it stands. */
  flush(): Generator<Buffer>;
  /** Where each partition's chunks are. Those of one flush stand one behind the other, so that one ranged read fetches them. */
  readonly index: Readonly<Record<string, readonly SectionChunk[]>>;
  /** Bytes of the object so far. */
  readonly written: number;
}

export function createSegment(): Segment {
  const waiting = new Map<number, PackedChunk[]>();
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
    add(chunks) {
      for (const chunk of chunks) {
        const own = waiting.get(chunk.partition);
        if (own === undefined) waiting.set(chunk.partition, [chunk]);
        else own.push(chunk);
        held += chunk.packed.length;
      }
    },
    *flush() {
      const partitions = [...waiting].sort(([a], [b]) => a - b);
      waiting.clear();
      held = 0;
      for (const [partition, chunks] of partitions) {
        index[partition] ??= [];
        for (const { packed, rawLength, documents, crc32 } of chunks) {
          index[partition].push({ offset: written, length: packed.length, rawLength, documents, crc32 });
          written += packed.length;
          yield Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
        }
      }
    },
  };
}
