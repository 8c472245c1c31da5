// Written by `npm run schema` from the configuration's schema; change that instead.

/** A reference to a variable or a secret, which may stand for a value of any type: `${NAME}`, `${vault:path#key}`. */
export type Reference = `${string}\${${string}`;

/** Settings of tables: of all under `defaults`, of a pipeline, or of one under its `collections`. */
export interface MongolakeSettings {
  /** incremental finds changes by the cursor field. full is for a collection without one: every run reads all of it and replaces the table. See docs/backfill.md. By default 'incremental'. */
  readonly mode?: 'incremental' | 'full' | Reference | undefined;
  /** The field that every write to a document sets to its time, and by which changes are found. It needs an index. A dot reaches into an object. By default 'updateTime'. */
  readonly cursorField?: string | undefined;
  /** What the cursor field holds: a Date, a BSON timestamp, a number of seconds or milliseconds since 1970, or an ObjectId. A value of any other type counts as missing. See docs/cursors.md. By default 'date'. */
  readonly cursorType?: 'date' | 'timestamp' | 'epochSeconds' | 'epochMilliseconds' | 'objectId' | Reference | undefined;
  /** How much later than its cursor value a document may become visible. Each run reads this much again. Clocks that differ by more are refused. By default '5m'. */
  readonly allowedLateness?: string | undefined;
  /** Hash partitions of a new table, a power of two. One job merges one partition. auto sizes it at the first load; a table that is there keeps its number. See docs/partitions.md. By default 'auto'. */
  readonly partitions?: 'auto' | number | Reference | undefined;
  /** When the coordinator syncs: an interval, a cron expression (5 or 6 fields, UTC), or none. By default '15m'. */
  readonly schedule?: string | undefined;
  /** A table whose last check that ended well is older than this is stale: metrics and notifications say so. Where left out, three times the longest gap of its schedule, 15m at least. */
  readonly staleAfter?: string | undefined;
  /** What merges and writes: duckdb, or parquetjs, which is slower and needs no native code. Fixed when a table is made; duckdb may take over a table of parquetjs, never the reverse. By default 'duckdb'. */
  readonly engine?: 'duckdb' | 'parquetjs' | Reference | undefined;
  /** Size at which a partition is cut into another Parquet file. By default '128MB'. */
  readonly targetFileSize?: string | undefined;
  /** Rows per Parquet row group, at most. The engine parquetjs takes no more than 8192. By default 122880. */
  readonly rowGroupSize?: number | Reference | undefined;
  /** Codec of new Parquet files. Those of the engine parquetjs are snappy, whatever is written here. By default 'zstd'. */
  readonly compression?: 'zstd' | 'snappy' | Reference | undefined;
  /** Level of zstd: 1 is fastest, 22 smallest. Not used by snappy. By default 3. */
  readonly compressionLevel?: number | Reference | undefined;
  /** What becomes of the row of a document that is gone: none keeps it, soft deletes it where the document says so in deletedField, reconcile where a scheduled verification finds no document. See docs/deletes.md. By default 'none'. */
  readonly deletes?: 'none' | 'soft' | 'reconcile' | Reference | undefined;
  /** With deletes: soft, the field by which a document says that it is deleted: it is there, and not null, false or 0. A dot reaches into an object. By default 'deletedAt'. */
  readonly deletedField?: string | undefined;
  /** When the coordinator compares the table with its source: an interval, a cron expression (5 or 6 fields, UTC), or none. See docs/verify.md. By default 'none'. */
  readonly verifySchedule?: string | undefined;
  /** Whether a scheduled verification also repairs what differs. With deletes: reconcile it always does. By default false. */
  readonly verifyRepair?: boolean | Reference | undefined;
  /** Documents that cannot be stored are put aside and listed (mongolake quarantine). More than so many in one run fail it instead, before its commit. By default 1000. */
  readonly maxQuarantined?: number | Reference | undefined;
  /** Jobs of one run that read from the source at once, at most; no limit if not given. See docs/backfill.md. */
  readonly maxConcurrentReads?: number | Reference | undefined;
  /** Documents that all reads of one run together take from the source in a second, at most; no limit if not given. Shared evenly by maxConcurrentReads reads, by 4 where that is not given. See docs/backfill.md. */
  readonly documentsPerSecond?: number | Reference | undefined;
  /** A Delta checkpoint is written every so many commits. By default 10. */
  readonly checkpointInterval?: number | Reference | undefined;
  /** How long files that no longer belong to the table are kept, for readers of older versions. By default '7d'. */
  readonly retention?: string | undefined;
  /** A run whose lease was not renewed for so long may be taken over. By default '30s'. */
  readonly leaseTtl?: string | undefined;
  /** What is taken of the documents, and how. A path is dotted and passes through arrays. The nearest columns replaces all of those around it. */
  readonly columns?: {
    /** Only these fields, with _id and the cursor field. The rest is not read from MongoDB. */
    readonly include?: readonly string[] | undefined;
    /** Fields that are left out; MongoDB does not send them. */
    readonly exclude?: readonly string[] | undefined;
    /** Names of columns by path. */
    readonly rename?: Readonly<Record<string, string>> | undefined;
    /** Decimal types by path: what fits exactly is in a decimal column, the rest beside it. */
    readonly decimal?: Readonly<Record<string, string>> | undefined;
    /** Fields that are kept as one JSON text each, whatever is in them. */
    readonly json?: readonly string[] | undefined;
    /** Fields whose values are replaced by their HMAC-SHA-256 with hashKey. */
    readonly hash?: readonly string[] | undefined;
  } | undefined;
}
