import { type CursorReader, cursorReader } from '../../shared/domain/cursor.ts';
import { int32At } from '../../shared/domain/little-endian.ts';
import { documentId } from './document-id.ts';
import type { MergeTask } from './engine.ts';
import { externalSort } from './external-sort.ts';
import type { SortRecord } from './records.ts';
import { sectionBlocks } from './sections.ts';
import { sortKey } from './sort-key.ts';
import { listen } from './stop.ts';

/** The documents of a delta by id: one reading of each, the last by (cursor, order of reading). Payloads are BSON. */
export interface SortedDelta {
  /** Documents of the delta. */
  readonly read: number;
  /** Readings that a later one has replaced, of those taken so far. */
  readonly superseded: number;
  /** The next document; `undefined` at the end. */
  readonly next: SortRecord | undefined;
  /** Goes on to the one after it. */
  advance(): void;
}

/** The share of a task's memory in which documents or rows are sorted; past it they are sorted on disk. */
export const SORT_SHARE = 4;

/** Reads every section, and sorts. */
export async function sortDelta(task: MergeTask, signal: AbortSignal | undefined): Promise<SortedDelta> {
  const sort = externalSort(task.scratch, task.memoryBytes / SORT_SHARE);
  let read = 0;
  for (const documents of sectionBlocks(task.sections)) {
    for (let at = 0; at < documents.length; at += int32At(documents, at)) {
      const document = documents.subarray(at, at + int32At(documents, at));
      sort.add(sortKey(documentId(document, 0, task.schema.idType)), document);
      read += 1;
    }
    await listen(signal);
  }
  return latestReadings(sort.sorted(), read, cursorReader(task.cursor));
}

function latestReadings(records: Iterable<SortRecord>, read: number, readCursor: CursorReader): SortedDelta {
  const rest = records[Symbol.iterator]();
  const take = (): SortRecord | undefined => {
    const { done, value } = rest.next();
    return done === true ? undefined : value;
  };
  let ahead = take();
  let superseded = 0;
  const latest = (): SortRecord | undefined => {
    let winner = ahead;
    ahead = take();
    while (winner !== undefined && ahead?.key.equals(winner.key)) {
      superseded += 1;
      if (notBefore(ahead, winner, readCursor)) winner = ahead;
      ahead = take();
    }
    return winner;
  };
  let next = latest();
  return {
    read,
    get superseded() {
      return superseded;
    },
    get next() {
      return next;
    },
    advance() {
      next = latest();
    },
  };
}

/** Whether the later reading wins: its cursor is not the smaller one, where no cursor is the smallest. */
function notBefore(later: SortRecord, earlier: SortRecord, readCursor: CursorReader): boolean {
  const before = readCursor(earlier.payload, 0);
  if (before === undefined) return true;
  const cursor = readCursor(later.payload, 0);
  return cursor !== undefined && cursor >= before;
}
