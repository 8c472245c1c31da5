import { createHash } from 'node:crypto';
import { checksumText, type Tally } from '../../shared/domain/comparison.ts';
import { cursorReader, isWithinId } from '../../shared/domain/cursor.ts';
import { isDeletionAt } from '../../shared/domain/deletion.ts';
import type { CompareOutcome, CompareTask } from './engine.ts';
import { rowGroups } from './parquetjs-read.ts';
import type { SortRecord } from './records.ts';
import { rowCursor } from './row-cursor.ts';
import { type Row, rowReader, sameRows, type Value } from './rows.ts';
import { idOfKey, sortKey } from './sort-key.ts';
import { readingCursor, sortDelta } from './sorted-delta.ts';
import { listen } from './stop.ts';
import { createSuspects, type Suspects } from './suspects.ts';

/** Walks what was read and the rows side by side, both by id. */
export async function comparePartition(task: CompareTask, signal: AbortSignal | undefined): Promise<CompareOutcome> {
  const { table, cursor, base, schema, scratch } = task;
  const delta = await sortDelta(task, signal);
  const cursorOf = rowCursor(table, cursor);
  const walk = new Walk(task, createSuspects(scratch, schema.idType));
  for (const { path } of base) {
    for await (const group of rowGroups(path, table)) {
      for (const row of await group.rows()) {
        const key = sortKey(row[0] as Value);
        for (; delta.next !== undefined && Buffer.compare(delta.next.key, key) < 0; delta.advance())
          walk.alone(delta.next);
        const own = delta.next?.key.equals(key) ? delta.next : undefined;
        walk.row(key, row, cursorOf(row), own);
        if (own !== undefined) delta.advance();
      }
      await listen(signal);
    }
  }
  for (; delta.next !== undefined; delta.advance()) walk.alone(delta.next);
  return walk.end(delta.read - delta.superseded);
}

class Walk {
  readonly #documents = tally();
  readonly #rows = tally();
  #leftOut = 0;
  readonly #cursorOf: (reading: Buffer) => bigint | undefined;
  readonly #isSame: (document: Buffer, row: Row, time: bigint | undefined) => boolean;

  constructor(
    readonly task: CompareTask,
    readonly suspects: Suspects,
  ) {
    const readCursor = cursorReader(task.cursor);
    this.#cursorOf = (reading) => readingCursor(reading, readCursor);
    const read = rowReader(task.schema);
    this.#isSame = task.comparison.isDeep
      ? (document, row) => sameRows(read(document, 0), row)
      : (document, _row, time) => isWithinId(task.cursor) || this.#cursorOf(document) === time;
  }

  /** What was read and has no row. */
  alone({ key, payload }: SortRecord): void {
    const id = idOfKey(key, this.task.schema.idType);
    if (this.#isLate(payload)) this.#leftOut += 1;
    else if (!isDeletionAt(payload, 0)) {
      this.#documents.add(id, this.#timeOf(this.#cursorOf(payload)));
      this.suspects.add(id, 'missing');
    }
  }

  /** A row, and what was read of its id. */
  row(key: Buffer, row: Row, time: bigint | undefined, own: SortRecord | undefined): void {
    const { comparison, schema } = this.task;
    const { rowsUntil, isWhole } = comparison;
    const id = idOfKey(key, schema.idType);
    const isNewer = rowsUntil !== null && time !== undefined && time > BigInt(rowsUntil);
    if (isNewer || (own !== undefined && this.#isLate(own.payload))) {
      this.#leftOut += 1;
      return;
    }
    const isDocument = own !== undefined && !isDeletionAt(own.payload, 0);
    if (isDocument) this.#documents.add(id, this.#timeOf(this.#cursorOf(own.payload)));
    this.#rows.add(id, time);
    if (own === undefined ? isWhole : !isDocument) this.suspects.add(id, 'gone');
    else if (isDocument && !this.#isSame(own.payload, row, time)) this.suspects.add(id, 'stale');
  }

  /** `ids` of which something was read. */
  end(ids: number): CompareOutcome {
    this.suspects.close();
    const { differences, examples, lists } = this.suspects;
    const [documents, rows] = [this.#documents.sum(), this.#rows.sum()];
    return { documents, rows, leftOut: this.#leftOut, ids, differences, examples, lists };
  }

  /** As it is summed up: rows have no cursor of their own where it is within the id. */
  #timeOf(time: bigint | undefined): bigint | undefined {
    return isWithinId(this.task.cursor) ? undefined : time;
  }

  #isLate(reading: Buffer): boolean {
    const { documentsUntil } = this.task.comparison;
    const time = this.#cursorOf(reading);
    return documentsUntil !== null && time !== undefined && time > BigInt(documentsUntil);
  }
}

function tally(): { add(id: string, time: bigint | undefined): void; sum(): Tally } {
  let [count, total] = [0, 0n];
  return {
    add(id, time) {
      count += 1;
      total += createHash('md5')
        .update(`${id}|${time ?? ''}`)
        .digest()
        .readBigUInt64LE(8);
    },
    sum: () => ({ count, checksum: checksumText(total) }),
  };
}
