import type { ErrorCode } from '../shared/domain/errors.ts';
import type { Stage, StageDurations } from '../shared/domain/stage.ts';

/** The objects that `--json` prints and the library gives: plain data, one per table. Times are ISO 8601 in UTC. */

/** What every one of them has. */
interface TableResult {
  /** Version of these objects; grows only when a field changes its meaning. */
  readonly schemaVersion: 1;
  /** `pipeline.collection`. */
  readonly table: string;
}

/** A table whose part of the call failed; the table is as it was before, unless the code is `COMMIT_UNKNOWN`. */
export interface FailedResult extends TableResult {
  readonly status: 'failed';
  readonly error: {
    readonly code: ErrorCode;
    /** What is wrong, for people. Holds no secret. */
    readonly message: string;
    /** Whether the same call, with nothing changed, can succeed later. */
    readonly retryable: boolean;
    /** What to do next. */
    readonly hint: string | null;
  };
}

/** What one run did. The counts are documents: `read` is the sum of all others. */
export interface SyncResult extends TableResult {
  /** `unchanged`: there was nothing to commit. */
  readonly status: 'committed' | 'unchanged';
  /** The version that was committed. */
  readonly version: number | null;
  /** Exclusive bounds of the cursor that was read; `null` where there is none. */
  readonly window: { readonly from: string | null; readonly to: string | null };
  readonly read: number;
  readonly inserted: number;
  readonly updated: number;
  /** Equal to their row in every column. */
  readonly unchanged: number;
  /** Read more than once, or older than the row that is there. */
  readonly superseded: number;
  /** Rows of a replaced table that are no more. */
  readonly deleted: number;
  /** Can't be stored, and were put aside. */
  readonly quarantined: number;
  /** Left out: their ids were erased. */
  readonly erased: number;
  /** Hash partitions that were merged. */
  readonly partitionsTouched: number;
  /** Data files of the new version that are not in the one before, and the other way round. */
  readonly filesAdded: number;
  readonly filesRemoved: number;
  /** Bytes of BSON read, and of Parquet written. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Milliseconds, of the whole run and of each stage. */
  readonly durationMs: number;
  readonly stagesMs: StageDurations;
  /** Id of the run. */
  readonly run: string;
  /** Ids of runs that had not ended and were finished first; the figures are theirs, too. */
  readonly recovered: readonly string[];
  /** What the next run reads on from. */
  readonly watermark: string | null;
}

/** Ids in which a table differs from its source. */
interface DifferencesResult {
  /** Documents without a row, rows of another state, rows without a document. */
  readonly missing: number;
  readonly stale: number;
  readonly gone: number;
}

/** How a table compares with its source. */
export interface VerifyResult extends TableResult, DifferencesResult {
  /** `repaired`: what differed was made right. */
  readonly status: 'equal' | 'differs' | 'repaired';
  readonly run: string;
  /** The version that was compared, and its watermark: documents with a later cursor were left out. */
  readonly version: number;
  readonly watermark: string | null;
  /** When the source began to be read. */
  readonly checkedAt: string | null;
  /** Compared, of source and table. */
  readonly documents: number;
  readonly rows: number;
  /** Sums over ids and cursors, whatever their order, 16 hex digits: equal where all of these are. */
  readonly documentsChecksum: string;
  readonly rowsChecksum: string;
  /** Ids that were left out: changed since, or newer than the dump that is read. */
  readonly leftOut: number;
  /** Hash partitions of the table, and those in which ids differ. */
  readonly partitions: number;
  readonly partitionsDiffering: readonly ({ readonly partition: number } & DifferencesResult)[];
  /** Ids that differ, as the table stores them: 1,000 of each partition at most, 100 characters of each. */
  readonly ids: readonly {
    readonly id: string;
    readonly difference: 'missing' | 'stale' | 'gone';
    readonly partition: number;
  }[];
  /** Ids that seemed to differ, and that no source can be asked for. */
  readonly unconfirmed: number;
  readonly bytesRead: number;
  /** Milliseconds. */
  readonly durationMs: number;
  /** What the repair did; `null` where there was none. */
  readonly repaired: SyncResult | null;
}

/** Partitions, files and bytes of files. */
interface TouchedResult {
  readonly partitions: number;
  readonly files: number;
  readonly bytes: number;
}

