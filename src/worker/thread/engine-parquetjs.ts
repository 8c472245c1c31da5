import { cursorReader } from '../../shared/domain/cursor.ts';
import { isDeletionAt, takeDeletion } from '../../shared/domain/deletion.ts';
import { compactRows } from './compact-parquetjs.ts';
import { comparePartition } from './compare-parquetjs.ts';
import type { Engine, LocalBaseFile, MergeCounts, MergedFile, MergeOutcome, MergeTask } from './engine.ts';
import { findInRows } from './find-parquetjs.ts';
import { readFirstRows } from './head-parquetjs.ts';
import { rowGroups } from './parquetjs-read.ts';
import { firstFiles, writeRows } from './parquetjs-write.ts';
import { partsOf } from './parts.ts';
import { readRecords, recordWriter, type SortRecord } from './records.ts';
import { rewriteRows } from './rewrite-parquetjs.ts';
import { rowCursor } from './row-cursor.ts';
import { type ReadRow, type Row, rowReader, sameRows, type Value } from './rows.ts';
import { boundKey, sortKey } from './sort-key.ts';
import { readingCursor, type SortedDelta, sortDelta } from './sorted-delta.ts';
import { listen } from './stop.ts';

/**
 * parquetjs-lite: no native code. Everything is a stream sorted by id: the delta is sorted, on disk where memory is short, and each
 * base file is read a row group at a time beside it.
 */
export const parquetjsEngine: Engine = {
  async merge(task, signal): Promise<MergeOutcome> {
    const delta = await sortDelta(task, signal);
    const counts = { read: delta.read, inserted: 0, updated: 0, unchanged: 0, superseded: 0, deleted: 0 };
    const added: MergedFile[] = [];
    const removed: number[] = [];
    if (task.base.length === 0) {
      added.push(...(await writeFirst(task, delta, signal)));
      counts.inserted = added.reduce((rows, file) => rows + file.rows, 0);
      // There is no row that could go.
      counts.unchanged = delta.read - delta.superseded - counts.inserted;
    }
    for (const [index, file] of task.base.entries()) {
      const changes = `${task.scratch}/changes-${index}`;
      const verdict = await judge(task, file, delta, changes, signal);
      counts.inserted += verdict.inserted;
      counts.updated += verdict.updated;
      counts.unchanged += verdict.unchanged;
      counts.superseded += verdict.superseded;
      counts.deleted += verdict.deleted;
      if (verdict.inserted + verdict.updated + verdict.deleted === 0) continue;
      added.push(...(await replace(task, file, index, verdict, changes, signal)));
      removed.push(index);
    }
    counts.superseded += delta.superseded;
    return { counts, added, removed };
  },
  compact: compactRows,
  compare: comparePartition,
  rewrite: rewriteRows,
  head: readFirstRows,
  find: findInRows,
};

/** Writes the delta as the first files of a partition: a new one after every target size. */
function writeFirst(task: MergeTask, delta: SortedDelta, signal: AbortSignal | undefined): Promise<MergedFile[]> {
  const read = rowReader(task.schema);
  async function* rows(): AsyncGenerator<Row> {
    for (; delta.next !== undefined; delta.advance())
      if (!takeDeletion(delta.next.payload, 0)) yield read(delta.next.payload, 0);
  }
  return writeRows(task, rows(), firstFiles(task), signal);
}

type Verdict = Omit<MergeCounts, 'read'> & { readonly baseRows: number };

/** Decides for every document and deletion of the file's range what it does, and leaves those that change something in the file `changes`. */
async function judge(
  task: MergeTask,
  file: LocalBaseFile,
  delta: SortedDelta,
  changes: string,
  signal: AbortSignal | undefined,
): Promise<Verdict> {
  const counts = { inserted: 0, updated: 0, unchanged: 0, superseded: 0, deleted: 0 };
  let baseRows = 0;
  const changing = recordWriter(changes);
  const compare = comparer(task);
  const insertBelow = (bound: Buffer | undefined) => {
    for (; delta.next !== undefined && isBelow(delta.next, bound); delta.advance()) {
      const isDeletion = isDeletionAt(delta.next.payload, 0);
      counts[isDeletion ? 'unchanged' : 'inserted'] += 1;
      if (!isDeletion) changing.add(delta.next);
    }
  };
  for await (const group of rowGroups(file.path, task.schema)) {
    const ids = await group.ids();
    baseRows += ids.length;
    let rows: readonly Row[] | undefined;
    for (const [i, id] of ids.entries()) {
      const key = sortKey(id);
      insertBelow(key);
      if (delta.next === undefined || !delta.next.key.equals(key)) continue;
      // Most groups hold no row that the delta has too: only their ids are read.
      rows ??= await group.rows();
      const outcome = compare(delta.next.payload, rows[i] as Row);
      counts[outcome] += 1;
      if (outcome === 'updated' || outcome === 'deleted') changing.add(delta.next);
      delta.advance();
    }
    await listen(signal);
  }
  insertBelow(boundKey(file.upper, task.schema.idType));
  changing.close();
  return { ...counts, baseRows };
}

function isBelow({ key }: SortRecord, bound: Buffer | undefined): boolean {
  return bound === undefined || Buffer.compare(key, bound) < 0;
}

type Compare = (document: Buffer, row: Row) => 'updated' | 'unchanged' | 'superseded' | 'deleted';

/** What a document or a deletion does to the row of its id. */
function comparer(task: MergeTask): Compare {
  const read = rowReader(task.schema);
  const stays = keeper(task);
  return (document, row) => {
    if (stays(document, row)) return 'superseded';
    if (isDeletionAt(document, 0)) return 'deleted';
    return sameRows(read(document, 0), row) ? 'unchanged' : 'updated';
  };
}

/** Whether a row stays although a document has its id. */
function keeper({ keepRows, schema, cursor }: MergeTask): (document: Buffer, row: Row) => boolean {
  if (keepRows === 'none') return () => false;
  const readCursor = cursorReader(cursor);
  const cursorOf = rowCursor(schema, cursor);
  return (document, row) => {
    const known = cursorOf(row);
    const own = readingCursor(document, readCursor);
    if (keepRows === 'notOlder') return known === undefined || own === undefined || own <= known;
    return known !== undefined && (own === undefined || known > own);
  };
}

/** Writes a base file anew, over its own range, with the documents of `changes` in the place of its rows or between them. */
function replace(
  task: MergeTask,
  file: LocalBaseFile,
  index: number,
  verdict: Verdict,
  changes: string,
  signal: AbortSignal | undefined,
): Promise<MergedFile[]> {
  const parts = partsOf(file, verdict, task.write.targetFileSize);
  const full = (rows: number) => rows >= parts.rows;
  const target = { path: `${task.scratch}/out-${index}`, range: file, isKept: true, full };
  return writeRows(task, mergedRows(task, file, changes), target, signal);
}

async function* mergedRows(task: MergeTask, file: LocalBaseFile, changes: string): AsyncGenerator<Row> {
  const read: ReadRow = rowReader(task.schema);
  const changed = readRecords(changes);
  let change = changed.next().value as SortRecord | undefined;
  for await (const group of rowGroups(file.path, task.schema)) {
    for (const row of await group.rows()) {
      const key = sortKey(row[0] as Value);
      for (; change !== undefined && isBelow(change, key); change = changed.next().value) yield read(change.payload, 0);
      if (change?.key.equals(key)) {
        if (!takeDeletion(change.payload, 0)) yield read(change.payload, 0);
        change = changed.next().value;
      } else yield row;
    }
  }
  for (; change !== undefined; change = changed.next().value) yield read(change.payload, 0);
}
