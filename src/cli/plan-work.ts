import pc from 'picocolors';
import type { OpenedConfig } from '../app/app.ts';
import { previewWork, type WorkAsked, workJson } from '../app/plan.ts';
import { failuresOf, type Outcome } from '../app/tables.ts';
import type { Duration } from '../coordinator/pace.ts';
import type { Work } from '../coordinator/work.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { EXIT } from '../shared/domain/errors.ts';
import type { GlobalOptions } from './app.ts';
import { exitCodeOf, number } from './output.ts';
import type { PlanOptions } from './plan-options.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, duration } from './text.ts';

/** Says what a command that is no run of the source would do; returns the exit code. */
export async function planWork(
  app: OpenedConfig,
  name: string | undefined,
  asked: WorkAsked,
  { options, globals }: { readonly options: PlanOptions; readonly globals: GlobalOptions },
): Promise<number> {
  const outcomes = await previewWork(app, name, asked);
  printOutcomes(outcomes, globals.json ?? false, { json: workJson, lines: describeWork });
  return planExitCode(outcomes, ({ isDue }) => isDue, options);
}

/** The exit code of a plan: that of a failure, or of work to do where that is asked for. */
export function planExitCode<T>(
  outcomes: readonly Outcome<T>[],
  isDue: (value: T) => boolean,
  { detailedExitcode }: Pick<PlanOptions, 'detailedExitcode'>,
): number {
  const failures = failuresOf(outcomes);
  if (failures.length > 0) return exitCodeOf(failures);
  const work = outcomes.some((outcome) => 'value' in outcome && isDue(outcome.value));
  return detailedExitcode && work ? EXIT.workToDo : EXIT.ok;
}

/** What the command would do, for people. */
export function describeWork(table: string, work: Work): readonly string[] {
  const { kind, version, isDue, notes } = work;
  const isRead = isDue || kind === 'verify';
  const head = isDue
    ? pc.cyan(`${kind} of version ${number(version)}`)
    : pc.green(`version ${number(version)}, nothing to ${kind}`);
  return [
    `${pc.bold(table)}  ${head}`,
    ...(isRead ? alignRows(workRows(work).map(([name = '', text = '']) => [`  ${pc.dim(name)}`, text])) : []),
    ...notes.map((note) => `  ${pc.yellow('note')}  ${note}`),
  ];
}

function workRows({ kind, reads, writes, touches, duration: takes }: Work): string[][] {
  const isVerify = kind === 'verify';
  const partitionJobs = `${number(touches.partitionJobs)} to ${isVerify ? 'compare' : 'write'}`;
  return [
    ...(isVerify ? [['documents', describeDocuments(reads)]] : []),
    ['reads', `${counted(reads.files, 'file')}, ${bytesText(reads.fileBytes)}`],
    ['writes', writes.files === 0 ? 'nothing' : `about ${counted(writes.files, 'file')}, ${bytesText(writes.bytes)}`],
    ['partitions', `${number(touches.partitions)} of ${number(touches.of)}`],
    ['jobs', isVerify ? `${number(touches.readJobs)} to read, ${partitionJobs}` : partitionJobs],
    ['takes', describeDuration(takes)],
  ];
}

function describeDocuments({ documents, documentBytes }: Work['reads']): string {
  if (documents === undefined) return 'not known before they are read';
  const size = documentBytes === undefined ? 'ids and cursors alone' : bytesText(documentBytes);
  return `about ${number(documents)} (${size})`;
}

/** How long it takes, for people. */
export function describeDuration({ ms, runs }: Duration): string {
  if (ms === undefined) return 'not known before the documents are counted';
  const time = ms < 1000 ? 'under a second' : `about ${duration(ms)}`;
  if (runs === 0) return `${time}, a guess: there is no run like it to go by`;
  return `${time}, by the last ${runs === 1 ? 'run' : `${number(runs)} runs`}`;
}
