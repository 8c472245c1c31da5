import type { Outcome, ScenarioResult } from './rounds.ts';
import { median } from './statistics.ts';

/** A column of the table; `cell` gives undefined where there is nothing to say. */
interface Column {
  readonly head: string;
  readonly cell: (outcome: Outcome, result: ScenarioResult) => string | undefined;
}

/** Times and memory are medians of the rounds. A column that nobody has something in is left out. */
const COLUMNS: readonly Column[] = [
  { head: 'seconds', cell: ({ seconds }) => decimals(median(seconds)) },
  { head: 'range', cell: ({ seconds }) => range(seconds) },
  { head: 'ratio', cell: ratio },
  { head: 'start', cell: ({ startSeconds }) => (startSeconds.length > 0 ? decimals(median(startSeconds)) : undefined) },
  { head: 'CPU s', cell: ({ cpuSeconds }) => decimals(median(cpuSeconds)) },
  { head: 'peak MB', cell: ({ peakBytes }) => megabytes(median(peakBytes)) },
  { head: 'written MB', cell: ({ figures }) => megabytes(figures.bytesWritten) },
  { head: 'replaced MB', cell: ({ figures }) => megabytes(figures.bytesReplaced) },
  { head: 'files', cell: ({ figures }) => whole(figures.filesWritten) },
  { head: 'kept', cell: ({ figures }) => whole(figures.filesKept) },
  { head: 'documents/s', cell: (outcome, { documents }) => documentsPerSecond(outcome, documents) },
];

/** The result for a terminal: a line for each contender, fixed columns, and then who is absent and why. */
export function resultText(result: ScenarioResult): string {
  const rows = result.outcomes.map((outcome) => COLUMNS.map(({ cell }) => cell(outcome, result)));
  const shown = COLUMNS.map((_, i) => i).filter((i) => rows.some((row) => row[i] !== undefined));
  const cells = [
    ['', ...shown.map((i) => COLUMNS[i]?.head ?? '')],
    ...rows.map((row, n) => [result.outcomes[n]?.name ?? '', ...shown.map((i) => row[i] ?? '–')]),
  ];
  const absent = result.absent.map(({ name, reason }) => `${name}: not measured, ${reason}`);
  const table = result.outcomes.length === 0 ? [] : aligned(cells);
  return [result.title, result.about, ...table, ...absent, ''].join('\n');
}

/** How many times as long as the baseline; undefined where that is absent or alone. */
function ratio({ seconds }: Outcome, { outcomes, baseline }: ScenarioResult): string | undefined {
  const base = outcomes.find(({ name }) => name === baseline);
  if (base === undefined || outcomes.length < 2) return undefined;
  return `${(median(seconds) / median(base.seconds)).toFixed(2)}×`;
}

/** The first column to the left, the others to the right. */
function aligned(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  return cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}

function decimals(seconds: number): string {
  return seconds.toFixed(2);
}

function range(seconds: readonly number[]): string | undefined {
  return seconds.length > 1 ? `${decimals(Math.min(...seconds))}–${decimals(Math.max(...seconds))}` : undefined;
}

function megabytes(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0);
}

function whole(count: number | undefined): string | undefined {
  return count?.toLocaleString('en-US');
}

function documentsPerSecond({ seconds }: Outcome, documents: number | undefined): string | undefined {
  return documents === undefined ? undefined : whole(Math.round(documents / median(seconds)));
}
