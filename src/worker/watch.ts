import type { Job } from '../shared/domain/job.ts';
import type { Life, Liveness } from '../shared/liveness.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { watchedStorage } from '../shared/watched.ts';

/** What shows that a worker makes progress: its queue's loop, and each of its jobs. */
export interface WorkerWatch {
  /** The queue's loop has looked for jobs. */
  looked(): void;
  /** A job begins; the caller tells its end. */
  begin(job: Job): Life;
}

/**
 * Watches a worker of `concurrency` jobs at once. While it has that many its queue is not asked for more. A queue in the same process has no
 * loop that could be stuck (`isLocal`): it is still while there is no job.
 */
export function watchWorker(liveness: Liveness, concurrency: number, isLocal = false): WorkerWatch {
  let running = 0;
  const loop = liveness.begin({ what: 'taking jobs' }, () => isLocal || running >= concurrency);
  return {
    looked: () => loop.beat(),
    begin(job) {
      running++;
      const life = liveness.begin({ what: job.kind, table: `${job.pipeline}.${job.collection}`, run: job.run });
      return {
        beat: life.beat,
        end() {
          life.end();
          running--;
          loop.beat();
        },
      };
    },
  };
}

/** The storage of a job: each call's begin and end is a sign of life. */
export function livingStorage(storage: Storage, life: Life): Storage {
  return watchedStorage(storage, async (_call, work) => {
    life.beat();
    try {
      return await work();
    } finally {
      life.beat();
    }
  });
}

/** A job's delivery: its progress is a sign of life. */
export function livingDelivery(delivery: Delivery, life: Life): Delivery {
  return {
    ...delivery,
    progress(value) {
      life.beat();
      return delivery.progress(value);
    },
  };
}
