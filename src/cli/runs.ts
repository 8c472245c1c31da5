import pMap from 'p-map';
import type { RunContext } from '../coordinator/run.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { Queue } from '../shared/ports/queue.ts';
import { type App, type GlobalOptions, runWorker } from './app.ts';
import { failureJson, printFailure, printJson, printLine } from './output.ts';
import { createProgressView, type ProgressView } from './progress.ts';
import { VERSION } from './version.ts';

/** What is done to each table, and how what came of it is shown. */
export interface TableRun<R> {
  readonly run: (target: TableTarget, context: RunContext) => Promise<R>;
  readonly json: (table: string, result: R) => Record<string, unknown>;
  readonly line: (table: string, result: R) => string;
}

export interface TableRuns<R> {
  readonly results: readonly R[];
  readonly failures: readonly unknown[];
}

/**
 * Does something to each table that the target names, `maxConcurrentRuns` at once, and prints each result as it comes; a failure of
 * one does not stop the others. With the local queue a worker in this process does the jobs.
 */
export async function runTables<R>(
  app: App,
  name: string | undefined,
  globals: GlobalOptions,
  { run, json, line }: TableRun<R>,
): Promise<TableRuns<R>> {
  const targets = await app.targets(name);
  const queue = app.queue();
  const worker = app.config.queue.kind === 'local' ? await runWorker(app, queue) : undefined;
  const view = createProgressView(app.clock, app.screen);
  const results: R[] = [];
  const failures: unknown[] = [];
  const one = async (target: TableTarget) => {
    try {
      const result = await withTable(app, target, { queue, view }, (context) => run(target, context));
      results.push(result);
      view.finish(target.name);
      if (globals.json) printJson(json(target.name, result));
      else printLine(line(target.name, result));
    } catch (error) {
      failures.push(error);
      view.finish(target.name);
      if (globals.json) printJson(failureJson(target.name, asMongolakeError(error)));
      printFailure(error, target.name);
    }
  };
  try {
    await pMap(targets, one, { concurrency: app.config.maxConcurrentRuns });
  } finally {
    await worker?.consumer.stop();
    await worker?.close();
    await queue.close();
  }
  return { results, failures };
}

/** Nothing moved for this long: the run is given up. */
const STALL_TIMEOUT_MS = 10 * 60_000;

/** Gives a run of one table what it works with, and closes the table's storage and source after it. */
export async function withTable<R>(
  app: App,
  target: TableTarget,
  { queue, view }: { readonly queue: Queue; readonly view: ProgressView },
  work: (context: RunContext) => Promise<R>,
): Promise<R> {
  const logger = app.logger.child({ table: target.name });
  const storage = app.storage(target);
  const source = app.source(target);
  try {
    return await work({
      storage,
      source,
      queue,
      clock: app.clock,
      logger,
      onProgress: view.listenerFor(target.name, logger),
      signal: app.signal,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      engineVersion: VERSION,
      scratch: app.config.worker.scratch,
    });
  } finally {
    await source.close();
    await storage.close();
  }
}
