import pc from 'picocolors';
import type { AnyRun } from '../app/json.ts';
import type { RunResult } from '../coordinator/carry-out.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { asMongolakeError, EXIT, MongolakeError } from '../shared/domain/errors.ts';
import { redact } from '../shared/domain/redact.ts';
import { printable, printableLines, tableTitle } from './text.ts';

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? item.toString() : item)));
}

/** A failure for people, on stderr: what is wrong, and what to do next. */
export function printFailure(error: unknown, table?: string): void {
  const known = asMongolakeError(error);
  const where = table === undefined ? '' : `${printable(table)}: `;
  process.stderr.write(`${pc.red('error')} ${where}${printableLines(known.message)} ${pc.dim(`[${known.code}]`)}\n`);
  if (known.hint !== undefined) process.stderr.write(`${pc.dim('hint ')} ${printableLines(known.hint)}\n`);
  if (known.code === 'INTERNAL' && known.cause instanceof Error)
    process.stderr.write(`${pc.dim(printableLines(redact(known.cause.stack ?? '')))}\n`);
}

/**
 * What nobody caught ends the process: told by message and stack, and not as Node would, with everything that the error carries
 * (a command and its arguments, a request and its headers).
 */
export function dieOfUncaught(): void {
  process.on('uncaughtException', (error: unknown) => {
    printFailure(new MongolakeError('INTERNAL', `a bug: ${asMongolakeError(error).message}`, { cause: error }));
    process.exit(EXIT.failed);
  });
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
    ...(counts.erased > 0 ? [`${number(counts.erased)} of erased ids left out`] : []),
    ...(counts.quarantined > 0 ? [pc.yellow(`${number(counts.quarantined)} quarantined`)] : []),
  ];
  const first = result.recovered === undefined ? '' : `; finished first: run ${result.recovered.join(', ')}`;
  return `${tableTitle(table)}  ${pc.green(what)}  ${parts.join(', ')}  ${pc.dim(`(${describeFiles(result)}${first})`)}`;
}

/** What a run did to files, and how long it took. */
export function describeFiles(result: AnyRun): string {
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
