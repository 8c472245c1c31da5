import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { jsonBody, readJson } from '../shared/documents.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { MergeJob } from '../shared/domain/job.ts';
import { dataKey, mergeInputKey, planKey, receiptKey, schemaKey } from '../shared/domain/keys.ts';
import type { MergeInput, Plan, RunSchema, Section } from '../shared/domain/plan.ts';
import type { MergeReceipt, WrittenFile } from '../shared/domain/receipt.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { JobSummary } from '../shared/ports/metrics.ts';
import type { Delivery } from '../shared/ports/queue.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { MergePool } from './pool.ts';
import type { LocalBaseFile, LocalSection, MergeOutcome } from './thread/engine.ts';

export interface MergeContext {
  readonly storage: Storage;
  readonly pool: MergePool;
  readonly clock: Clock;
  /** Folder for scratch files. */
  readonly scratch: string;
}

/**
 * Merges one partition: fetch its sections and the base files they touch, anti-join and merge in a thread, upload the new
 * files under this attempt's own keys, leave the receipt. Where another attempt's receipt is there first, these files are deleted.
 */
export async function merge(job: MergeJob, delivery: Delivery, context: MergeContext): Promise<JobSummary> {
  const { storage, clock } = context;
  const started = clock.monotonic();
  const [plan, { schema }, input] = await Promise.all([
    readJson<Plan>(storage, planKey(job.run)),
    readJson<RunSchema>(storage, schemaKey(job.run)),
    readJson<MergeInput>(storage, mergeInputKey(job.run, job.partition)),
  ]);
  const scratch = await makeScratch(context.scratch, job.id);
  try {
    const sections = await fetchSections(storage, input.sections, scratch, delivery.signal);
    const touched =
      input.base.length < 2
        ? input.base
        : (await context.pool.locate({ kind: 'locate', schema, sections, base: input.base }, delivery.signal)).map(
            (i) => required(input.base[i]),
          );
    const base: LocalBaseFile[] = [];
    for (const [i, file] of touched.entries()) {
      const path = join(scratch, `base-${i}.parquet`);
      await storage.download(file.path, path, delivery.signal);
      base.push({ path, size: file.size, lower: file.lower, upper: file.upper });
    }
    const task = {
      kind: 'merge',
      engine: plan.engine,
      scratch,
      schema,
      cursor: plan.cursor,
      sections,
      base,
      keepNewer: plan.keepNewer,
      write: plan.write,
    } as const;
    const outcome = await context.pool.merge(task, delivery.signal);
    const bytesRead =
      sum(sections.flatMap((section) => section.chunks.map((chunk) => chunk.length))) +
      sum(touched.map((file) => file.size));
    await delivery.progress({ done: outcome.counts.read, bytes: bytesRead });
    const attempt = clock.randomHex(6);
    const added = await upload(storage, outcome, job, attempt, delivery.signal);
    const receipt: MergeReceipt = {
      kind: 'merge',
      run: job.run,
      partition: job.partition,
      attempt,
      counts: { ...outcome.counts, quarantined: 0 },
      added,
      removed: outcome.removed.map((i) => required(touched[i]).path),
      bytesRead,
      bytesWritten: sum(added.map((file) => file.size)),
      durationMs: Math.round(clock.monotonic() - started),
    };
    delivery.signal.throwIfAborted();
    const { written } = await storage.putIfAbsent(
      receiptKey(job.run, 'merge', job.partition),
      jsonBody(receipt),
      attempt,
    );
    if (!written) await storage.delete(added.map((file) => file.path));
    return { rows: outcome.counts.read, bytesRead, bytesWritten: receipt.bytesWritten };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
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

/** Fetches each section's chunks by ranged reads into one local file per segment. */
async function fetchSections(
  storage: Storage,
  sections: readonly Section[],
  scratch: string,
  signal: AbortSignal,
): Promise<LocalSection[]> {
  const local: LocalSection[] = [];
  for (const section of sections) {
    const path = join(scratch, `section-${section.ordinal}.bson.gz`);
    await pipeline(chunksOf(storage, section), createWriteStream(path), { signal });
    local.push({
      path,
      ordinal: section.ordinal,
      chunks: section.chunks.map(({ length, rawLength }) => ({ length, rawLength })),
    });
  }
  return local;
}

async function* chunksOf(storage: Storage, section: Section): AsyncGenerator<Buffer> {
  for (const chunk of section.chunks) {
    const part = await storage.get(section.segment, { start: chunk.offset, end: chunk.offset + chunk.length });
    if (part === undefined)
      throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${section.segment} is not there`);
    yield part.body;
  }
}

async function upload(
  storage: Storage,
  outcome: MergeOutcome,
  job: MergeJob,
  attempt: string,
  signal: AbortSignal,
): Promise<WrittenFile[]> {
  const written: WrittenFile[] = [];
  for (const [part, file] of outcome.added.entries()) {
    const path = dataKey(job.partition, job.run, attempt, part);
    const { size } = await storage.put(path, createReadStream(file.path), signal);
    if (size !== file.size)
      throw new MongolakeError('OBJECT_CORRUPT', `${path}: ${size} bytes uploaded of ${file.size}`);
    written.push({ path, size, rows: file.rows, lower: file.lower, upper: file.upper, stats: file.stats });
  }
  return written;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new MongolakeError('INTERNAL', 'a merge named a file that is not in its input');
  return value;
}
