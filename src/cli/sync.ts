import pMap from 'p-map';
import { type RunResult, runTable } from '../coordinator/run.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError, EXIT, MongolakeError } from '../shared/domain/errors.ts';
import type { Queue } from '../shared/ports/queue.ts';
import { type App, type GlobalOptions, openApp, runWorker } from './app.ts';
import { describeRun, exitCodeOf, failureJson, printFailure, printJson, printLine, resultJson } from './output.ts';
import { createProgressView, type ProgressView } from './progress.ts';
import { VERSION } from './version.ts';

export interface SyncOptions {
  readonly from?: string;
  readonly to?: string;
  readonly overwrite?: boolean;
  readonly detailedExitcode?: boolean;
}

/** Nothing moved for this long: the run is given up. */
const STALL_TIMEOUT_MS = 10 * 60_000;

/** `sync` and `backfill`: one run of each table that the target names; returns the exit code. */
export async function syncCommand(
  mode: 'sync' | 'backfill',
  name: string | undefined,
  options: SyncOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const bounds = { from: parseTime('--from', options.from), to: parseTime('--to', options.to) };
  const targets = await app.targets(name);
  const queue = app.queue();
  const worker = app.config.queue.kind === 'local' ? await runWorker(app, queue) : undefined;
  const view = createProgressView(app.clock, app.screen);
  const failures: unknown[] = [];
  let quarantined = 0;
  try {
    await pMap(
      targets,
      async (target) => {
        try {
          const result = await runTarget(
            app,
            target,
            { mode, ...bounds, overwrite: options.overwrite ?? false },
            queue,
            view,
          );
          quarantined += result.counts.quarantined;
          view.finish(target.name);
          if (globals.json) printJson(resultJson(target.name, result));
          else printLine(describeRun(target.name, result));
        } catch (error) {
          failures.push(error);
          view.finish(target.name);
          if (globals.json) printJson(failureJson(target.name, asMongolakeError(error)));
          printFailure(error, target.name);
        }
      },
      { concurrency: app.config.maxConcurrentRuns },
    );
  } finally {
    await worker?.consumer.stop();
    await worker?.close();
    await queue.close();
  }
  if (failures.length === 0 && quarantined > 0 && options.detailedExitcode) return EXIT.quarantined;
  return exitCodeOf(failures);
}

/** One run of one table with its own storage and source. */
export async function runTarget(
  app: App,
  target: TableTarget,
  request: {
    readonly mode: 'sync' | 'backfill';
    readonly from: number | null;
    readonly to: number | null;
    readonly overwrite: boolean;
  },
  queue: Queue,
  view: ProgressView,
): Promise<RunResult> {
  const logger = app.logger.child({ table: target.name });
  const storage = app.storage(target);
  const source = app.source(target);
  try {
    return await runTable(
      {
        ...request,
        pipeline: target.pipeline,
        collection: target.collection,
        settings: target.settings,
        columns: app.columns(target),
      },
      {
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
      },
    );
  } finally {
    await source.close();
    await storage.close();
  }
}

/** An ISO 8601 time with a zone, or a date, in epoch milliseconds. Throws `USAGE`. */
export function parseTime(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(ms)) {
    throw new MongolakeError('USAGE', `${option}: "${text}" is not a time`, {
      hint: 'Write it with a zone, such as 2026-01-31T02:00:00Z, or as a date.',
    });
  }
  return ms;
}