/** What a command would do to a table, reckoned from statistics: what is to be expected, not the worst case. Sizes in bytes. */
export interface FiguresResult {
  readonly reads: {
    /** Of the source; `null` where it is not known before. */
    readonly documents: number | null;
    readonly documentBytes: number | null;
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
  readonly duration: {
    /** Milliseconds, roughly; `null` where it is not known how much there is to do. */
    readonly ms: number | null;
    /** `history`: by so many of the table's own runs; `defaults`: there are none, and it is a guess. */
    readonly basis: 'history' | 'defaults';
    readonly runs: number;
  };
}

/** What a command that is no run of the source would do now. */
export interface WorkResult extends TableResult, FiguresResult {
  readonly status: 'work' | 'nothing-to-do';
  readonly kind: 'verify' | 'compact' | 'repartition' | 'erase';
  /** The version that it would stand on. */
  readonly version: number;
  /** What is worth knowing, for people. */
  readonly notes: readonly string[];
}

/** What a run would do now. */
export interface PlanResult extends TableResult, FiguresResult {
  /** As `mode`. */
  readonly kind: 'sync' | 'backfill';
  /** `first-load`: there is no table yet. */
  readonly status: 'first-load' | 'work' | 'nothing-to-do';
  readonly mode: 'sync' | 'backfill';
  /** Whether nothing of the version before would stay. */
  readonly replace: boolean;
  /** The version that the run would stand on. */
  readonly version: number | null;
  /** Exclusive bounds of the cursor; `null` where there is none. */
  readonly window: { readonly from: string | null; readonly to: string | null };
  /** Whether the whole collection would be read. */
  readonly full: boolean;
  readonly watermark: string | null;
  /** Where the watermark would be afterwards. */
  readonly nextWatermark: string | null;
  /** Documents that would be read; `null` where that is not known. */
  readonly documents: number | null;
  /**
   * `counted`: read and counted; `estimated`: from the source's statistics or its index; `atLeast`: counted in the index, which went on only
   * so far; `atMost`: a dump's documents, whatever their cursors.
   */
  readonly documentsBasis: 'counted' | 'estimated' | 'atLeast' | 'atMost';
  /** Bytes of BSON of those, estimated. */
  readonly bytes: number | null;
  /** Jobs that would read. */
  readonly ranges: number;
  /** Hash partitions of the table. */
  readonly partitions: number;
  /** What would be rewritten: what is to be expected, and the worst case. */
  readonly rewrite: { readonly about: TouchedResult; readonly atMost: TouchedResult };
  /** Bytes rewritten for each byte that is read. */
  readonly writeAmplification: number | null;
  /** Documents without the cursor, which no sync ever meets; `null` where they were not counted. */
  readonly withoutCursor: number | null;
  /** What is worth knowing, for people. */
  readonly notes: readonly string[];
}

/** How far one stage of a run is. `null` where a figure is not known. */
interface StageResult {
  /** Jobs that are done, of all. */
  readonly done: number;
  readonly total: number | null;
  /** Of the jobs that are done; bytes of BSON read or of Parquet written. */
  readonly documents: number | null;
  readonly bytes: number | null;
  /** Whether these are reckoned from some of the jobs. */
  readonly estimated: boolean;
  /** Of late. */
  readonly documentsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** Milliseconds until the last job is done, at that rate. */
  readonly etaMs: number | null;
}

/** A run that is under way, or did not end. */
interface RunningResult {
  readonly run: string;
  /** Such as `sync` or `backfill`; `null` until the run is planned. */
  readonly what: string | null;
  readonly startedAt: string | null;
  readonly stage: Stage;
  readonly extract: StageResult;
  readonly merge: StageResult;
}

/** How a table stands. `null` where there is none yet, or nothing to tell. */
export interface StatusResult extends TableResult {
  readonly status: 'present' | 'missing';
  /** Where the table is. */
  readonly uri: string;
  /** Of the newest version; `bytes` of its data files. */
  readonly version: number | null;
  readonly rows: number | null;
  readonly files: number | null;
  readonly bytes: number | null;
  /** Hash partitions, with rows or without. */
  readonly partitions: number | null;
  readonly engine: 'duckdb' | 'parquetjs' | null;
  readonly mode: 'incremental' | 'full' | 'changestream';
  readonly watermark: string | null;
  /** The last run that ended well, whether or not it found a change. */
  readonly lastCheck: {
    readonly at: string | null;
    /** Milliseconds since then. */
    readonly ageMs: number;
    readonly run: string;
    readonly version: number;
  } | null;
  /** What the last verification found, before any repair; the version that repaired it, if any. */
  readonly verification:
    | ({
        readonly at: string | null;
        /** Milliseconds since then. */
        readonly ageMs: number;
        readonly run: string;
        readonly version: number;
        readonly deep: boolean;
        readonly unconfirmed: number;
        readonly repairedIn: number | null;
      } & DifferencesResult)
    | null;
  /**
   * Who holds the table, or held it last. `expired`: not renewed for its time to live, as after a crash; `unsettled`: nobody holds it, but
   * whether the last run's commit came through is not known yet.
   */
  readonly lease: {
    readonly state: 'held' | 'expired' | 'released' | 'unsettled';
    /** `host:pid`. */
    readonly owner: string;
    readonly run: string;
    readonly epoch: number;
    readonly renewedAt: string | null;
  } | null;
  /** The run that holds the lease. */
  readonly run: RunningResult | null;
  /** A run that did not end and holds no lease: the next one finishes it, or gives it up. */
  readonly unfinished: RunningResult | null;
  /** Documents that can't be stored and are put aside. */
  readonly quarantined: number;
  /** Jobs of all tables; `null` with the local queue, and where Redis could not be asked. */
  readonly queue: {
    readonly waiting: number;
    readonly prioritized: number;
    readonly active: number;
    readonly delayed: number;
    readonly failed: number;
  } | null;
  /** What is damaged and could be done without, for people. */
  readonly notes: readonly string[];
}
