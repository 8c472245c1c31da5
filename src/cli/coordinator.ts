import type { OnDelivered } from '../app/app.ts';
import { runAsked } from '../app/requests.ts';
import { type RunPlace, withTable } from '../app/runs.ts';
import { withStorage } from '../app/tables.ts';
import { verifyAsked } from '../app/verify.ts';
import { runWorker } from '../app/worker.ts';
import { runDaemon } from '../coordinator/daemon.ts';
import { readFreshness } from '../coordinator/freshness.ts';
import { noticing } from '../coordinator/notices.ts';
import { type Notes, type ObservedTable, observed } from '../coordinator/observe.ts';
import { readContents } from '../coordinator/quarantine.ts';
import { verificationSchedule } from '../coordinator/schedule.ts';
import { hasStreamWork } from '../coordinator/stream-start.ts';
import { readVerification } from '../coordinator/verification.ts';
import type { Verified } from '../coordinator/verify.ts';
import { coordinatorMetrics } from '../shared/adapters/metrics-coordinator.ts';
import { notificationMetrics } from '../shared/adapters/metrics-notifications.ts';
import { scratchMetrics } from '../shared/adapters/metrics-process.ts';
import { queueMetrics } from '../shared/adapters/metrics-queue.ts';
import { workerMetrics } from '../shared/adapters/metrics-worker.ts';
import { resolveTargets, type TableTarget } from '../shared/config/targets.ts';
import { createLiveness, type Liveness } from '../shared/liveness.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { CoordinatorMetrics, WorkerMetrics } from '../shared/ports/metrics.ts';
import type { Queue } from '../shared/ports/queue.ts';
import { type App, type GlobalOptions, openApp } from './app.ts';
import { listenOf } from './listen.ts';
import { NOTIFY_DRAIN_MS } from './notify.ts';
import { firstStuck, type Heartbeat, heartbeat, livenessVerdict, type Observation, observe } from './observe.ts';
import { createProgressView, type ProgressView } from './progress.ts';

export interface CoordinatorOptions {
  readonly listen?: string;
}

/** `coordinator`: keeps every table in step on its schedule until it is told to stop. With the local queue it does the work too. */
export async function coordinatorCommand(
  name: string | undefined,
  options: CoordinatorOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals, { keepLogin: true });
  const queue = app.queue();
  const lives = livesOf(app);
  const { observation, ...metrics } = await observeCoordinator(app, options, globals, queue, lives);
  const notifier = app.notifier(metrics.delivered);
  const notices = notifier && noticing(notifier, app.clock);
  const observers = [metrics.coordinator, notices].filter((one) => one !== undefined);
  try {
    await queue.depth();
    const worker =
      app.config.queue.kind === 'local'
        ? await runWorker(app, queue, { metrics: metrics.worker, liveness: lives.jobs })
        : undefined;
    const pipelines = name === undefined ? Object.keys(app.config.pipelines) : [name];
    app.logger.info('coordinator started', { pipelines: pipelines.join(', ') });
    observation?.started();
    try {
      const view = createProgressView(app.clock, app.screen);
      const place = { queue, view, liveness: lives.runs, patient: true, metrics: metrics.coordinator };
      const resolve = () => scheduledTables(app, pipelines, place);
      await runDaemon({
        clock: app.clock,
        logger: app.logger,
        signal: app.signal,
        maxConcurrentRuns: app.config.maxConcurrentRuns,
        onLook() {
          lives.loop.beat();
          notices?.look();
        },
        resolve: observers.length === 0 ? resolve : observed(resolve, { ...app, observers }),
      });
    } finally {
      await worker?.consumer.stop();
      await worker?.close();
    }
  } finally {
    await queue.close();
    await notifier?.drain(NOTIFY_DRAIN_MS);
    await observation?.close();
  }
  app.logger.info('coordinator stopped');
  return 0;
}

/** What shows that a coordinator makes progress. */
interface Lives {
  readonly loop: Heartbeat;
  readonly runs: Liveness;
  /** Of the worker in this process, with the local queue. */
  readonly jobs: Liveness;
}

function livesOf({ clock, config }: App): Lives {
  return {
    loop: heartbeat(clock),
    runs: createLiveness(clock, config.coordinator.stuckTimeout),
    jobs: createLiveness(clock, config.worker.stuckTimeout),
  };
}

