import { readFile } from 'node:fs/promises';
import { jsonBody } from '../shared/documents.ts';
import type { CompareReceipt, Comparison, IdList } from '../shared/domain/comparison.ts';
import type { MergeJob } from '../shared/domain/job.ts';
import { idListKey, receiptKey } from '../shared/domain/keys.ts';
import { putList } from '../shared/id-source.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type ComparisonWork, comparePartition, type PartitionContext } from './partition.ts';
import type { LocalIds } from './thread/engine.ts';

interface CompareContext extends Omit<PartitionContext, 'signal'> {
  readonly clock: Clock;
}

/**
 * Compares one partition: in a thread, on local copies. Leaves the lists of ids that differ, under this attempt's own keys, and the receipt, which
 * names them.
 */
export async function compare(
  job: MergeJob,
  work: ComparisonWork,
  comparison: Comparison,
  delivery: Delivery,
  { storage, pool, clock, scratch }: CompareContext,
): Promise<JobSummary> {
  const { signal } = delivery;
  const started = clock.monotonic();
  const { lists, ...compared } = await comparePartition(work, comparison, { storage, pool, scratch, signal });
  const attempt = clock.randomHex(6);
  const uploaded = await uploadLists(storage, job, attempt, lists);
  const receipt: CompareReceipt = {
    kind: 'compare',
    run: job.run,
    partition: job.partition,
    attempt,
    ...compared,
    lists: uploaded,
    durationMs: Math.round(clock.monotonic() - started),
  };
  signal.throwIfAborted();
  const key = receiptKey(job.run, 'merge', job.partition);
  const { written } = await storage.putIfAbsent(key, jsonBody(receipt), attempt);
  if (!written) await storage.delete(uploaded.map((list) => list.key));
  return { rows: compared.rows.count, bytesRead: compared.bytesRead, bytesWritten: 0 };
}

async function uploadLists(
  storage: Storage,
  job: MergeJob,
  attempt: string,
  lists: readonly LocalIds[],
): Promise<readonly IdList[]> {
  const uploaded: IdList[] = [];
  for (const [n, { path, ids }] of lists.entries()) {
    const key = idListKey(job.run, job.partition, attempt, n);
    uploaded.push(await putList(storage, key, await readFile(path), ids));
  }
  return uploaded;
}
