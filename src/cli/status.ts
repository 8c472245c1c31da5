import pc from 'picocolors';
import { type NamedStatus, readStatuses, type Statuses, statusJson } from '../app/status.ts';
import { failuresOf } from '../app/tables.ts';
import type { StageFigures } from '../coordinator/stage-figures.ts';
import type { RunStatus, TableStatus } from '../coordinator/status.ts';
import type { Verification } from '../coordinator/verification.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { differing } from '../shared/domain/comparison.ts';
import type { QueueDepth } from '../shared/ports/queue.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf, number, printFailure, printJson, printLine } from './output.ts';
import { printError } from './tables.ts';
import { alignRows, counted, duration, tableTitle, timeText } from './text.ts';

/** `status`: how each table and the queue stand; returns the exit code. */
export async function statusCommand(name: string | undefined, globals: GlobalOptions): Promise<number> {
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const statuses = await readStatuses(app, name);
  const { outcomes, queue } = statuses;
  if (!json) for (const line of describeStatus(statuses)) printLine(line);
  for (const outcome of outcomes) {
    if ('error' in outcome) printError(outcome.table, outcome.error, json);
    else if (json) printJson(statusJson(outcome.table, outcome.value, statuses));
  }
  if (queue.error !== undefined) printFailure(queue.error);
  return exitCodeOf([...failuresOf(outcomes), ...(queue.error === undefined ? [] : [queue.error])]);
}

const HEADER = ['table', 'version', 'rows', 'files', 'size', 'partitions', 'watermark', 'checked'];

/** A line for each table, what runs and what is damaged below it, and the queue at the end. */
export function describeStatus({ outcomes, queue, now }: Statuses): readonly string[] {
  const present = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome] : []));
  const rows = present.map(({ table, value }) => tableRow(table, value, now));
  const aligned = alignRows([HEADER, ...rows], ['left', 'right', 'right', 'right', 'right', 'right', 'left', 'left']);
  const [header = '', ...lines] = aligned;
  return [
    ...(present.length === 0 ? [] : [pc.dim(header)]),
    ...lines.flatMap((line, index) => [line, ...below(present[index]?.value.status, now)]),
    ...(queue.depth === undefined ? [] : [describeQueue(queue.depth)]),
  ];
}

function tableRow(name: string, { mode, status }: NamedStatus, now: number): readonly string[] {
  const { table, lastCheck } = status;
  const checked = lastCheck === undefined ? 'never' : `${duration(now - lastCheck.at)} ago`;
  if (table === undefined) return [tableTitle(name), pc.yellow('no table yet'), '', '', '', '', '', checked];
  const { version, rows, files, partitions, watermark } = table;
  const figures = [version, rows, files].map(number);
  const mark = mode === 'full' ? 'mode: full' : timeText(watermark);
  return [tableTitle(name), ...figures, bytesText(table.bytes), number(partitions), mark, checked];
}

function below(status: TableStatus | undefined, now: number): readonly string[] {
  if (status === undefined) return [];
  const { run, lease, notes, quarantined, unfinished, verification } = status;
  const aside = `${counted(quarantined, 'document')} quarantined: \`mongolake quarantine list\``;
  const verified = verification === undefined ? [] : [verifiedLine(verification, now)];
  const remarks = [...notes, ...(quarantined === 0 ? [] : [aside])].map((note) => `  ${pc.yellow('note')}  ${note}`);
  const lines = [...verified, ...remarks];
  if (unfinished !== undefined) return [unfinishedLine(unfinished), ...lines];
  if (run === undefined || lease === undefined) return lines;
  const since = run.startedAt === undefined ? '' : `, for ${duration(now - run.startedAt)}`;
  const what = lease.state === 'expired' ? pc.yellow('run ') : pc.cyan('run ');
  const owner = `by ${lease.owner}`;
  const line = `  ${what}  ${run.run}  ${nameOf(run)}${describeStage(run)}${since}  ${pc.dim(owner)}`;
  if (lease.state === 'held') return [line, ...lines];
  const idle = `its lease was not renewed for ${duration(now - lease.renewedAt)}: it seems to have crashed; the next sync takes over`;
  return [line, `        ${pc.yellow(idle)}`, ...lines];
}

function verifiedLine(found: Verification, now: number): string {
  const { differences, unconfirmed, version, repairedIn, checkedAt } = found;
  const total = differing(differences) + unconfirmed;
  const repaired = repairedIn === null ? '' : `, repaired in version ${repairedIn}`;
  const verdict = total === 0 ? 'equals the source' : `differs from the source in ${counted(total, 'id')}${repaired}`;
  const mark = total > 0 && repairedIn === null ? pc.yellow('note') : pc.dim('note');
  return `  ${mark}  verified ${duration(now - checkedAt)} ago: version ${version} ${verdict}`;
}

function unfinishedLine(run: RunStatus): string {
  const planned = `planned ${timeText(run.startedAt)}`;
  return `  ${pc.yellow('run ')}  ${run.run}  ${nameOf(run)}did not end: ${planned}, ${describeStage(run)}; the next run finishes it, or gives it up`;
}

/** `backfill: `; nothing until the run is planned. */
function nameOf({ what }: RunStatus): string {
  return what === undefined ? '' : `${what}: `;
}

function describeStage({ stage, extract, merge }: RunStatus): string {
  switch (stage) {
    case 'window':
      return 'starting';
    case 'extract':
      return `reading, ${number(extract.done)} of ${counted(extract.total ?? 0, 'range')}${describeFigures(extract)}`;
    case 'schema':
      return `all read${describeFigures(extract)}, planning the merge`;
    case 'merge':
      return `merging, ${number(merge.done)} of ${counted(merge.total ?? 0, 'partition')}${describeFigures(merge)}`;
    case 'commit':
      return 'committing';
  }
}

function describeFigures(figures: StageFigures): string {
  const { documents, estimated, documentsPerSecond, bytesPerSecond, etaMs } = figures;
  const parts = [
    ...(documents === undefined ? [] : [`${estimated ? 'about ' : ''}${counted(documents, 'document')}`]),
    ...(documentsPerSecond === undefined ? [] : [`${number(documentsPerSecond)} documents/s`]),
    ...(bytesPerSecond === undefined ? [] : [`${bytesText(bytesPerSecond)}/s`]),
    ...(etaMs === undefined ? [] : [`ETA ${duration(etaMs)}`]),
  ];
  return parts.map((part) => `, ${part}`).join('');
}

function describeQueue({ waiting, prioritized, active, delayed, failed }: QueueDepth): string {
  const parts = [
    `${number(waiting + prioritized)} waiting`,
    `${number(active)} active`,
    `${number(delayed)} delayed`,
    failed > 0 ? pc.yellow(`${number(failed)} failed`) : '0 failed',
  ];
  return `${pc.bold('queue')}  ${parts.join(', ')}`;
}
