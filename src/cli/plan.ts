import pc from 'picocolors';
import { planJson, previewTables } from '../app/plan.ts';
import { parseTime } from '../app/requests.ts';
import { hasWork, type Preview, type Touched } from '../coordinator/preview.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import type { ReadScope } from '../shared/domain/job.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { number } from './output.ts';
import { type PlanOptions, planKind, workAsked } from './plan-options.ts';
import { describeDuration, planExitCode, planWork } from './plan-work.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, tableTitle, timeText } from './text.ts';

/** `plan`: what a run, or another command, would do, without doing it; returns the exit code. */
export async function planCommand(
  name: string | undefined,
  options: PlanOptions,
  globals: GlobalOptions,
): Promise<number> {
  const kind = planKind(options);
  const app = await openApp(globals);
  if (kind !== 'sync' && kind !== 'backfill')
    return planWork(app, name, await workAsked(kind, options), { options, globals });
  const json = globals.json ?? false;
  const bounds = { from: parseTime('--from', options.from), to: parseTime('--to', options.to) };
  const { replace = false } = options;
  const outcomes = await previewTables(app, name, { mode: kind, ...bounds, replace });
  printOutcomes(outcomes, json, { json: planJson, lines: describePlan });
  return planExitCode(outcomes, hasWork, options);
}

/** What the run would do, for people. */
export function describePlan(table: string, preview: Preview): readonly string[] {
  const rows: string[][] = [
    ['reads', preview.changes === undefined ? describeScope(preview.scope) : describeChanges(preview.changes)],
    ['documents', describeDocuments(preview)],
    ...(hasWork(preview) ? describeWork(preview) : []),
  ];
  return [
    `${tableTitle(table)}  ${headline(preview)}`,
    ...alignRows(rows.map(([name = '', text = '']) => [`  ${pc.dim(name)}`, text])),
    ...preview.notes.map((note) => `  ${pc.yellow('note')}  ${note}`),
  ];
}

function describeWork(preview: Preview): string[][] {
  const { base, ranges, partitions, rewrite, replace } = preview;
  if (base !== undefined && replace) {
    const { files, bytes } = rewrite.atMost;
    return [
      ['partitions', `${number(partitions)} in the new version, a file or more each`],
      [
        'replaces',
        files === 0 ? 'nothing: the table has no files' : `${counted(files, 'file')}, ${bytesText(bytes)}: all`,
      ],
      ['jobs', `${number(ranges)} to read, at most ${number(partitions)} to merge`],
      ['watermark', describeWatermark(preview)],
      ['takes', describeDuration(preview.duration)],
    ];
  }
  const merges = either(rewrite, (touched) => number(touched.partitions));
  return [
    ...(base === undefined
      ? [['partitions', `${number(partitions)} in the new table, a file or more each`]]
      : [
          ['partitions', `${merges} of ${number(partitions)}`],
          ['rewrites', describeRewrite(preview)],
        ]),
    ['jobs', `${number(ranges)} to read, ${merges} to merge`],
    ['watermark', describeWatermark(preview)],
    ['takes', describeDuration(preview.duration)],
  ];
}

function headline(preview: Preview): string {
  if (preview.base === undefined) return pc.cyan('no table yet: a full load');
  if (!hasWork(preview)) return pc.green(`version ${number(preview.base)}, nothing to do`);
  if (preview.replace) return pc.cyan(`${preview.mode} in place of version ${number(preview.base)}`);
  return pc.cyan(`${preview.mode} onto version ${number(preview.base)}`);
}

/** Which documents are read, for people. */
export function describeScope(scope: ReadScope): string {
  if (scope.kind === 'full') return 'the whole collection';
  const from = scope.from === null ? '' : ` > ${timeText(scope.from)}`;
  const to = scope.to === null ? '' : ` < ${timeText(scope.to)}`;
  return `${scope.cursor.field}${from}${to}`;
}

function describeChanges({ from, to }: NonNullable<Preview['changes']>): string {
  return `the change stream from ${timeText(from)} to ${timeText(to)}`;
}

function describeDocuments({ documents, bytes: size }: Preview): string {
  const { count, basis } = documents;
  if (count === undefined) return 'not known before they are read';
  if (count === 0) return basis === 'counted' ? 'none, counted in the dump' : 'none';
  const text = size === undefined ? number(count) : `${number(count)} (${bytesText(size)})`;
  if (basis === 'counted') return `${text}, counted in the dump`;
  if (basis === 'atLeast') return `at least ${text}`;
  return basis === 'atMost' ? `at most ${text}: the whole dump` : `about ${text}`;
}

function describeRewrite({ rewrite, amplification }: Preview): string {
  if (rewrite.atMost.files === 0) return 'nothing: the table has no files';
  const text = either(rewrite, ({ files, bytes: size }) => `${counted(files, 'file')}, ${bytesText(size)}`);
  if (amplification === undefined) return text;
  const factor =
    amplification >= 10
      ? number(Math.round(amplification))
      : amplification < 0.05
        ? 'under 0.1'
        : amplification.toFixed(1);
  return `${text} ${pc.dim(`(write amplification ${factor})`)}`;
}

/** What is to be expected, and the worst case where that differs. */
function either({ about, atMost }: Preview['rewrite'], text: (touched: Touched) => string): string {
  const same = about.files === atMost.files && about.partitions === atMost.partitions;
  return same ? `at most ${text(atMost)}` : `about ${text(about)} (at most ${text(atMost)})`;
}

function describeWatermark({ watermark, nextWatermark }: Preview): string {
  if (nextWatermark === null) return watermark === null ? 'none' : `from ${timeText(watermark)} to none`;
  if (watermark === nextWatermark) return `stays at ${timeText(watermark)}`;
  return watermark === null
    ? `to ${timeText(nextWatermark)}`
    : `from ${timeText(watermark)} to ${timeText(nextWatermark)}`;
}
