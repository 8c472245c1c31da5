import type { Comparison } from './comparison.ts';
import type { Cursor } from './cursor.ts';
import type { IdType } from './ids.ts';
import type { ExtractRange, ReadScope } from './job.ts';
import type { TablePolicy } from './policy.ts';
import type { Position } from './position.ts';
import type { ReadLimits } from './read-limits.ts';
import type { TableSchema } from './schema.ts';

/** DuckDB, which is native code, and parquetjs-lite, which is not. */
export const ENGINES = ['duckdb', 'parquetjs'] as const;

/** What reads and writes a table's data files: a property of the table. */
export type EngineName = (typeof ENGINES)[number];

/** What a run is asked for: to read what changed, everything, or what is listed as quarantined or by its ids. */
export type RunMode = 'sync' | 'backfill' | 'retry' | 'repair';

/**
 * Which rows of the table stay where the delta has their id: none, for a live reading is what the document is now; those with a greater
 * cursor (a dump); all but those whose document has a greater cursor (what is retried may be long out of date).
 */
export type KeptRows = 'none' | 'newer' | 'notOlder';

/** How data files are written; fixed in the plan, so that every worker of a run does the same. */
export interface WriteSettings {
  /** Bytes after which a file is split. */
  readonly targetFileSize: number;
  /** Rows. */
  readonly rowGroupSize: number;
  readonly compression: 'zstd' | 'snappy';
  /** Level of ZSTD; not used by snappy. */
  readonly compressionLevel: number;
}

/** What a run does, fixed before its first job; written once to object storage. Times are epoch milliseconds. */
export interface Plan {
  readonly formatVersion: 1;
  readonly run: string;
  /** The lease's fencing number; for whoever takes the run up, its own. */
  readonly epoch: number;
  readonly pipeline: string;
  readonly collection: string;
  readonly namespace: { readonly database: string; readonly collection: string };
  /**
   * The version that the run stands on, −1 where there is no log yet. It commits base + 1 or nothing; whoever takes it up stands on the
   * newest version, which differs from this one by fences only.
   */
  readonly base: number;
  readonly createdAt: number;
  /** The version of mongolake that made it: no other one finishes it. */
  readonly engineVersion: string;
  readonly scope: ReadScope;
  readonly watermark: number | null;
  readonly nextWatermark: number | null;
  readonly cursor: Cursor;
  /** What is taken of the documents, and how; absent where that is all. Never the key of its hashes. */
  readonly columns?: TablePolicy;
  /** The field by which documents say that they are deleted; absent where none does. */
  readonly deletedField?: string;
  /** Of the version that the run makes. */
  readonly partitions: number;
  /** What the run reads of the source; empty where it rewrites. */
  readonly ranges: readonly ExtractRange[];
  /** How its reads spare the source; absent where they need not. */
  readonly limits?: ReadLimits;
  /** How the table's files are written anew, all of them or some; `null` where documents are merged into those that they touch. */
  readonly rewrite: Rewrite | null;
  /** True for a backfill that was asked for, rather than a first load. */
  readonly backfill: boolean;
  /** Whether the version holds only what the run reads: nothing of the one before it stays. */
  readonly replace: boolean;
  /** A dump's documents are filtered by the scope in the extractor; a server has done so itself. */
  readonly sourceKind: 'live' | 'dump';
  /** Tells what is read from any other source, and a dump from another one in its place. */
  readonly source: string;
  readonly keepRows: KeptRows;
  /** Documents that can't be stored, above which the run fails. */
  readonly maxQuarantined: number;
  /**
   * What the ranges are: of the collection, of the table's own list of quarantined documents, lists of ids that are looked up in the collection, a
   * stretch of its change stream, whose ids are looked up, or lists of ids that are erased, for which nothing is read.
   */
  readonly reads: 'source' | 'quarantine' | 'ids' | 'changes' | 'erase';
  /** Where the table will stand in the change stream; absent where it follows none, or the run says nothing of that. */
  readonly position?: StreamStep;
  /** What was written up to there is in what the run reads, whichever member of the source serves it; absent where that need not be. */
  readonly readSince?: Position;
  /** The number of the list of erased ids that the run's version has: what is read of them is left out. Absent where there is none. */
  readonly erased?: number;
  /** How what is read is compared with the table; absent where it is merged into it. */
  readonly comparison?: Comparison;
  readonly priority: number;
  /** What merges: the same for all jobs of the run. */
  readonly engine: EngineName;
  readonly write: WriteSettings;
}

/** From where to where a run takes a table in a change stream; `from` is `null` where it reads the collection instead. */
export interface StreamStep {
  readonly from: Position | null;
  readonly to: Position;
}

/** How files are written anew without a document. */
export type Rewrite = Repartition | Compaction;

/** All files, since something is to be different about the table: before, and after. */
export interface Repartition {
  readonly kind: 'repartition';
  readonly idType: { readonly from: IdType; readonly to: IdType };
  /** Powers of two. */
  readonly partitions: { readonly from: number; readonly to: number };
}

/** Small files that are neighbours, as fewer of the plan's target size. */
export interface Compaction {
  readonly kind: 'compact';
}

/** `[offset, offset + length)` of a segment is a chunk of packed blocks (`packing.ts`): `documents` whole documents, `rawLength` bytes unpacked. */
export interface SectionChunk {
  readonly offset: number;
  readonly length: number;
  readonly rawLength: number;
  readonly documents: number;
  /** CRC-32 of its bytes, 8 hex digits. */
  readonly crc32: string;
}

/** One partition's part of one segment. */
export interface Section {
  readonly ordinal: number;
  readonly segment: string;
  readonly chunks: readonly SectionChunk[];
}

/** A live file of a partition and the id range `[lower, upper)` that is its own; `null` is unbounded. */
export interface BaseFile {
  readonly path: string;
  readonly size: number;
  /** CRC-32 of its bytes, 8 hex digits; absent where an older version wrote it. */
  readonly crc32?: string;
  readonly rows: number;
  readonly lower: string | null;
  readonly upper: string | null;
}

/** What one merge job reads: of a plan that rewrites the files that it writes anew, and no section. */
export interface MergeInput {
  /** Of a repartition the number of its group (`rewriteGroups`). */
  readonly partition: number;
  readonly documents: number;
  readonly base: readonly BaseFile[];
  readonly sections: readonly Section[];
  /**
   * Of a compaction: how many files of `base`, from its first on, become one each time. Empty where none of a partition's files has a
   * row, and they go.
   */
  readonly joins?: readonly number[];
}

/** The schema object of a run. */
export interface RunSchema {
  readonly schema: TableSchema;
  /** Of the rows that documents of `schema` are compared with; absent where they are merged. */
  readonly table?: TableSchema;
}
