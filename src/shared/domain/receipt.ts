import type { CompareReceipt } from './comparison.ts';
import type { SectionChunk } from './plan.ts';
import type { QuarantinedDocument } from './quarantine.ts';
import type { SketchJson } from './sketch.ts';

/** What an extract job leaves: the winning attempt's segment, what is in it, and the shape of its documents. */
export interface ExtractReceipt {
  readonly kind: 'extract';
  readonly run: string;
  readonly ordinal: number;
  readonly attempt: string;
  readonly segment: string;
  /** Documents of the scope that the source returned. */
  readonly documents: number;
  /** Bytes of BSON of those. */
  readonly bytes: number;
  /** Bytes of the segment. */
  readonly segmentBytes: number;
  /** Those of them that can't be stored; the bytes of each are staged by this attempt. */
  readonly quarantine: readonly QuarantinedDocument[];
  /** Those of them whose ids are erased: they were left out. Absent in receipts of older workers. */
  readonly erased?: number;
  /** Smallest cursor value read, epoch milliseconds; `null` where no document had one. */
  readonly minCursor: number | null;
  /** Partition → its chunks in the segment. Partitions without documents are absent. */
  readonly partitions: Readonly<Record<string, readonly SectionChunk[]>>;
  readonly sketch: SketchJson;
  readonly durationMs: number;
}

/** A data file that a merge wrote. */
export interface WrittenFile {
  /** Absent where it is that of the receipt. */
  readonly partition?: number;
  readonly path: string;
  readonly size: number;
  /** CRC-32 of its bytes, 8 hex digits; absent in receipts of older workers. */
  readonly crc32?: string;
  readonly rows: number;
  readonly lower: string | null;
  readonly upper: string | null;
  readonly stats: string;
}

/** What became of documents. Every document read is in exactly one of the others. */
export interface Counts {
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly quarantined: number;
  /** Left out: their ids are on the table's list of erased ones. */
  readonly erased: number;
}

/** What a merge job leaves. */
export interface MergeReceipt {
  readonly kind: 'merge';
  readonly run: string;
  readonly partition: number;
  readonly attempt: string;
  readonly counts: Counts;
  /** The segments that it read, in the order of the input: it is of no use for other ones. */
  readonly segments: readonly string[];
  readonly added: readonly WrittenFile[];
  /** Paths of base files that `added` replaces. */
  readonly removed: readonly string[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly durationMs: number;
}

/** What a job has done, for progress: documents read, and bytes of BSON read or of Parquet written. */
export function workOf(receipt: ExtractReceipt | MergeReceipt | CompareReceipt): {
  readonly documents: number;
  readonly bytes: number;
} {
  switch (receipt.kind) {
    case 'extract':
      return { documents: receipt.documents, bytes: receipt.bytes };
    case 'merge':
      return { documents: receipt.counts.read, bytes: receipt.bytesWritten };
    case 'compare':
      return { documents: receipt.documents.count, bytes: 0 };
  }
}
