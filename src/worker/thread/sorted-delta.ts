import { type CursorReader, cursorReader } from '../../shared/domain/cursor.ts';
import { flipDeletion, lengthAt, takeDeletion } from '../../shared/domain/deletion.ts';
import { documentId } from './document-id.ts';
import type { MergeTask } from './engine.ts';
import { externalSort } from './external-sort.ts';
import type { SortRecord } from './records.ts';
import { sectionBlocks } from './sections.ts';
import { sortKey } from './sort-key.ts';
import { listen } from './stop.ts';

/** The documents and deletions of a delta by id: one reading of each, the last by (cursor, order of reading), or by that order alone. Payloads are BSON. */
export interface SortedDelta {
  /** Documents and deletions of the delta. */
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
export async function sortDelta(
  task: Pick<MergeTask, 'scratch' | 'memoryBytes' | 'sections' | 'schema' | 'cursor' | 'isInOrder'>,
  signal: AbortSignal | undefined,
): Promise<SortedDelta> {
  const sort = externalSort(task.scratch, task.memoryBytes / SORT_SHARE);
  let read = 0;
  for (const documents of sectionBlocks(task.sections)) {
    for (let at = 0; at < documents.length; at += lengthAt(documents, at)) {
      const reading = documents.subarray(at, at + lengthAt(documents, at));
      const id = asDocument(reading, () => documentId(reading, 0, task.schema.idType));
      sort.add(sortKey(id), reading);
      read += 1;
    }
    await listen(signal);
  }
  const readCursor = cursorReader(task.cursor);
  const wins = (later: SortRecord, earlier: SortRecord) =>
    task.isInOrder === true || notBefore(later, earlier, readCursor);
  return latestReadings(sort.sorted(), read, wins);
}

/** `wins` tells whether a reading replaces one that was read before it. */
function latestReadings(
  records: Iterable<SortRecord>,
  read: number,
  wins: (later: SortRecord, earlier: SortRecord) => boolean,
): SortedDelta {
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
      if (wins(ahead, winner)) winner = ahead;
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
  const before = readingCursor(earlier.payload, readCursor);
  if (before === undefined) return true;
  const cursor = readingCursor(later.payload, readCursor);
  return cursor !== undefined && cursor >= before;
}

/** The cursor of a document, or of a deletion, which stays one. */
export function readingCursor(reading: Buffer, readCursor: CursorReader): bigint | undefined {
  return asDocument(reading, () => readCursor(reading, 0));
}

/** Reads a deletion as a document. */
function asDocument<T>(reading: Buffer, read: () => T): T {
  const isDeletion = takeDeletion(reading, 0);
  const value = read();
  if (isDeletion) flipDeletion(reading, 0);
  return value;
}
