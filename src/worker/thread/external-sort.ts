import { readRecords, recordWriter, type SortRecord } from './records.ts';

/** Sorts more than memory holds. */
export interface ExternalSort {
  /** `payload` must stay as it is until the records have been read or spilled. */
  add(key: Buffer, payload: Buffer): void;
  /** All records by their keys' bytes; those of one key in the order in which they were added. To be read once. */
  sorted(): Iterable<SortRecord>;
}

/** What a record takes in memory beside its bytes, about. */
const RECORD_BYTES = 250;

/** Holds records up to `memoryBytes`, then writes a sorted run of them to `folder`, in files called `run-0` and on. */
export function externalSort(folder: string, memoryBytes: number): ExternalSort {
  let held: SortRecord[] = [];
  let bytes = 0;
  const runs: string[] = [];
  const spill = () => {
    const path = `${folder}/run-${runs.length}`;
    const writer = recordWriter(path);
    for (const record of held.sort(byKey)) writer.add(record);
    writer.close();
    runs.push(path);
    held = [];
    bytes = 0;
  };
  return {
    add(key, payload) {
      held.push({ key, payload });
      bytes += key.length + payload.length + RECORD_BYTES;
      if (bytes > memoryBytes) spill();
    },
    sorted() {
      if (runs.length === 0) return held.sort(byKey);
      if (held.length > 0) spill();
      return mergeRuns(runs.map(readRecords));
    },
  };
}

function byKey(a: SortRecord, b: SortRecord): number {
  return Buffer.compare(a.key, b.key);
}

interface Run {
  readonly index: number;
  readonly rest: Iterator<SortRecord>;
  readonly next: SortRecord;
}

/** Merges sorted runs. The runs are kept in the order of their next records. */
function* mergeRuns(sources: readonly Iterator<SortRecord>[]): Generator<SortRecord> {
  const runs: Run[] = [];
  const advance = (index: number, rest: Iterator<SortRecord>) => {
    const { done, value } = rest.next();
    if (done !== true) insert(runs, { index, rest, next: value });
  };
  for (const [index, rest] of sources.entries()) advance(index, rest);
  for (let first = runs.pop(); first !== undefined; first = runs.pop()) {
    yield first.next;
    advance(first.index, first.rest);
  }
}

/** Puts the run where it belongs; the first one is at the end. */
function insert(runs: Run[], run: Run): void {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = runs[middle] as Run;
    const order = byKey(run.next, other.next) || run.index - other.index;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  runs.splice(low, 0, run);
}
