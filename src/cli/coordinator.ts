import { listCollections } from '../composition.ts';
import { runDaemon } from '../coordinator/daemon.ts';
import { resolveTargets } from '../shared/config/targets.ts';
import { type GlobalOptions, openApp, runWorker } from './app.ts';
import { createProgressView } from './progress.ts';
import { runTarget } from './sync.ts';

export interface CoordinatorOptions {
  readonly listen?: string;
}

/** `coordinator`: keeps every table in step on its schedule until it is told to stop. With the local queue it does the work too. */
export async function coordinatorCommand(
  name: string | undefined,
  _options: CoordinatorOptions,
  globals: GlobalOptions,
): Promise<number> {
  const app = await openApp(globals);
  const queue = app.queue();
  await queue.depth();
  const worker = app.config.queue.kind === 'local' ? await runWorker(app, queue) : undefined;
  const view = createProgressView(app.clock, app.screen);
  const pipelines = name === undefined ? Object.keys(app.config.pipelines) : [name];
  const request = { mode: 'sync', from: null, to: null, overwrite: false } as const;
  app.logger.info('coordinator started', { pipelines: pipelines.join(', ') });
  try {
    await runDaemon({
      clock: app.clock,
      logger: app.logger,
      signal: app.signal,
      maxConcurrentRuns: app.config.maxConcurrentRuns,
      resolve: async () => {
        const targets = await Promise.all(
          pipelines.map((pipeline) =>
            resolveTargets(app.config, pipeline, (connection, database) =>
              listCollections(app.config, connection, database),
            ),
          ),
        );
        return targets.flat().map((target) => ({
          name: target.name,
          schedule: target.settings.schedule,
          sync: () => runTarget(app, target, request, queue, view).finally(() => view.finish(target.name)),
        }));
      },
    });
  } finally {
    await worker?.consumer.stop();
    await worker?.close();
    await queue.close();
  }
  app.logger.info('coordinator stopped');
  return 0;
}
