import pc from 'picocolors';
import type { StageFigures } from '../coordinator/stage-figures.ts';
import { type RunStatus, readStatus, type TableStatus } from '../coordinator/status.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import type { TableMode } from '../shared/domain/window.ts';
import type { QueueDepth } from '../shared/ports/queue.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf, isoOrNull, JSON_SCHEMA_VERSION, number, printFailure, printJson, printLine } from './output.ts';
import { failuresOf, printError, readTables } from './tables.ts';
import { alignRows, counted, duration, timeText } from './text.ts';

interface NamedStatus {
  readonly table: string;
  readonly mode: TableMode;
  readonly status: TableStatus;
}

/** `status`: how each table and the queue stand; returns the exit code. */
export async function statusCommand(name: string | undefined, globals: GlobalOptions): Promise<number> {
  const app = await openApp(globals);
  const json = globals.json ?? false;
  const targets = await app.targets(name);
  const queue = await readDepth(app);
  const outcomes = await readTables(app, targets, async ({ settings: { mode } }, storage) => ({
    mode,
    status: await readStatus(storage, app.clock.now()),
  }));
  const now = app.clock.now();
  const statuses = outcomes.flatMap((outcome) =>
    'value' in outcome ? [{ table: outcome.table, ...outcome.value }] : [],
  );
  if (!json) for (const line of describeStatus(statuses, queue.depth, now)) printLine(line);
  for (const outcome of outcomes) {
    if ('error' in outcome) printError(outcome.table, outcome.error, json);
    else if (json) printJson(statusJson({ table: outcome.table, ...outcome.value }, queue.depth, now));
  }
  if (queue.error !== undefined) printFailure(queue.error);
  return exitCodeOf([...failuresOf(outcomes), ...(queue.error === undefined ? [] : [queue.error])]);
}

interface Depth {
  /** `undefined` where the queue is local, or could not be asked. */
  readonly depth: QueueDepth | undefined;
  readonly error?: unknown;
}

/** A queue in Redis holds no truth: where it can't be asked, the tables can. */
async function readDepth(app: App): Promise<Depth> {
  if (app.config.queue.kind === 'local') return { depth: undefined };
  const queue = app.queue();
  try {
    return { depth: await queue.depth() };
  } catch (error) {
    return { depth: undefined, error };
  } finally {
    await queue.close();
  }
}

/** The status of one table as `--json` prints it. */
export function statusJson(
  { table, mode, status }: NamedStatus,
  queue: QueueDepth | undefined,
  now: number,
): Record<string, unknown> {
  const { uri, lastCheck, lease, run } = status;
  const { version, rows, files, partitions, watermark } = status.table ?? {};
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: status.table === undefined ? 'missing' : 'present',
    uri,
    version: version ?? null,
    rows: rows ?? null,
    files: files ?? null,
    bytes: status.table?.bytes ?? null,
    partitions: partitions ?? null,
    engine: status.table?.engine ?? null,
    mode,
    watermark: isoOrNull(watermark ?? null),
    lastCheck:
      lastCheck === undefined ? null : { ...lastCheck, at: isoOrNull(lastCheck.at), ageMs: now - lastCheck.at },
    lease: lease === undefined ? null : { ...lease, renewedAt: isoOrNull(lease.renewedAt) },
    run: run === undefined ? null : runJson(run),
    unfinished: status.unfinished === undefined ? null : runJson(status.unfinished),
    quarantined: status.quarantined,
    queue: queue ?? null,
    notes: status.notes,
  };
}

function runJson({ run, what, startedAt, stage, extract, merge }: RunStatus): Record<string, unknown> {
  return {
    run,
    what: what ?? null,
    startedAt: isoOrNull(startedAt ?? null),
    stage,
    extract: stageJson(extract),
    merge: stageJson(merge),
  };
}

function stageJson(figures: StageFigures): Record<string, unknown> {
  const { done, total, documents, bytes, estimated, documentsPerSecond, bytesPerSecond, etaMs } = figures;
  return {
    done,
    total: total ?? null,
    documents: documents ?? null,
    bytes: bytes ?? null,
    estimated,
    documentsPerSecond: documentsPerSecond ?? null,
    bytesPerSecond: bytesPerSecond ?? null,
    etaMs: etaMs ?? null,
  };
}

const HEADER = ['table', 'version', 'rows', 'files', 'size', 'partitions', 'watermark', 'checked'];

/** A line for each table, what runs and what is damaged below it, and the queue at the end. */
export function describeStatus(
  statuses: readonly NamedStatus[],
  queue: QueueDepth | undefined,
  now: number,
): readonly string[] {
  const rows = statuses.map((named) => tableRow(named, now));
  const aligned = alignRows([HEADER, ...rows], ['left', 'right', 'right', 'right', 'right', 'right', 'left', 'left']);
  const [header = '', ...lines] = aligned;
  return [
    ...(statuses.length === 0 ? [] : [pc.dim(header)]),
    ...lines.flatMap((line, index) => [line, ...below(statuses[index]?.status, now)]),
    ...(queue === undefined ? [] : [describeQueue(queue)]),
  ];
}

function tableRow({ table: name, mode, status }: NamedStatus, now: number): readonly string[] {
  const { table, lastCheck } = status;
  const checked = lastCheck === undefined ? 'never' : `${duration(now - lastCheck.at)} ago`;
  if (table === undefined) return [pc.bold(name), pc.yellow('no table yet'), '', '', '', '', '', checked];
  const { version, rows, files, partitions, watermark } = table;
  const figures = [version, rows, files].map(number);
  const mark = mode === 'full' ? 'mode: full' : timeText(watermark);
  return [pc.bold(name), ...figures, bytesText(table.bytes), number(partitions), mark, checked];
}

function below(status: TableStatus | undefined, now: number): readonly string[] {
  if (status === undefined) return [];
  const { run, lease, notes, quarantined, unfinished } = status;
  const aside = `${counted(quarantined, 'document')} quarantined: \`mongolake quarantine list\``;
  const lines = [...notes, ...(quarantined === 0 ? [] : [aside])].map((note) => `  ${pc.yellow('note')}  ${note}`);
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
