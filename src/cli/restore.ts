import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, holdContext, readTables } from '../app/tables.ts';
import { type RestoreResult, restoreTable } from '../coordinator/restore.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf, number } from './output.ts';
import { printOutcomes } from './tables.ts';
import { counted, tableTitle, timeText } from './text.ts';
import { type VersionOptions, versionChoice } from './version-choice.ts';

/** `restore`: makes each table what one of its versions was, by a new version; returns the exit code. */
export async function restoreCommand(
  name: string | undefined,
  options: VersionOptions,
  globals: GlobalOptions,
): Promise<number> {
  const choice = versionChoice(options);
  if (choice.kind === 'newest') {
    throw new MongolakeError('USAGE', 'restore: which version is to come back is not said', {
      hint: 'Give --version N of one table, or --timestamp TIME; `mongolake history` lists both.',
    });
  }
  const app = await openApp(globals);
  // Each table counts its versions by itself; a time means the same to all.
  const targets = choice.kind === 'version' ? [await app.target(name)] : await app.targets(name);
  const outcomes = await readTables(app, targets, async (target, storage) => {
    await app.prove(storage);
    const { database, collection, settings } = target;
    const context = { ...holdContext(app, target, storage), scratch: app.config.worker.scratch };
    return restoreTable({ choice, namespace: { database, collection }, settings }, context);
  });
  printOutcomes(outcomes, globals.json ?? false, {
    json: restoreJson,
    lines: (table, result) => [describeRestore(table, result)],
  });
  return exitCodeOf(failuresOf(outcomes));
}

/** What was done, as `--json` prints it. */
export function restoreJson(table: string, result: RestoreResult): Record<string, unknown> {
  const { version, restored, restoredTime, watermark, givenUp, run, ...sums } = result;
  return {
    schemaVersion: JSON_SCHEMA_VERSION,
    table,
    status: version === null ? 'unchanged' : 'committed',
    version,
    restored,
    restoredTimestamp: isoOrNull(restoredTime ?? null),
    ...sums,
    watermark: isoOrNull(watermark),
    run,
    givenUp: givenUp ?? null,
  };
}

/** What was done, for people. */
export function describeRestore(table: string, result: RestoreResult): string {
  const { version, restored, restoredTime, filesAdded, filesRemoved, rows, rowsAdded, rowsRemoved, givenUp } = result;
  const that = `version ${restored} (${timeText(restoredTime)})`;
  if (version === null) return `${tableTitle(table)}  ${pc.green('nothing to do')}  it is what ${that} was`;
  const files = `+${counted(filesAdded, 'file')} of ${counted(rowsAdded, 'row')}, −${counted(filesRemoved, 'file')} of ${counted(rowsRemoved, 'row')}`;
  const reads =
    result.watermark === null ? 'the next sync reads everything' : `watermark ${timeText(result.watermark)}`;
  const given = givenUp === undefined ? '' : `; given up: run ${givenUp}`;
  const head = pc.green(`version ${number(version)}`);
  return `${tableTitle(table)}  ${head}  is what ${that} was: ${counted(rows, 'row')}  ${pc.dim(`(${files}, ${reads}${given})`)}`;
}
