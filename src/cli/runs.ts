import pMap from 'p-map';
import type { RunContext } from '../coordinator/carry-out.ts';
import type { StageProgress } from '../coordinator/progress.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { STAGES, type Stage } from '../shared/domain/stage.ts';
import { createLiveness, type Liveness } from '../shared/liveness.ts';
import type { Queue } from '../shared/ports/queue.ts';
import { watchedSource, watchedStorage } from '../shared/watched.ts';
import { type App, type GlobalOptions, runWorker } from './app.ts';
import { runCalls } from './calls.ts';
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

/** What the runs of a process share. */
export interface RunPlace {
  readonly queue: Queue;
  readonly view: ProgressView;
  /** Hears what the runs do, so that it can tell which is stuck. */
  readonly liveness?: Liveness;
  /** Runs wait for a lease that a dead holder may have left, for its time to live. */
  readonly patient?: boolean;
}

/**
 * Gives a run of one table what it works with, and closes the table's storage and source after it. A run does not begin while the
 * queue is away (`QUEUE_UNREACHABLE`). A call that hangs does not keep a run from ending by the app's signal.
 */
export async function withTable<R>(
  app: App,
  target: TableTarget,
  { queue, view, liveness = createLiveness(app.clock, Number.POSITIVE_INFINITY), patient = false }: RunPlace,
  work: (context: RunContext) => Promise<R>,
): Promise<R> {
  const logger = app.logger.child({ table: target.name });
  const storage = app.storage(target);
  const source = app.source(target);
  const life = liveness.begin({ what: 'run', table: target.name, stage: STAGES[0] });
  const listener = view.listenerFor(target.name, logger);
  const calls = runCalls({ ...app, logger, life, drainTimeoutMs: app.config.coordinator.drainTimeout });
  try {
    await queue.depth();
    const watched = watchedStorage(storage, calls.watch);
    await app.prove(watched);
    return await work({
      storage: watched,
      source: watchedSource(source, calls.watch),
      queue,
      clock: app.clock,
      logger,
      onProgress(progress) {
        life.beat({ stage: stageNow(progress) });
        listener(progress);
      },
      signal: app.signal,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      engineVersion: VERSION,
      patient,
      scratch: app.config.worker.scratch,
    });
  } catch (error) {
    // A call that was given up failed because of the signal, which is the reason to tell; but for a commit, whose outcome is not known.
    throw calls.gaveUp() && asMongolakeError(error).code !== 'COMMIT_UNKNOWN' ? app.signal.reason : error;
  } finally {
    calls.close();
    await source.close();
    await storage.close();
  }
}

/** The stage that a run is in: what comes next once all jobs of one are done. */
function stageNow({ stage, done, total }: StageProgress): Stage {
  return done < total ? stage : (STAGES[STAGES.indexOf(stage) + 1] ?? stage);
}
