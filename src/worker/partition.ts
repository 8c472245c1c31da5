import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { crashPoint } from '../shared/crash-points.ts';
import type { Comparison } from '../shared/domain/comparison.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { joinedFiles } from '../shared/domain/joins.ts';
import { newPartitions } from '../shared/domain/partitions.ts';
import type { BaseFile, MergeInput, Plan, Repartition, Section } from '../shared/domain/plan.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { scratched } from '../shared/domain/scratch.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { downloadDataFile } from './data-file.ts';
import type { MergePool } from './pool.ts';
import type {
  CompareOutcome,
  LocalBaseFile,
  LocalSection,
  MergeCounts,
  MergedFile,
  RewrittenFile,
} from './thread/engine.ts';

/** One partition's part of a run. */
export interface PartitionWork {
  readonly plan: Plan;
  /** Of the version that the run makes. */
  readonly schema: TableSchema;
  readonly input: MergeInput;
}

/** One partition's part of a comparison. */
export interface ComparisonWork extends PartitionWork {
  /** Of the rows. */
  readonly table: TableSchema;
}

/** What came of it. Nothing is uploaded yet. */
export interface Compared extends CompareOutcome {
  /** Bytes fetched. */
  readonly bytesRead: number;
}

export interface PartitionContext {
  readonly storage: Storage;
  readonly pool: MergePool;
  /** An empty folder of this attempt's own. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** What became of a partition. Nothing of it is uploaded yet. */
export interface PartitionOutcome {
  readonly counts: MergeCounts;
  /** On local disk; of the work's own partition, where a file does not say another. */
  readonly added: readonly (MergedFile & Partial<Pick<RewrittenFile, 'partition'>>)[];
  /** Paths in the table of the files that `added` replaces. */
  readonly removed: readonly string[];
  /** Bytes fetched. */
  readonly bytesRead: number;
}

/** Merges the delta into the files that it touches: only these are fetched. */
export async function mergePartition(
  { plan, schema, input }: PartitionWork,
  context: PartitionContext,
): Promise<PartitionOutcome> {
  const { pool, scratch, signal } = context;
  const sections = await fetchSections(input.sections, context);
  const touched = await touchedFiles(schema, sections, input.base, context);
  const base = await fetchBase(touched, context);
  const { engine, cursor, keepRows, reads, write } = plan;
  const outcome = await pool.merge(
    { kind: 'merge', engine, scratch, schema, cursor, sections, base, keepRows, isInOrder: reads === 'changes', write },
    signal,
  );
  const isEmpty = outcome.removed.length === input.base.length && outcome.added.every((file) => file.rows === 0);
  return {
    counts: outcome.counts,
    // One without rows keeps the range of a file that is gone, unless no other file is left whose range it parts.
    added: isEmpty ? [] : outcome.added,
    removed: outcome.removed.map((i) => required(touched[i]).path),
    bytesRead: bytesOf(sections, touched),
  };
}

/** Compares the files of a partition with what was read: all of them where that is all there is, else those that it touches. */
export async function comparePartition(
  { plan, schema, table, input }: ComparisonWork,
  comparison: Comparison,
  context: PartitionContext,
): Promise<Compared> {
  const { pool, scratch, signal } = context;
  const sections = await fetchSections(input.sections, context);
  const wanted = comparison.isWhole ? input.base : await touchedFiles(schema, sections, input.base, context);
  const base = await fetchBase(wanted, context);
  const { engine, cursor } = plan;
  const task = { kind: 'compare', engine, scratch, schema, table, cursor, sections, base, comparison } as const;
  return { ...(await pool.compare(task, signal)), bytesRead: bytesOf(sections, wanted) };
}

async function touchedFiles(
  schema: TableSchema,
  sections: readonly LocalSection[],
  base: readonly BaseFile[],
  { pool, signal }: PartitionContext,
): Promise<readonly BaseFile[]> {
  if (base.length < 2) return base;
  const touched = await pool.locate({ kind: 'locate', schema, sections, base }, signal);
  return touched.map((i) => required(base[i]));
}

function bytesOf(sections: readonly LocalSection[], files: readonly BaseFile[]): number {
  const chunks = sections.flatMap((section) => section.chunks.map((chunk) => chunk.length));
  return sum(chunks) + sum(files.map((file) => file.size));
}

const NO_DOCUMENTS: MergeCounts = { read: 0, inserted: 0, updated: 0, deleted: 0, unchanged: 0, superseded: 0 };

/** Writes all files of a group of partitions anew. No document is read, and no row comes or goes. */
export async function rewriteGroup(
  { plan, schema, input }: PartitionWork,
  rewrite: Repartition,
  context: PartitionContext,
): Promise<PartitionOutcome> {
  const base = await fetchBase(input.base, context);
  const { engine, write } = plan;
  const { scratch, signal } = context;
  const { idType, partitions } = rewrite;
  const into = { partitions: newPartitions(input.partition, partitions), of: partitions.to };
  const { added } = await context.pool.rewrite(
    { kind: 'rewrite', engine, scratch, schema, oldIdType: idType.from, base, into, write },
    signal,
  );
  return {
    counts: NO_DOCUMENTS,
    added,
    removed: input.base.map((file) => file.path),
    bytesRead: sum(input.base.map((file) => file.size)),
  };
}

/** Writes small files of a partition as fewer: each time neighbours as one. No document is read, and no row comes or goes. */
export async function compactPartition(
  { plan, schema, input }: PartitionWork,
  { pool, storage, scratch, signal }: PartitionContext,
): Promise<PartitionOutcome> {
  const { engine, write } = plan;
  const added: MergedFile[] = [];
  for (const [i, files] of joinedFiles(input.base, input.joins ?? []).entries()) {
    const own = join(scratch, `join-${i}`);
    await scratched(own, () => mkdir(own));
    const base = await fetchBase(files, { storage, scratch: own, signal });
    added.push(await pool.compact({ kind: 'compact', engine, scratch: own, schema, base, write }, signal));
    // What comes next has the disk to itself, but for what came of this.
    for (const { path } of base) await scratched(path, () => rm(path));
  }
  return {
    counts: NO_DOCUMENTS,
    added,
    removed: input.base.map((file) => file.path),
    bytesRead: added.length === 0 ? 0 : sum(input.base.map((file) => file.size)),
  };
}

async function fetchBase(
  files: readonly BaseFile[],
  { storage, scratch, signal }: Omit<PartitionContext, 'pool'>,
): Promise<readonly LocalBaseFile[]> {
  const base: LocalBaseFile[] = [];
  for (const [i, file] of files.entries()) {
    const path = join(scratch, `base-${i}.parquet`);
    await downloadDataFile(storage, file, path, signal);
    base.push({ path, size: file.size, lower: file.lower, upper: file.upper });
  }
  crashPoint('base-downloaded');
  return base;
}

/** Sections that are fetched at once: there is one for each extract job, and each is a read that mostly waits. */
const SECTIONS_AT_ONCE = 8;

/** Fetches each section's chunks by ranged reads into one local file per segment. */
async function fetchSections(
  sections: readonly Section[],
  { storage, scratch, signal }: PartitionContext,
): Promise<readonly LocalSection[]> {
  const fetch = async ({ ordinal, segment, chunks }: Section): Promise<LocalSection> => {
    const path = join(scratch, `section-${ordinal}.bson.snappy`);
    await writeSection(path, chunksOf(storage, { ordinal, segment, chunks }), signal);
    return { path, segment: `${storage.uri}/${segment}`, ordinal, chunks };
  };
  return pMap(sections, fetch, { concurrency: SECTIONS_AT_ONCE });
}

async function writeSection(path: string, chunks: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  const file = await scratched(path, () => open(path, 'w'));
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      await scratched(path, () => file.writeFile(chunk));
    }
  } finally {
    await scratched(path, () => file.close());
  }
}

async function* chunksOf(storage: Storage, section: Section): AsyncGenerator<Buffer> {
  for (const chunk of section.chunks) {
    const part = await storage.get(section.segment, { start: chunk.offset, end: chunk.offset + chunk.length });
    if (part === undefined)
      throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${section.segment} is not there`);
    yield part.body;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new MongolakeError('INTERNAL', 'a merge named a file that is not in its input');
  return value;
}
