import { runEachTable } from '../app/runs.ts';
import { failuresOf, type Outcome } from '../app/tables.ts';
import type { RunContext } from '../coordinator/carry-out.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import type { App, GlobalOptions } from './app.ts';
import { printJson, printLine } from './output.ts';
import { createProgressView } from './progress.ts';
import { printError } from './tables.ts';

/** What is done to each table, and how what came of it is shown. */
export interface TableRun<R> {
  readonly run: (target: TableTarget, context: RunContext) => Promise<R>;
  readonly json: (table: string, result: R) => object;
  readonly line: (table: string, result: R) => string;
  /** Told of each outcome as it comes. Must not throw. */
  readonly onOutcome?: (outcome: Outcome<R>) => void;
}

export interface TableRuns<R> {
  readonly results: readonly R[];
  readonly failures: readonly unknown[];
}

/** Does something to each table that the target names, shows how far that is, and prints each result as it comes. */
export async function runTables<R>(
  app: App,
  name: string | undefined,
  globals: GlobalOptions,
  { run, json, line, onOutcome = () => {} }: TableRun<R>,
): Promise<TableRuns<R>> {
  const view = createProgressView(app.clock, app.screen);
  const outcomes = await runEachTable(app, name, {
    run,
    view,
    onOutcome(outcome) {
      view.finish(outcome.table);
      onOutcome(outcome);
      if ('error' in outcome) printError(outcome.table, outcome.error, globals.json ?? false);
      else if (globals.json) printJson(json(outcome.table, outcome.value));
      else printLine(line(outcome.table, outcome.value));
    },
  });
  const results = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []));
  return { results, failures: failuresOf(outcomes) };
}
