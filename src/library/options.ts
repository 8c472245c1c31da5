import type { StageProgress } from '../coordinator/progress.ts';
import type { LogFields } from '../shared/ports/logger.ts';
import type { MongolakeConfig } from './config.ts';

/** Takes what happens, a line each, with ids and figures and never a value or a secret; `console` is one. What it throws is lost. */
export interface MongolakeLogger {
  debug(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
  error(message: string, fields: LogFields): void;
}

/** How far one stage of a table's run is. */
export interface TableProgress extends StageProgress {
  /** `pipeline.collection`. */
  readonly table: string;
}

/** What every call takes. */
export interface CallOptions {
  /** Path of the configuration file, or what it would hold. The section `log` is for the command line. */
  readonly config: string | MongolakeConfig;
  /** `PIPELINE[.COLLECTION]`; may be left out where there is one pipeline. */
  readonly target?: string | undefined;
  /** Answers the `${VAR}` of the configuration; `process.env` where left out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Stops the call: see `INTERRUPTED`. A call of a server that hangs is given up after `coordinator.drainTimeout`. */
  readonly signal?: AbortSignal | undefined;
  /** Nothing is logged where left out. */
  readonly logger?: MongolakeLogger | undefined;
}

/** Bounds of the cursor: ISO 8601 times with a zone, or dates, such as `2026-01-31T02:00:00Z` or `2026-01-31`. */
export interface Bounds {
  /** Only documents whose cursor is later (exclusive). */
  readonly from?: string | undefined;
  /** Only documents whose cursor is earlier (exclusive). */
  readonly to?: string | undefined;
}

/** What `sync` takes. */
export interface SyncOptions extends CallOptions, Bounds {
  /** Let a dump's documents replace newer rows. */
  readonly overwrite?: boolean | undefined;
  /** Told often, of each table that runs. What it throws is logged. */
  readonly onProgress?: ((progress: TableProgress) => void) | undefined;
}

/** What `backfill` takes. */
export interface BackfillOptions extends SyncOptions {
  /** Leave nothing in the table but what is read, in one version; not with `from` and `to`. */
  readonly replace?: boolean | undefined;
}

/** What `plan` takes. */
export interface PlanOptions extends CallOptions, Bounds {
  /** Of a backfill, instead of a sync. */
  readonly backfill?: boolean | undefined;
  /** Of a backfill that replaces the table. */
  readonly replace?: boolean | undefined;
}

/** What `plan` takes of a command that is no run of the source: what of its options changes what it touches. */
export type WorkOptions = CallOptions &
  (
    | {
        readonly for: 'verify';
        readonly deep?: boolean | undefined;
        /** As of `verify`. */
        readonly sample?: number | undefined;
      }
    | { readonly for: 'compact' }
    | {
        readonly for: 'repartition';
        /** Hash partitions; a power of two. */
        readonly partitions?: number | undefined;
        /** What ids that are integers become. */
        readonly idType?: 'string' | undefined;
      }
    | {
        readonly for: 'erase';
        /** As the table shows them. */
        readonly ids: readonly string[];
        readonly purge?: boolean | undefined;
      }
  );

/** What `verify` takes. */
export interface VerifyOptions extends CallOptions {
  /** Compare rows in every column, not only by their cursors. */
  readonly deep?: boolean | undefined;
  /** Make right what differs, in one version. */
  readonly repair?: boolean | undefined;
  /** Read only this share of the source's id ranges, above 0 and at most 1; what is gone is not found then. */
  readonly sample?: number | undefined;
  /** Told often, of each table that is compared. What it throws is logged. */
  readonly onProgress?: ((progress: TableProgress) => void) | undefined;
}

/** What `status` takes. */
export interface StatusOptions extends CallOptions {}
