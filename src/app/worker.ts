import type { Liveness } from '../shared/liveness.ts';
import type { WorkerMetrics } from '../shared/ports/metrics.ts';
import type { Consumer, Queue } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { createMergePool } from '../worker/pool.ts';
import { slabBytesOf } from '../worker/slabs.ts';
import { startWorker } from '../worker/worker.ts';
import type { OpenedConfig } from './app.ts';
import { VERSION } from './version.ts';

export interface RunningWorker {
  readonly consumer: Consumer;
  /** Ends the merge threads and closes what was opened for jobs. */
  close(): Promise<void>;
}

/** A worker on `queue` in this process, as configured. */
export async function runWorker(
  app: OpenedConfig,
  queue: Queue,
  options: {
    readonly concurrency?: number;
    readonly metrics?: WorkerMetrics | undefined;
    readonly liveness?: Liveness;
  } = {},
): Promise<RunningWorker> {
  const { config, clock, logger } = app;
  const concurrency = options.concurrency ?? config.worker.concurrency;
  const pool = createMergePool({ threads: concurrency, memoryBytes: config.worker.memory });
  const storages = new Map<string, Storage>();
  const close = async () => {
    await pool.close();
    for (const storage of storages.values()) await storage.close();
  };
  const consumer = await startWorker({
    queue,
    pool,
    clock,
    logger,
    scratch: config.worker.scratch,
    slabBytes: slabBytesOf(config.worker.memory),
    understands: (version) => version === VERSION,
    concurrency,
    metrics: options.metrics,
    liveness: options.liveness,
    isLocal: config.queue.kind === 'local',
    open: async (pipeline, collection) => {
      const target = await app.target(`${pipeline}.${collection}`);
      const storage = storages.get(target.tableUri) ?? app.storage(target);
      storages.set(target.tableUri, storage);
      return { storage, openSource: async () => app.source(target), keyed: app.keyed };
    },
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { consumer, close };
}
