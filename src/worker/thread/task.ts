import { takeDeletion } from '../../shared/domain/deletion.ts';
import { compareIds, type IdType } from '../../shared/domain/ids.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import { documentId } from './document-id.ts';
import type {
  CompactTask,
  CompareOutcome,
  CompareTask,
  IdRange,
  LocateTask,
  MergedFile,
  MergeOutcome,
  MergeTask,
  RewriteOutcome,
  RewriteTask,
} from './engine.ts';
import { loadEngine } from './engines.ts';
import { sectionBlocks } from './sections.ts';

/** Merges one partition with the table's engine: nothing is kept between tasks. Rejects soon after `signal` is aborted. */
export async function merge(task: MergeTask, signal?: AbortSignal): Promise<MergeOutcome> {
  const engine = await loadEngine(task.engine);
  return engine.merge(task, signal);
}

/** Compares one partition with what was read, with the table's engine. Rejects soon after `signal` is aborted. */
export async function compare(task: CompareTask, signal?: AbortSignal): Promise<CompareOutcome> {
  const engine = await loadEngine(task.engine);
  return engine.compare(task, signal);
}

/** Writes one partition anew with the table's engine. Rejects soon after `signal` is aborted. */
export async function rewrite(task: RewriteTask, signal?: AbortSignal): Promise<RewriteOutcome> {
  const engine = await loadEngine(task.engine);
  return engine.rewrite(task, signal);
}

/** Writes neighbouring files as one with the table's engine. Rejects soon after `signal` is aborted. */
export async function compact(task: CompactTask, signal?: AbortSignal): Promise<MergedFile> {
  const engine = await loadEngine(task.engine);
  return engine.compact(task, signal);
}

/** Indexes of the base files whose id range some document of the delta falls into, ascending. */
export function locate(task: LocateTask): number[] {
  const touched = new Set<number>();
  for (const documents of sectionBlocks(task.sections)) {
    for (let at = 0; at < documents.length; at += int32At(documents, at)) {
      takeDeletion(documents, at);
      touched.add(fileOf(task.base, task.schema.idType, String(documentId(documents, at, task.schema.idType))));
    }
  }
  return [...touched].sort((a, b) => a - b);
}

/** The last file whose lower bound is not above the id: the ranges tile the id space in order. */
function fileOf(files: readonly IdRange[], idType: IdType, id: string): number {
  let low = 0;
  let high = files.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const lower = files[middle]?.lower ?? null;
    if (lower === null || compareIds(idType, lower, id) <= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}
