import type { RunResult } from '../coordinator/carry-out.ts';
import { asMongolakeError, type MongolakeError } from '../shared/domain/errors.ts';
import type { FailedResult, SyncResult } from './results.ts';
import type { Outcome } from './tables.ts';

/** Version of the objects that `--json` prints; grows only when a field changes its meaning. */
export const JSON_SCHEMA_VERSION = 1;

/** What every run tells of itself, whether or not it read its source. */
export type AnyRun = Omit<RunResult, 'checkedAt'>;

/** The result of one run as `--json` prints it; one object per table, a line each. */
export function resultJson(table: string, result: AnyRun): SyncResult {
  const { counts, window, ...rest } = result;
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: result.version === null ? 'unchanged' : 'committed',
    version: result.version,
    window: { from: isoOrNull(window.from), to: isoOrNull(window.to) },
    read: counts.read,
    inserted: counts.inserted,
    updated: counts.updated,
    unchanged: counts.unchanged,
    superseded: counts.superseded,
    deleted: counts.deleted,
    quarantined: counts.quarantined,
    erased: counts.erased,
    partitionsTouched: rest.partitionsTouched,
    filesAdded: rest.filesAdded,
    filesRemoved: rest.filesRemoved,
    bytesRead: rest.bytesRead,
    bytesWritten: rest.bytesWritten,
    durationMs: rest.durationMs,
    stagesMs: rest.stagesMs,
    run: rest.run,
    recovered: rest.recovered ?? [],
    watermark: isoOrNull(rest.watermark),
  };
}

/** A failure as `--json` prints it; `table` is `null` where it concerns all tables. */
export function failureJson<T extends string | null>(
  table: T,
  { code, message, retryable, hint }: MongolakeError,
): Omit<FailedResult, 'table'> & { readonly table: T } {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: 'failed',
    error: { code, message, retryable, hint: hint ?? null },
  };
}

/** What came of each table as `--json` prints it. */
export function outcomesJson<T, R>(
  outcomes: readonly Outcome<T>[],
  json: (table: string, value: T) => R,
): readonly (R | FailedResult)[] {
  return outcomes.map((outcome) =>
    'error' in outcome
      ? failureJson(outcome.table, asMongolakeError(outcome.error))
      : json(outcome.table, outcome.value),
  );
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
