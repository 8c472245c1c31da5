import pc from 'picocolors';
import { resultJson } from '../app/json.ts';
import { checkLayout } from '../app/requests.ts';
import { type Layout, repartitionTable } from '../coordinator/repartition.ts';
import type { RewriteResult } from '../coordinator/rewrite-run.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { describeFiles, exitCodeOf } from './output.ts';
import { runTables } from './runs.ts';
import { counted, tableTitle } from './text.ts';

/** `repartition`: writes each table that the target names anew, laid out as asked for; returns the exit code. */
export async function repartitionCommand(
  name: string | undefined,
  layout: Layout,
  globals: GlobalOptions,
): Promise<number> {
  checkLayout(layout);
  const app = await openApp(globals);
  const { failures } = await runTables(app, name, globals, {
    run: (target, context) => {
      const { pipeline, collection, settings } = target;
      return repartitionTable({ pipeline, collection, layout, settings, columns: app.columns(target) }, context);
    },
    json: resultJson,
    line: (table, result) => describeRepartition(table, layout, result),
  });
  return exitCodeOf(failures);
}

/** What was done, for people. */
export function describeRepartition(table: string, layout: Layout, result: RewriteResult): string {
  const is = describeLayout(layout);
  if (result.version === null) return `${tableTitle(table)}  ${pc.green('nothing to do')}  ${is} already`;
  const version = pc.green(`version ${result.version}`);
  return `${tableTitle(table)}  ${version}  ${is} now  ${pc.dim(`(${describeFiles(result)})`)}`;
}

function describeLayout({ idType, partitions }: Layout): string {
  const parts = [
    ...(partitions === undefined ? [] : [`it has ${counted(partitions, 'partition')}`]),
    ...(idType === undefined ? [] : ['its ids are strings']),
  ];
  return parts.join(', and ');
}
