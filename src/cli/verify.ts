import pc from 'picocolors';
import { stillDiffers, verifyAsked, verifyJson } from '../app/verify.ts';
import type { Verified } from '../coordinator/verify.ts';
import { DIFFERENCES, differing } from '../shared/domain/comparison.ts';
import { EXIT } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { describeRun, exitCodeOf, number, seconds } from './output.ts';
import { runTables } from './runs.ts';
import { counted, printable, tableTitle } from './text.ts';

export interface VerifyOptions {
  readonly deep?: boolean;
  readonly repair?: boolean;
  /** Percent. */
  readonly sample?: number;
}

/** `verify`: compares each table that the target names with its source, and repairs it where that is asked for; returns the exit code. */
export async function verifyCommand(
  name: string | undefined,
  { deep = false, repair = false, sample = 100 }: VerifyOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const asked = { isDeep: deep, repairs: repair, sample: sample / 100, deletesAtMost: 1 };
  const { results, failures } = await runTables(app, name, globals, {
    run: (target, context) => verifyAsked(app, target, asked, context),
    json: verifyJson,
    line: describeVerification,
  });
  if (failures.length > 0) return exitCodeOf(failures);
  return results.some(stillDiffers) ? EXIT.differs : EXIT.ok;
}

/** Ids that are told to people. */
const IDS_TOLD = 20;

/** A verification for people. */
export function describeVerification(table: string, result: Verified): string {
  const { version, documents, rows, leftOut, partitions, differences, different, ids, unconfirmed, durationMs } =
    result;
  const total = differing(differences);
  const verdict =
    total + unconfirmed === 0 ? pc.green('equal') : pc.yellow(`${counted(total + unconfirmed, 'id')} differ`);
  const compared = `${number(rows)} rows of version ${version} and ${number(documents)} documents compared`;
  const later = leftOut === 0 ? '' : `, ${number(leftOut)} changed since`;
  const head = `${tableTitle(table)}  ${verdict}  ${compared}${later}  ${pc.dim(`(${counted(partitions, 'partition')}, ${seconds(durationMs)})`)}`;
  const told = ids
    .slice(0, IDS_TOLD)
    .map(
      ({ id, difference, partition }) =>
        `  ${difference.padEnd(7)}  ${printable(id)}  ${pc.dim(`partition ${partition}`)}`,
    );
  const kinds = DIFFERENCES.map((kind) => `${number(differences[kind])} ${kind}`).join(', ');
  return [
    head,
    ...(total === 0 ? [] : [`  ${kinds}, in ${counted(different.length, 'partition')}`]),
    ...told,
    ...(total > told.length
      ? [`  … and ${number(total - told.length)} more${ids.length > told.length ? ': --json tells them' : ''}`]
      : []),
    ...(unconfirmed === 0
      ? []
      : [`  ${number(unconfirmed)} more seemed to differ, and can't be looked up by their ids`]),
    ...(result.repaired === undefined ? [] : [describeRun(table, result.repaired)]),
  ].join('\n');
}
