import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { type HistoryEntry, readHistory } from '../coordinator/history.ts';
import { tableMissing } from '../coordinator/table.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import type { Counts } from '../shared/domain/receipt.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf, number } from './output.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, printable, tableTitle, timeText } from './text.ts';

export interface HistoryOptions {
  readonly limit: string;
}

/** `history`: the newest versions of each table; returns the exit code. */
export async function historyCommand(
  name: string | undefined,
  options: HistoryOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const outcomes = await readTables(app, await app.targets(name), async (_, storage) => {
    const entries = await readHistory(storage, Number(options.limit));
    if (entries.length === 0) throw tableMissing(storage);
    return entries;
  });
  printOutcomes(outcomes, json, { json: historyJson, lines: describeHistory });
  return exitCodeOf(failuresOf(outcomes));
}

/** The history of one table as `--json` prints it. */
export function historyJson(table: string, entries: readonly HistoryEntry[]): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    versions: entries.map(({ time, operation, engine, host, run, window, counts, durationMs, watermark, ...rest }) => ({
      ...rest,
      time: isoOrNull(time),
      operation: operation ?? null,
      engine: engine ?? null,
      host: host ?? null,
      run: run ?? null,
      window: window === undefined ? null : { from: isoOrNull(window.from), to: isoOrNull(window.to) },
      counts: counts ?? null,
      durationMs: durationMs ?? null,
      watermark: isoOrNull(watermark ?? null),
    })),
  };
}

/** Two lines for each version: what changed, and of which run and window it is and who committed it. */
export function describeHistory(table: string, entries: readonly HistoryEntry[]): readonly string[] {
  const rows = entries.map((entry) => [
    pc.bold(number(entry.version)),
    timeText(entry.time),
    describeOperation(entry),
    describeCounts(entry.counts),
    describeFiles(entry),
  ]);
  const lines = alignRows(rows, ['right']);
  const indent = ' '.repeat(Math.max(...entries.map(({ version }) => number(version).length)) + 2);
  return [
    tableTitle(table),
    ...lines.flatMap((line, index) => {
      const details = describeOrigin(entries[index]);
      return details === '' ? [line] : [line, `${indent}${pc.dim(details)}`];
    }),
  ];
}

/** That of another writer stands out: nothing of ours goes on from there. */
function describeOperation({ operation, parameters, run }: HistoryEntry): string {
  const name = printable(operation ?? 'unknown');
  const link = operation === 'RESTORE' ? 'of' : operation === 'PURGED' ? 'by' : undefined;
  const told = link === undefined || parameters.version === undefined ? '' : ` ${link} ${parameters.version}`;
  return run === undefined ? pc.yellow(name) : pc.green(`${name}${told}`);
}

function describeCounts(counts: Counts | undefined): string {
  if (counts === undefined) return '';
  const { read, ...outcomes } = counts;
  const seen = Object.entries(outcomes).filter(([, count]) => count > 0);
  return [`${number(read)} read`, ...seen.map(([what, count]) => `${number(count)} ${what}`)].join(', ');
}

function describeFiles({ filesAdded, filesRemoved, bytesAdded, bytesRemoved }: HistoryEntry): string {
  if (filesAdded + filesRemoved === 0) return 'no files';
  const added = filesAdded === 0 ? [] : [`+${counted(filesAdded, 'file')} (${bytesText(bytesAdded)})`];
  const removed = filesRemoved === 0 ? [] : [`−${counted(filesRemoved, 'file')} (${bytesText(bytesRemoved)})`];
  return [...added, ...removed].join(' ');
}

function describeOrigin(entry: HistoryEntry | undefined): string {
  if (entry === undefined) return '';
  const { run, window, watermark, engine, host } = entry;
  return [
    ...(run === undefined ? [] : [`run ${run}`]),
    ...(window === undefined ? [] : [describeWindow(window)]),
    ...(watermark === undefined ? [] : [`watermark ${timeText(watermark)}`]),
    ...(engine === undefined ? [] : [`by ${printable(engine)}${host === undefined ? '' : ` on ${printable(host)}`}`]),
  ].join('  ');
}

function describeWindow({ from, to }: NonNullable<HistoryEntry['window']>): string {
  if (from === null && to === null) return 'the whole collection';
  return [
    ...(from === null ? [] : [`after ${timeText(from)}`]),
    ...(to === null ? [] : [`before ${timeText(to)}`]),
  ].join(' ');
}
