import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, readTables } from '../app/tables.ts';
import { readFiles, type VersionFiles } from '../coordinator/files.ts';
import { total } from '../coordinator/steps.ts';
import { bytesText } from '../shared/domain/bytes-text.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf, number } from './output.ts';
import { printOutcomes } from './tables.ts';
import { alignRows, counted, printable, tableTitle, timeText } from './text.ts';
import { type VersionOptions, versionChoice } from './version-choice.ts';

/** `files`: the data files of each table at a version; returns the exit code. */
export async function filesCommand(
  name: string | undefined,
  options: VersionOptions,
  globals: GlobalOptions,
): Promise<number> {
  const choice = versionChoice(options);
  const app = await openApp(globals);
  const outcomes = await readTables(app, await app.targets(name), (_, storage) => readFiles(storage, choice));
  printOutcomes(outcomes, globals.json ?? false, { json: filesJson, lines: describeVersionFiles });
  return exitCodeOf(failuresOf(outcomes));
}

/** The files of one table as `--json` prints them. */
export function filesJson(table: string, { version, time, files }: VersionFiles): Record<string, unknown> {
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    version,
    timestamp: isoOrNull(time ?? null),
    ...totalsOf(files),
    files: files.map(({ uri, rows, bytes, partition }) => ({ path: uri, rows, bytes, partition })),
  };
}

/** The files for people: the totals, then a line each. */
export function describeVersionFiles(table: string, { version, time, files }: VersionFiles): readonly string[] {
  const { rows, bytes } = totalsOf(files);
  const sums = `${counted(files.length, 'file')}, ${counted(rows, 'row')}, ${bytesText(bytes)}`;
  const lines = files.map((file) => [
    printable(file.uri),
    counted(file.rows, 'row'),
    bytesText(file.bytes),
    file.partition === null ? pc.yellow('no partition') : `partition ${file.partition}`,
  ]);
  return [
    `${tableTitle(table)}  version ${number(version)}, ${timeText(time)}  ${sums}`,
    ...alignRows(lines, ['left', 'right', 'right']),
  ];
}

function totalsOf(files: VersionFiles['files']): { readonly rows: number; readonly bytes: number } {
  return { rows: total(files, (file) => file.rows), bytes: total(files, (file) => file.bytes) };
}
