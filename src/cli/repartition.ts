import pc from 'picocolors';
import { type RepartitionResult, repartitionTable } from '../coordinator/repartition.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { describeFiles, exitCodeOf, resultJson } from './output.ts';
import { runTables } from './runs.ts';

export interface RepartitionOptions {
  readonly idType?: 'string';
}

/** `repartition`: writes each table that the target names anew with string ids; returns the exit code. */
export async function repartitionCommand(
  name: string | undefined,
  options: RepartitionOptions,
  globals: GlobalOptions,
): Promise<number> {
  if (options.idType === undefined) {
    throw new MongolakeError('USAGE', 'repartition: what is to be different is not said', {
      hint: 'Give --id-type string, for a table whose ids are integers and which is to take others.',
    });
  }
  const app = await openApp(globals);
  const { failures } = await runTables(app, name, globals, {
    run: (target, context) => {
      const { pipeline, collection, settings } = target;
      return repartitionTable({ pipeline, collection, settings, columns: app.columns(target) }, context);
    },
    json: resultJson,
    line: describeRepartition,
  });
  return exitCodeOf(failures);
}

/** What was done, for people. */
export function describeRepartition(table: string, result: RepartitionResult): string {
  if (result.version === null) return `${pc.bold(table)}  ${pc.green('nothing to do')}  its ids are strings already`;
  const version = pc.green(`version ${result.version}`);
  return `${pc.bold(table)}  ${version}  ids are strings now  ${pc.dim(`(${describeFiles(result)})`)}`;
}
