import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { SectionChunk } from '../shared/domain/plan.ts';

const compress = promisify(gzip);
/** The fastest level: segments live for one run. */
const GZIP_LEVEL = 1;

interface Bucket {
  bytes: Buffer;
  length: number;
  documents: number;
}

/** Documents on their way to their partitions, in memory up to a bound. */
export interface Shuffle {
  /** Bytes of documents held. */
  readonly held: number;
  /** Copies a document to its partition's bucket. */
  add(partition: number, bytes: Buffer, at: number, length: number): void;
  /** Empties every bucket: yields the packed bytes to append to the segment, and notes each chunk in `index`. */
  flush(): AsyncGenerator<Buffer>;
  /** Where each partition's chunks are in the segment. */
  readonly index: Record<string, SectionChunk[]>;
  /** Bytes of segment so far. */
  readonly written: number;
}

/** Shuffles documents by partition into chunks of one segment. */
export function createShuffle(): Shuffle {
  const buckets = new Map<number, Bucket>();
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
    add(partition, bytes, at, length) {
      let bucket = buckets.get(partition);
      if (bucket === undefined) {
        bucket = { bytes: Buffer.allocUnsafe(Math.max(16 * 1024, length)), length: 0, documents: 0 };
        buckets.set(partition, bucket);
      }
      if (bucket.length + length > bucket.bytes.length) grow(bucket, bucket.length + length);
      bytes.copy(bucket.bytes, bucket.length, at, at + length);
      bucket.length += length;
      bucket.documents++;
      held += length;
    },
    async *flush() {
      for (const [partition, bucket] of buckets) {
        const packed = await compress(bucket.bytes.subarray(0, bucket.length), { level: GZIP_LEVEL });
        const chunks = index[partition] ?? [];
        chunks.push({ offset: written, length: packed.length, rawLength: bucket.length, documents: bucket.documents });
        index[partition] = chunks;
        written += packed.length;
        yield packed;
      }
      buckets.clear();
      held = 0;
    },
  };
}

function grow(bucket: Bucket, needed: number): void {
  const grown = Buffer.allocUnsafe(Math.max(needed, bucket.bytes.length * 2));
  bucket.bytes.copy(grown, 0, 0, bucket.length);
  bucket.bytes = grown;
}
