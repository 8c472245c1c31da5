import pc from 'picocolors';
import type { RunResult } from '../coordinator/carry-out.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { asMongolakeError, EXIT, type MongolakeError } from '../shared/domain/errors.ts';

/** Version of the objects that `--json` prints; grows only when a field changes its meaning. */
export const JSON_SCHEMA_VERSION = 1;

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? item.toString() : item)));
}

/** What every run tells of itself, whether or not it read its source. */
type AnyResult = Omit<RunResult, 'checkedAt'>;

/** The result of one run as `--json` prints it; one object per table, a line each. */
export function resultJson(table: string, result: AnyResult): Record<string, unknown> {
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

/** A failure as `--json` prints it. */
export function failureJson(table: string | null, error: MongolakeError): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: 'failed',
    error: { code: error.code, message: error.message, retryable: error.retryable, hint: error.hint ?? null },
  };
}

/** A failure for people, on stderr: what is wrong, and what to do next. */
export function printFailure(error: unknown, table?: string): void {
  const known = asMongolakeError(error);
  const where = table === undefined ? '' : `${table}: `;
  process.stderr.write(`${pc.red('error')} ${where}${known.message} ${pc.dim(`[${known.code}]`)}\n`);
  if (known.hint !== undefined) process.stderr.write(`${pc.dim('hint ')} ${known.hint}\n`);
  if (known.code === 'INTERNAL' && known.cause instanceof Error)
    process.stderr.write(`${pc.dim(known.cause.stack ?? '')}\n`);
}

/** The exit code of several outcomes: that of the first failure. */
export function exitCodeOf(errors: readonly unknown[]): number {
  const first = errors[0];
  return first === undefined ? EXIT.ok : asMongolakeError(first).exitCode;
}

/** The run for people. */
export function describeRun(table: string, result: RunResult): string {
  const { counts } = result;
  const what = result.version === null ? 'nothing new' : `version ${result.version}`;
  const parts = [
    `${number(counts.read)} read`,
    `${number(counts.inserted)} inserted`,
    `${number(counts.updated)} updated`,
    `${number(counts.unchanged)} unchanged`,
    ...(counts.superseded > 0 ? [`${number(counts.superseded)} superseded`] : []),
    ...(counts.deleted > 0 ? [`${number(counts.deleted)} deleted`] : []),
    ...(counts.quarantined > 0 ? [pc.yellow(`${number(counts.quarantined)} quarantined`)] : []),
  ];
  const first = result.recovered === undefined ? '' : `; finished first: run ${result.recovered.join(', ')}`;
  return `${pc.bold(table)}  ${pc.green(what)}  ${parts.join(', ')}  ${pc.dim(`(${describeFiles(result)}${first})`)}`;
}

/** What a run did to files, and how long it took. */
export function describeFiles(result: AnyResult): string {
  const { partitionsTouched, filesAdded, filesRemoved, bytesWritten, durationMs } = result;
  return `${partitionsTouched} partitions, +${filesAdded} −${filesRemoved} files, ${bytesText(bytesWritten)} written, ${seconds(durationMs)}`;
}

export function number(value: number): string {
  return value.toLocaleString('en-US');
}

export function seconds(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
