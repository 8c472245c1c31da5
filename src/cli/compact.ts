import pc from 'picocolors';
import { resultJson } from '../app/json.ts';
import { compactTable } from '../coordinator/compact.ts';
import type { RewriteResult } from '../coordinator/rewrite-run.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { describeFiles, exitCodeOf, number } from './output.ts';
import { planCommand } from './plan.ts';
import { runTables } from './runs.ts';
import { counted } from './text.ts';

export interface CompactOptions {
  readonly dryRun?: boolean;
}

/** `compact`: joins small files of each table that the target names, or says what it would do; returns the exit code. */
export async function compactCommand(
  name: string | undefined,
  { dryRun = false }: CompactOptions,
  globals: GlobalOptions,
): Promise<number> {
  if (dryRun) return planCommand(name, { for: 'compact' }, globals);
  const app = await openApp(globals);
  const { failures } = await runTables(app, name, globals, {
    run: (target, context) => {
      const { pipeline, collection, settings } = target;
      return compactTable({ pipeline, collection, settings, columns: app.columns(target) }, context);
    },
    json: resultJson,
    line: describeCompaction,
  });
  return exitCodeOf(failures);
}

/** What was done, for people. */
export function describeCompaction(table: string, result: RewriteResult): string {
  const { version, filesAdded, filesRemoved } = result;
  if (version === null) return `${pc.bold(table)}  ${pc.green('nothing to compact')}`;
  const became = `${counted(filesRemoved, 'file')} became ${number(filesAdded)}`;
  return `${pc.bold(table)}  ${pc.green(`version ${version}`)}  ${became}  ${pc.dim(`(${describeFiles(result)})`)}`;
}
