import pMap from 'p-map';
import type { HoldContext } from '../coordinator/steps.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { App } from './app.ts';
import { failureJson, printFailure, printJson, printLine } from './output.ts';
import { VERSION } from './version.ts';

const TABLES_AT_ONCE = 8;

/** What came of one table. */
export type Outcome<T> =
  | { readonly table: string; readonly value: T }
  | { readonly table: string; readonly error: unknown };

/** Reads several tables at once; a failure of one does not keep the others from being read. In the order of the targets. */
export async function readTables<T>(
  app: App,
  targets: readonly TableTarget[],
  read: (target: TableTarget, storage: Storage) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  return pMap(
    targets,
    async (target): Promise<Outcome<T>> => {
      const storage = app.storage(target);
      try {
        return { table: target.name, value: await read(target, storage) };
      } catch (error) {
        return { table: target.name, error };
      } finally {
        await storage.close();
      }
    },
    { concurrency: TABLES_AT_ONCE },
  );
}

/** What a command holds a table by that runs no jobs. */
export function holdContext({ clock, logger, signal }: App, { name }: TableTarget, storage: Storage): HoldContext {
  return { storage, clock, logger: logger.child({ table: name }), signal, engineVersion: VERSION };
}

/** How a table's value is shown. */
export interface Shown<T> {
  readonly json: (table: string, value: T) => Record<string, unknown>;
  readonly lines: (table: string, value: T) => readonly string[];
}

/** Prints each outcome in turn, values to stdout, failures to stderr (and as JSON to stdout too); an empty line parts tables. */
export function printOutcomes<T>(outcomes: readonly Outcome<T>[], json: boolean, shown: Shown<T>): void {
  let printed = false;
  for (const outcome of outcomes) {
    if ('error' in outcome) {
      printError(outcome.table, outcome.error, json);
    } else if (json) {
      printJson(shown.json(outcome.table, outcome.value));
    } else {
      if (printed) printLine('');
      printed = true;
      for (const line of shown.lines(outcome.table, outcome.value)) printLine(line);
    }
  }
}

/** A table's failure on stderr, and with `--json` on stdout too. */
export function printError(table: string, error: unknown, json: boolean): void {
  if (json) printJson(failureJson(table, asMongolakeError(error)));
  printFailure(error, table);
}

/** The errors, in order. */
export function failuresOf(outcomes: readonly Outcome<unknown>[]): readonly unknown[] {
  return outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
}
