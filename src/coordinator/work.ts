import type { Duration } from './pace.ts';
import type { Preview } from './preview.ts';

/** What a command would do to a table, reckoned from statistics: what is to be expected, not the worst case. Sizes in bytes. */
export interface WorkFigures {
  readonly reads: {
    /** Of the source; `undefined` where it is not known before. */
    readonly documents: number | undefined;
    readonly documentBytes: number | undefined;
    /** Of the table. */
    readonly files: number;
    readonly fileBytes: number;
  };
  readonly writes: { readonly files: number; readonly bytes: number };
  readonly touches: {
    /** Hash partitions, of all that the table has then. */
    readonly partitions: number;
    readonly of: number;
    /** Jobs that read the source, and those that work on a partition. */
    readonly readJobs: number;
    readonly partitionJobs: number;
  };
  readonly duration: Duration;
}

/** What a command that is no run of the source would do now: there is a function for each, which gives this and changes nothing. */
export interface Work extends WorkFigures {
  readonly kind: 'verify' | 'compact' | 'repartition' | 'erase';
  /** The version that it would stand on. */
  readonly version: number;
  /** Whether there is anything to do. */
  readonly isDue: boolean;
  /** What is worth knowing, for people. */
  readonly notes: readonly string[];
}

/** A document's share of a Parquet file, where a table has none yet to tell it: BSON bytes for each byte of the file. */
const PACKED = 6;

/** What a sync or a backfill would do. */
export function workOfRun(preview: Preview): WorkFigures {
  const { base, documents, bytes, ranges, partitions, rewrite, replace, duration } = preview;
  const isNew = base === undefined || replace;
  const { about } = rewrite;
  const touched = isNew ? partitions : about.partitions;
  return {
    reads: {
      documents: documents.count,
      documentBytes: bytes,
      files: isNew ? 0 : about.files,
      fileBytes: isNew ? 0 : about.bytes,
    },
    writes: isNew
      ? { files: partitions, bytes: Math.round((bytes ?? 0) / PACKED) }
      : { files: Math.max(about.files, about.partitions), bytes: about.bytes },
    touches: { partitions: touched, of: partitions, readJobs: ranges, partitionJobs: touched },
    duration,
  };
}
