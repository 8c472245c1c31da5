import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crashPoint } from '../shared/crash-points.ts';
import { jsonBody, readJson } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { MergeJob } from '../shared/domain/job.ts';
import { dataKey, mergeInputKey, receiptKey, schemaKey } from '../shared/domain/keys.ts';
import type { MergeInput, RunSchema } from '../shared/domain/plan.ts';
import type { MergeReceipt, WrittenFile } from '../shared/domain/receipt.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { compare } from './compare.ts';
import { uploadDataFile } from './data-file.ts';
import {
  compactPartition,
  mergePartition,
  type PartitionContext,
  type PartitionOutcome,
  type PartitionWork,
  rewriteGroup,
} from './partition.ts';
import { readPlan, type Understands } from './plan.ts';
import type { MergePool } from './pool.ts';

export interface MergeContext {
  readonly storage: Storage;
  readonly pool: MergePool;
  readonly clock: Clock;
  /** Folder for scratch files. */
  readonly scratch: string;
  readonly understands: Understands;
}

/**
 * Merges one partition, or writes it anew or compares it where the plan says so: work on local copies in a thread, upload the new files under this
 * attempt's own keys, leave the receipt. Where another attempt's receipt is there first, these files are deleted; where one is there
 * already, nothing is done.
 */
export async function merge(job: MergeJob, delivery: Delivery, context: MergeContext): Promise<JobSummary> {
  const { storage, pool, clock } = context;
  const { signal } = delivery;
  const started = clock.monotonic();
  const key = receiptKey(job.run, 'merge', job.partition);
  const [finished, plan, { schema, table = schema }, input] = await Promise.all([
    storage.get(key),
    readPlan(job.run, storage, context.understands),
    readJson<RunSchema>(storage, schemaKey(job.run)),
    readJson<MergeInput>(storage, mergeInputKey(job.run, job.partition)),
  ]);
  // The queue hands a job out again whose end it did not hear of, or that was handed back as its receipt came to be.
  if (finished !== undefined) return { rows: 0, bytesRead: 0, bytesWritten: 0 };
  crashPoint('merge-started');
  const scratch = await makeScratch(context.scratch, job.id);
  try {
    const work = { plan, schema, table, input };
    const { comparison } = plan;
    if (comparison !== undefined) return await compare(job, work, comparison, delivery, { ...context, scratch });
    const means = { storage, pool, scratch, signal };
    const done = await doneTo(work, means);
    crashPoint('merged');
    await delivery.progress({ done: done.counts.read, bytes: done.bytesRead });
    const attempt = clock.randomHex(6);
    const added = await upload(storage, done.added, job, attempt, signal);
    const receipt: MergeReceipt = {
      kind: 'merge',
      run: job.run,
      partition: job.partition,
      attempt,
      counts: { ...done.counts, quarantined: 0, erased: 0 },
      segments: input.sections.map(({ segment }) => segment),
      added,
      removed: done.removed,
      bytesRead: done.bytesRead,
      bytesWritten: added.reduce((sum, file) => sum + file.size, 0),
      durationMs: Math.round(clock.monotonic() - started),
    };
    signal.throwIfAborted();
    const { written } = await storage.putIfAbsent(key, jsonBody(receipt), attempt);
    crashPoint('merge-receipt-written');
    if (!written) await storage.delete(added.map((file) => file.path));
    return { rows: done.counts.read, bytesRead: done.bytesRead, bytesWritten: receipt.bytesWritten };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function doneTo(work: PartitionWork, means: PartitionContext): Promise<PartitionOutcome> {
  const { rewrite } = work.plan;
  if (rewrite === null) return mergePartition(work, means);
  return rewrite.kind === 'compact' ? compactPartition(work, means) : rewriteGroup(work, rewrite, means);
}

async function makeScratch(root: string, id: string): Promise<string> {
  try {
    await mkdir(root, { recursive: true });
    return await mkdtemp(join(root, `${id}-`));
  } catch (error) {
    throw new MongolakeError('SCRATCH', `the scratch folder ${root} can't be used: ${(error as Error).message}`, {
      hint: 'Set worker.scratch to a folder that exists, is writable and has space.',
      cause: error,
    });
  }
}

async function upload(
  storage: Storage,
  files: PartitionOutcome['added'],
  job: MergeJob,
  attempt: string,
  signal: AbortSignal,
): Promise<WrittenFile[]> {
  const written: WrittenFile[] = [];
  for (const [part, file] of files.entries()) {
    const { partition } = file;
    const path = dataKey(partition ?? job.partition, job.run, attempt, part);
    const crc32 = await uploadDataFile(storage, path, file, signal);
    crashPoint('file-uploaded');
    written.push({
      ...(partition === undefined ? {} : { partition }),
      path,
      size: file.size,
      crc32,
      rows: file.rows,
      lower: file.lower,
      upper: file.upper,
      stats: file.stats,
    });
  }
  return written;
}
