import pc from 'picocolors';
import { isoOrNull, JSON_SCHEMA_VERSION } from '../app/json.ts';
import { failuresOf, holdContext, readTables } from '../app/tables.ts';
import { discardUnfinished } from '../coordinator/discard.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { exitCodeOf } from './output.ts';
import { printOutcomes } from './tables.ts';
import { tableTitle, timeText } from './text.ts';

/** `discard`: gives up the run of each table that did not end; returns the exit code. */
export async function discardCommand(name: string | undefined, globals: GlobalOptions): Promise<number> {
  const app = await openApp(globals);
  const outcomes = await readTables(app, await app.targets(name), async (target, storage) => ({
    plan: await discardUnfinished(target.settings.leaseTtl, holdContext(app, target, storage)),
  }));
  printOutcomes(outcomes, globals.json ?? false, {
    json: (table, { plan }) => ({
      schemaVersion: JSON_SCHEMA_VERSION,
      table,
      status: plan === undefined ? 'unchanged' : 'discarded',
      run: plan?.run ?? null,
      plannedAt: isoOrNull(plan?.createdAt ?? null),
    }),
    lines: (table, { plan }) => [describeDiscard(table, plan)],
  });
  return exitCodeOf(failuresOf(outcomes));
}

function describeDiscard(table: string, plan: Plan | undefined): string {
  if (plan === undefined) return `${tableTitle(table)}  ${pc.green('nothing to discard')}  no run waits to be finished`;
  return `${tableTitle(table)}  ${pc.green('discarded')}  run ${plan.run}, planned ${timeText(plan.createdAt)}; the table stays as it is`;
}
