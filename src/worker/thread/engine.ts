import type { CompareReceipt, Comparison } from '../../shared/domain/comparison.ts';
import type { Cursor } from '../../shared/domain/cursor.ts';
import type { ErrorCode } from '../../shared/domain/errors.ts';
import type { IdType } from '../../shared/domain/ids.ts';
import type { EngineName, KeptRows, SectionChunk, WriteSettings } from '../../shared/domain/plan.ts';
import type { Counts } from '../../shared/domain/receipt.ts';
import type { TableSchema } from '../../shared/domain/schema.ts';

/** One extract job's bytes for this partition: chunks of packed blocks, each of whole BSON documents back to back, in the order read. */
export interface LocalSection {
  readonly path: string;
  /** Where it is from, for errors. */
  readonly segment: string;
  /** They stand in the file one after the other. */
  readonly chunks: readonly Pick<SectionChunk, 'length' | 'rawLength' | 'crc32'>[];
  readonly ordinal: number;
}

/** A file of the partition's base version: the half-open id range `[lower, upper)` is its own; `null` is unbounded. */
export interface IdRange {
  readonly lower: string | null;
  readonly upper: string | null;
}

export interface LocalBaseFile extends IdRange {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** One partition to merge, with everything on local disk. */
export interface MergeTask {
  readonly kind: 'merge';
  /** The table's engine, by which files are read and written. */
  readonly engine: EngineName;
  /** An empty folder of this attempt's own. */
  readonly scratch: string;
  readonly memoryBytes: number;
  readonly schema: TableSchema;
  readonly cursor: Cursor;
  readonly sections: readonly LocalSection[];
  /** Only the files that the delta touches, in id order; empty for a partition without files. */
  readonly base: readonly LocalBaseFile[];
  readonly keepRows: KeptRows;
  /** Whether the later of two readings of an id is the one that was read later, whatever their cursors say. */
  readonly isInOrder?: boolean;
  readonly write: WriteSettings;
}

/** Asks which base files the delta's ids fall into, before they are downloaded. */
export interface LocateTask {
  readonly kind: 'locate';
  readonly schema: TableSchema;
  readonly sections: readonly LocalSection[];
  readonly base: readonly IdRange[];
}

export interface MergedFile extends IdRange {
  readonly path: string;
  readonly size: number;
  readonly rows: number;
  /** Delta's per-file statistics, as JSON in a string. */
  readonly stats: string;
}

/** What became of the delta's documents; `read` is their sum. */
export type MergeCounts = Omit<Counts, 'quarantined' | 'erased'>;

export interface MergeOutcome {
  readonly counts: MergeCounts;
  readonly added: readonly MergedFile[];
  /** Indexes into `base` of files that `added` replaces. */
  readonly removed: readonly number[];
}

/** A group of partitions to write anew, with everything on local disk; no row comes or goes. */
export interface RewriteTask {
  readonly kind: 'rewrite';
  /** The table's engine, by which files are read and written. */
  readonly engine: EngineName;
  /** An empty folder of this attempt's own. */
  readonly scratch: string;
  readonly memoryBytes: number;
  /** Of the new files. */
  readonly schema: TableSchema;
  /** Of the old ones: integers become their decimal digits where the new ids are strings. */
  readonly oldIdType: IdType;
  /** All files of the group. */
  readonly base: readonly LocalBaseFile[];
  /** The partitions that its rows go to, of how many. */
  readonly into: { readonly partitions: readonly number[]; readonly of: number };
  readonly write: WriteSettings;
}

/** A file of one of the partitions that a rewrite makes. */
export interface RewrittenFile extends MergedFile {
  readonly partition: number;
}

export interface RewriteOutcome {
  /** They replace all of `base`; sorted anew, and with ranges that tile the id space of each partition. One without rows has no file. */
  readonly added: readonly RewrittenFile[];
  readonly rows: number;
}

/** Neighbouring files of a partition to write as one, with everything on local disk; no row comes or goes. */
export interface CompactTask {
  readonly kind: 'compact';
  /** The table's engine, by which files are read and written. */
  readonly engine: EngineName;
  /** An empty folder of this attempt's own. */
  readonly scratch: string;
  readonly memoryBytes: number;
  readonly schema: TableSchema;
  /** In id order: each begins where the one before it ends. */
  readonly base: readonly LocalBaseFile[];
  readonly write: WriteSettings;
}

/** One partition to compare with what was read, with everything on local disk. */
export interface CompareTask {
  readonly kind: 'compare';
  /** The table's engine, by which files are read. */
  readonly engine: EngineName;
  /** An empty folder of this attempt's own. */
  readonly scratch: string;
  readonly memoryBytes: number;
  /** Of the documents; where rows are compared in every column it is that of the rows, too. */
  readonly schema: TableSchema;
  /** Of the rows. */
  readonly table: TableSchema;
  readonly cursor: Cursor;
  readonly sections: readonly LocalSection[];
  /** In id order. */
  readonly base: readonly LocalBaseFile[];
  readonly comparison: Comparison;
}

/** A list of ids on local disk, as `IdList`. */
export interface LocalIds {
  readonly path: string;
  readonly ids: number;
}

export interface CompareOutcome
  extends Pick<CompareReceipt, 'documents' | 'rows' | 'leftOut' | 'ids' | 'differences' | 'examples'> {
  readonly lists: readonly LocalIds[];
}

/** A value of a table as JSON has it: what JSON has no type for is a string. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Values in the order of the table's columns, `_id` first. */
export type JsonRow = readonly JsonValue[];

/** Asks for the first rows of files, with the columns of the newest schema. */
export interface HeadTask {
  /** Local Parquet files of the table. */
  readonly paths: readonly string[];
  readonly schema: TableSchema;
  /** Rows. */
  readonly limit: number;
  readonly memoryBytes: number;
  /** A folder for what is spilled. */
  readonly scratch: string;
}

/** Asks which ids a file holds. */
export interface FindTask {
  /** A local Parquet file of a table, of any version. */
  readonly path: string;
  readonly schema: TableSchema;
  /** As a table stores them; integers as their digits. */
  readonly ids: readonly string[];
  readonly memoryBytes: number;
  /** A folder for what is spilled. */
  readonly scratch: string;
}

/** Ids as their table stores them; integers as their digits. */
export interface FoundIds {
  /** Those of the task that have a row. */
  readonly ids: readonly string[];
  /** Those of the first and the last row; `null` where there is none. */
  readonly first: string | null;
  readonly last: string | null;
}

/**
 * Reads and writes data files. Engines give equal tables for equal input: the same rows and counts, though not the same files. A
 * task is deterministic but for file sizes, and rejects soon after `signal` is aborted.
 */
export interface Engine {
  merge(task: MergeTask, signal: AbortSignal | undefined): Promise<MergeOutcome>;
  rewrite(task: RewriteTask, signal: AbortSignal | undefined): Promise<RewriteOutcome>;
  /** One file with the rows of all, which owns their ranges together. */
  compact(task: CompactTask, signal: AbortSignal | undefined): Promise<MergedFile>;
  compare(task: CompareTask, signal: AbortSignal | undefined): Promise<CompareOutcome>;
  /** The first rows of files, by `_id` within each. */
  head(task: HeadTask): Promise<readonly JsonRow[]>;
  /** Which ids a file holds. */
  find(task: FindTask): Promise<FoundIds>;
}

/** A thread's answer. An error crosses threads as plain data: as an object it would lose its code and hint on the way. */
export type TaskResult<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
      readonly stack: string | undefined;
    };
