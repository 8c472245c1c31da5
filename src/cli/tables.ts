import pMap from 'p-map';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { App } from './app.ts';
import { failureJson, printFailure, printJson } from './output.ts';

const TABLES_AT_ONCE = 8;

/** What came of each table: the results in the order of the tables, and the errors. */
export interface TableResults<T> {
  readonly results: readonly { readonly target: TableTarget; readonly value: T }[];
  readonly failures: readonly unknown[];
}

/** Reads several tables at once. A failure is told as soon as all are read, and does not keep the others from being shown. */
export async function readTables<T>(
  app: App,
  targets: readonly TableTarget[],
  json: boolean,
  read: (target: TableTarget, storage: Storage) => Promise<T>,
): Promise<TableResults<T>> {
  const outcomes = await pMap(
    targets,
    async (target) => {
      const storage = app.storage(target);
      try {
        return { target, value: await read(target, storage) };
      } catch (error) {
        return { target, error };
      } finally {
        await storage.close();
      }
    },
    { concurrency: TABLES_AT_ONCE },
  );
  const failures: unknown[] = [];
  for (const outcome of outcomes) {
    if (!('error' in outcome)) continue;
    failures.push(outcome.error);
    if (json) printJson(failureJson(outcome.target.name, asMongolakeError(outcome.error)));
    printFailure(outcome.error, outcome.target.name);
  }
  return { results: outcomes.filter((outcome) => 'value' in outcome) as TableResults<T>['results'], failures };
}