interface Observed {
  readonly observation: Observation | undefined;
  readonly coordinator?: CoordinatorMetrics;
  /** Of the worker in this process, with the local queue. */
  readonly worker?: WorkerMetrics;
  readonly delivered?: OnDelivered;
}

async function observeCoordinator(
  app: App,
  options: CoordinatorOptions,
  globals: GlobalOptions,
  queue: Queue,
  { loop, runs, jobs }: Lives,
): Promise<Observed> {
  const metrics: { coordinator?: CoordinatorMetrics; worker?: WorkerMetrics; delivered?: OnDelivered } = {};
  const observation = await observe(app, {
    ...listenOf(options.listen, app.config.coordinator.listen, `${globals.config}: coordinator.listen`),
    queue,
    live: firstStuck(
      loop.live,
      () => livenessVerdict(runs),
      () => livenessVerdict(jobs),
    ),
    register(registry, probe) {
      queueMetrics(registry, probe);
      metrics.coordinator = coordinatorMetrics(registry);
      metrics.delivered = notificationMetrics(registry);
      if (app.config.queue.kind !== 'local') return;
      metrics.worker = workerMetrics(registry);
      scratchMetrics(registry, app.config.worker, app.clock);
    },
  });
  return { observation, ...metrics };
}

/** The tables of these pipelines, wildcards resolved now. */
async function scheduledTables(
  app: App,
  pipelines: readonly string[],
  place: RunPlace & { readonly view: ProgressView },
): Promise<readonly ObservedTable[]> {
  const request = { mode: 'sync', from: null, to: null, overwrite: false, replace: false } as const;
  const targets = await Promise.all(pipelines.map((pipeline) => resolveTargets(app.config, pipeline, app.collections)));
  return targets.flat().map((target) => ({
    name: target.name,
    schedule: target.settings.schedule,
    staleAfter: target.settings.staleAfter,
    ...(target.settings.mode === 'changestream' ? { hasWork: () => hasWork(app, target) } : {}),
    sync: () =>
      withTable(app, target, place, (context) => runAsked(app, target, request, context)).finally(() =>
        place.view.finish(target.name),
      ),
    verifySchedule: verificationSchedule(target.settings),
    verify: () => verifyIfDue(app, target, place),
    readNotes: () => notesOf(app, target),
    readContents: () => withStorage(app, target, readContents),
  }));
}

/** How much earlier than its time a verification may begin again: the beat is kept by the clock, its age is told by what began a moment later. */
const EARLY = 0.1;
/** The share of a table's rows that is deleted without anybody looking. */
const DELETES_AT_MOST = 0.1;

/** Nothing where there is no table yet, or another process verified it a short time ago as this one would. */
async function verifyIfDue(
  app: App,
  target: TableTarget,
  place: RunPlace & { readonly view: ProgressView },
): Promise<Verified | undefined> {
  const { deletes, verifyRepair } = target.settings;
  const schedule = verificationSchedule(target.settings);
  const repairs = verifyRepair || deletes === 'reconcile';
  const { freshness, verification } = await notesOf(app, target);
  if (freshness === undefined) return undefined;
  const counts = verification !== undefined && (verification.repairs || !repairs);
  const age = counts ? app.clock.now() - verification.checkedAt : Number.POSITIVE_INFINITY;
  if (schedule.kind === 'every' && age < schedule.every_ms * (1 - EARLY)) return undefined;
  const asked = { isDeep: false, repairs, sample: 1, deletesAtMost: DELETES_AT_MOST };
  const shown = `${target.name} (verify)`;
  const own = { ...place, view: { listenerFor: (_: string, logger: Logger) => place.view.listenerFor(shown, logger) } };
  return withTable(app, target, own, (context) => verifyAsked(app, target, asked, context)).finally(() =>
    place.view.finish(shown),
  );
}

async function hasWork(app: App, target: TableTarget): Promise<boolean> {
  const storage = app.storage(target);
  const source = app.source(target);
  try {
    return await hasStreamWork(storage, source, app.clock.now());
  } finally {
    await source.close();
    await storage.close();
  }
}

function notesOf(app: App, target: TableTarget): Promise<Notes> {
  return withStorage(app, target, async (storage) => {
    const [freshness, verification] = await Promise.all([readFreshness(storage), readVerification(storage)]);
    return { freshness, verification };
  });
}
