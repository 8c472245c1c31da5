import { failureJson } from '../app/json.ts';
import type { Outcome } from '../app/tables.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { printFailure, printJson, printLine } from './output.ts';

/** How a table's value is shown. */
export interface Shown<T> {
  readonly json: (table: string, value: T) => object;
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
