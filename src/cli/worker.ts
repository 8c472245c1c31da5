import { runWorker } from '../app/worker.ts';
import { scratchMetrics } from '../shared/adapters/metrics-process.ts';
import { workerMetrics } from '../shared/adapters/metrics-worker.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { createLiveness } from '../shared/liveness.ts';
import type { WorkerMetrics } from '../shared/ports/metrics.ts';
import { type GlobalOptions, openApp } from './app.ts';
import { listenOf } from './listen.ts';
import { livenessVerdict, observe } from './observe.ts';

export interface WorkerOptions {
  readonly concurrency?: string;
  readonly listen?: string;
}

/** `worker`: takes jobs until it is told to stop, then finishes what it has within the drain timeout. */
export async function workerCommand(options: WorkerOptions, globals: GlobalOptions): Promise<number> {
  const app = await openApp(globals, { keepLogin: true, drainTimeout: ({ worker }) => worker.drainTimeout });
  if (app.config.queue.kind === 'local') {
    throw new MongolakeError(
      'CONFIG_INVALID',
      `${globals.config}: queue.kind is local: there is nothing that a worker could join`,
      {
        hint: 'Set queue to { kind: redis, url: … } for workers of their own; with the local queue `mongolake sync` does all the work.',
      },
    );
  }
  const queue = app.queue();
  const liveness = createLiveness(app.clock, app.config.worker.stuckTimeout);
  let metrics: WorkerMetrics | undefined;
  const observation = await observe(app, {
    ...listenOf(options.listen, app.config.worker.listen, `${globals.config}: worker.listen`),
    queue,
    live: () => livenessVerdict(liveness),
    register(registry) {
      metrics = workerMetrics(registry);
      scratchMetrics(registry, app.config.worker, app.clock);
    },
  });
  try {
    // Asked once, so that a wrong URL or password ends in an error now and not in a worker that waits for ever.
    await queue.depth();
    const concurrency = options.concurrency === undefined ? app.config.worker.concurrency : Number(options.concurrency);
    const worker = await runWorker(app, queue, { concurrency, metrics, liveness });
    observation?.started();
    app.logger.info('worker started', { concurrency });
    await aborted(app.signal);
    try {
      await worker.consumer.drain(app.config.worker.drainTimeout);
    } finally {
      await worker.close();
    }
  } finally {
    await queue.close();
    await observation?.close();
  }
  app.logger.info('worker stopped');
  return 0;
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
