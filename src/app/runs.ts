import pMap from 'p-map';
import type { RunContext } from '../coordinator/carry-out.ts';
import type { ProgressListener, StageProgress } from '../coordinator/progress.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { STAGES, type Stage } from '../shared/domain/stage.ts';
import { createLiveness, type Liveness } from '../shared/liveness.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { CoordinatorMetrics } from '../shared/ports/metrics.ts';
import type { Queue } from '../shared/ports/queue.ts';
import { watchedSource, watchedStorage } from '../shared/watched.ts';
import type { OpenedConfig } from './app.ts';
import { runCalls } from './calls.ts';
import type { Outcome } from './tables.ts';
import { VERSION } from './version.ts';
import { runWorker } from './worker.ts';

/** Shows runs in progress. */
export interface RunView {
  listenerFor(table: string, logger: Logger): ProgressListener;
}

/** What is done to each table, and who is told of it. */
export interface EachTable<R> {
  readonly run: (target: TableTarget, context: RunContext) => Promise<R>;
  readonly view: RunView;
  /** Told of each outcome as it comes. Must not throw. */
  readonly onOutcome?: (outcome: Outcome<R>) => void;
}

/**
 * Does something to each table that the target names, `maxConcurrentRuns` at once; a failure of one does not stop the others. With the
 * local queue a worker in this process does the jobs. In the order of the targets; nothing is left open.
 */
export async function runEachTable<R>(
  app: OpenedConfig,
  name: string | undefined,
  { run, view, onOutcome = () => {} }: EachTable<R>,
): Promise<readonly Outcome<R>[]> {
  const targets = await app.targets(name);
  const queue = app.queue();
  const one = async (target: TableTarget): Promise<Outcome<R>> => {
    try {
      return {
        table: target.name,
        value: await withTable(app, target, { queue, view }, (context) => run(target, context)),
      };
    } catch (error) {
      return { table: target.name, error };
    }
  };
  const told = async (target: TableTarget) => {
    const outcome = await one(target);
    onOutcome(outcome);
    return outcome;
  };
  try {
    const worker = app.config.queue.kind === 'local' ? await runWorker(app, queue) : undefined;
    try {
      return await pMap(targets, told, { concurrency: app.config.maxConcurrentRuns });
    } finally {
      await worker?.consumer.stop();
      await worker?.close();
    }
  } finally {
    await queue.close();
  }
}

/** Nothing moved for this long: the run is given up. */
const STALL_TIMEOUT_MS = 10 * 60_000;

/** What the runs of a process share. */
export interface RunPlace {
  readonly queue: Queue;
  readonly view: RunView;
  /** Hears what the runs do, so that it can tell which is stuck. */
  readonly liveness?: Liveness;
  /** Runs wait for a lease that a dead holder may have left, for its time to live. */
  readonly patient?: boolean;
  /** Hears what goes on within the runs. */
  readonly metrics?: Pick<CoordinatorMetrics, 'observer'> | undefined;
}

/**
 * Gives a run of one table what it works with, and closes the table's storage and source after it. A run does not begin while the
 * queue is away (`QUEUE_UNREACHABLE`), nor once the app's signal is aborted, and a call that hangs does not keep it from ending by that.
 */
export async function withTable<R>(
  app: OpenedConfig,
  target: TableTarget,
  { queue, view, liveness = createLiveness(app.clock, Number.POSITIVE_INFINITY), patient = false, metrics }: RunPlace,
  work: (context: RunContext) => Promise<R>,
): Promise<R> {
  app.signal.throwIfAborted();
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
      observer: metrics?.observer(target.name),
      scratch: app.config.worker.scratch,
    });
  } catch (error) {
    // A call that was given up failed because of the signal, which is the reason to tell; but for a commit, whose outcome is not known.
    throw calls.gaveUp() && asMongolakeError(error).code !== 'COMMIT_UNKNOWN' ? app.signal.reason : error;
  } finally {
    calls.close();
    try {
      await source.close();
    } finally {
      await storage.close();
    }
  }
}

/** The stage that a run is in: what comes next once all jobs of one are done. */
function stageNow({ stage, done, total }: StageProgress): Stage {
  return done < total ? stage : (STAGES[STAGES.indexOf(stage) + 1] ?? stage);
}
