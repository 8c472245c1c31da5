import type { Cursor } from '../domain/cursor.ts';
import type { ExtractRange, ReadScope } from '../domain/job.ts';
import type { Projection } from '../domain/policy.ts';
import type { Position } from '../domain/position.ts';

/** What the source knows about its own time. All epoch milliseconds, UTC. */
export interface SourceClock {
  /** A `live` source is read now, by its server's clock; a `dump` is as old as its start. */
  readonly kind: 'live' | 'dump';
  /** Server's clock (live) or the dump's `startedAt`; `undefined` for a dump that does not say when it was started. */
  readonly serverTime: number | undefined;
  /** Last majority-committed write of the member that serves the reads; `undefined` where the server does not tell. */
  readonly lastMajorityWrite: number | undefined;
  /** Tells a dump from another one in its place; absent for a server. */
  readonly dump?: string;
}

/** One collection as discovery lists it. */
export interface CollectionInfo {
  readonly database: string;
  readonly name: string;
  /** Estimates, never by a scan. */
  readonly documents: number | undefined;
  readonly bytes: number | undefined;
}

export interface IndexInfo {
  readonly name: string;
  /** Fields in index order. */
  readonly fields: readonly string[];
  /** Leaves out documents that lack the field. */
  readonly sparse: boolean;
}

/** Estimated size of what is read. `atLeast` as in `BoundedCount`. */
export interface SizeEstimate {
  readonly documents: number | undefined;
  readonly bytes: number | undefined;
  readonly atLeast?: boolean;
}

/** A count that goes on only so far: where `atLeast`, there may be more. */
export interface BoundedCount {
  readonly documents: number;
  readonly atLeast: boolean;
}

export interface SplitOptions {
  /** True where the ranges must tell no value of `_id`, because the table has only its hashes. */
  readonly hidesIds?: boolean;
  /** Hears why a large collection stays one range. */
  readonly warn?: (message: string) => void;
}

/** Whole BSON documents, and deletions, back to back, in the order read. Views into `bytes` are valid until the next batch is asked for. */
export interface RawBatch {
  readonly bytes: Buffer;
  /** Start of each in `bytes`; its length is its own first int32 (BSON spec), of a deletion a negative one. */
  readonly offsets: readonly number[];
  /** Where the batch stands in the source (a dump's byte offset of the first document), for messages. */
  readonly position?: number;
}

/**
 * One collection, to be read once per run. Errors: `SOURCE_UNREACHABLE` (retryable), `SOURCE_REFUSED` (credentials or
 * rights), `SOURCE_MISSING` (no such file or collection), `DUMP_BROKEN` (names file and byte offset).
 */
export interface Source {
  /** `mongodb://host/db.collection` or the dump's path, for messages. Never carries a secret. */
  readonly description: string;
  readonly namespace: { readonly database: string; readonly collection: string };
  clock(): Promise<SourceClock>;
  /** Estimated size of what `scope` reads, by index or statistics, never by a scan of the collection. */
  estimate(scope: ReadScope): Promise<SizeEstimate>;
  /**
   * Documents that no window meets: the cursor field is missing, null, or of another type than the cursor's. Counted in an index, for a few
   * seconds at most and never by a scan of the collection; `undefined` where that can't be, as in a dump.
   */
  countWithoutCursor(cursor: Cursor): Promise<BoundedCount | undefined>;
  /**
   * Splits what `scope` reads into ranges, one per extract job, in order; at least one. Every document is in exactly one of them. Never by
   * a scan of the collection.
   */
  ranges(scope: ReadScope, how?: SplitOptions): Promise<readonly ExtractRange[]>;
  /**
   * Reads a range. A dead cursor is resumed where it stood; documents may come twice, in order. A dump is filtered by the
   * extractor, not here: its batches may hold documents outside the window. A server is asked to leave out what `projection` does not
   * want; whoever can't be asked gives whole documents, so that the extractor cuts in any case. A server is asked for at most `most`
   * documents at once. What was written up to `since` is in what it gives.
   */
  read(
    range: ExtractRange,
    signal?: AbortSignal,
    projection?: Projection,
    most?: number,
    since?: Position,
  ): AsyncIterable<RawBatch>;
  /**
   * Asks for the documents with these ids, which are documents with nothing but an `_id`, back to back. Gives each that there is, whole but for what
   * `projection` does not want, as its primary has it, and a deletion (`domain/deletion.ts`) for each that there is not; neither for an id that it can't be
   * asked for. What was written up to `since` is in what it gives.
   */
  lookUp(ids: Buffer, signal?: AbortSignal, projection?: Projection, since?: Position): AsyncIterable<RawBatch>;
  /** What changes in the collection, as it happens; absent where the source can't tell. */
  readonly changes?: ChangeStream;
  indexes(): Promise<readonly IndexInfo[]>;
  close(): Promise<void>;
}

/** Where a change stream stands. */
export interface StreamEnd {
  /** The newest write: it and all before it are majority-committed and can be read. */
  readonly position: Position;
  /** Whether something changed since the position that was asked about; false where none was. */
  readonly hasChanges: boolean;
}

/**
 * The ids of a collection's documents in the order in which they were written or deleted. Positions are inclusive at both ends: what is asked for
 * twice comes twice. Errors: those of `Source`; `STREAM_UNSUPPORTED`; `STREAM_LOST` where the server has no longer what came after a position;
 * `STREAM_ENDED` where the collection was dropped, renamed or sharded meanwhile, or something else happened to it that is no change of a document.
 */
export interface ChangeStream {
  /** Where it stands now, and whether it has something from `since` on. */
  end(since: Position | null): Promise<StreamEnd>;
  /**
   * The ids of what changed from one position to another, as documents with nothing but an `_id`, back to back, some at a time; an id that changed
   * several times may come several times. After an outage it goes on where it stood.
   */
  ids(from: Position, to: Position, signal?: AbortSignal): AsyncIterable<Buffer>;
}

/** Lists what a connection holds; wildcards are resolved against it at each run. */
export interface Catalog {
  collections(database: string | undefined): Promise<readonly CollectionInfo[]>;
  close(): Promise<void>;
}
