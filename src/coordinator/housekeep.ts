import { crashPoint } from '../shared/crash-points.ts';
import { planKey, RUNS_PREFIX, runOfKey, runPrefix } from '../shared/domain/keys.ts';
import type { Storage } from '../shared/ports/storage.ts';

const BATCH = 1000;

/** Deletes what a run staged. */
export async function dropStaging(storage: Storage, run: string): Promise<void> {
  await giveUpRun(storage, run);
  crashPoint('plan-dropped');
  await deleteKeys(storage, runPrefix(run), () => true);
  crashPoint('staging-dropped');
}

/** Makes sure that nobody finishes the run: without its plan no job of it begins, and no coordinator takes it up. */
export async function giveUpRun(storage: Storage, run: string): Promise<void> {
  await storage.delete([planKey(run)]);
}

/**
 * Deletes what earlier runs left staged, but for the one that is to be finished. Only for the holder of the lease, after any run that
 * could still commit was fenced: such a run may lose its jobs, never its commit.
 */
export async function dropOldStaging(storage: Storage, kept: string | undefined): Promise<void> {
  await deleteKeys(storage, RUNS_PREFIX, (key) => runOfKey(key) !== kept);
}

async function deleteKeys(storage: Storage, prefix: string, wanted: (key: string) => boolean): Promise<void> {
  let batch: string[] = [];
  for await (const { key } of storage.list(prefix)) {
    if (!wanted(key)) continue;
    batch.push(key);
    if (batch.length === BATCH) {
      await storage.delete(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await storage.delete(batch);
}
