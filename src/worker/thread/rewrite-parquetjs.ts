import { deserialize, serialize } from 'node:v8';
import { partitionOf } from '../../shared/domain/hash.ts';
import { storedIdHash } from '../../shared/domain/ids.ts';
import type { TableSchema } from '../../shared/domain/schema.ts';
import type { RewriteOutcome, RewriteTask, RewrittenFile } from './engine.ts';
import { externalSort } from './external-sort.ts';
import { rowGroups } from './parquetjs-read.ts';
import { firstFiles, writeRows } from './parquetjs-write.ts';
import type { SortRecord } from './records.ts';
import type { Row, Value } from './rows.ts';
import { sortKey } from './sort-key.ts';
import { SORT_SHARE } from './sorted-delta.ts';
import { listen } from './stop.ts';

/** `Engine.rewrite`: rows are sorted anew by their partition and their id, on disk where memory is short. */
export async function rewriteRows(task: RewriteTask, signal: AbortSignal | undefined): Promise<RewriteOutcome> {
  const sort = externalSort(task.scratch, task.memoryBytes / SORT_SHARE);
  const before: TableSchema = { ...task.schema, idType: task.oldIdType };
  for (const { path } of task.base) {
    for await (const group of rowGroups(path, before)) {
      for (const [old = null, ...rest] of await group.rows()) {
        const id = newId(old, task);
        sort.add(Buffer.concat([prefixOf(id, task), sortKey(id)]), serialize([id, ...rest]));
      }
      await listen(signal);
    }
  }
  const added: RewrittenFile[] = [];
  const records = sort.sorted()[Symbol.iterator]();
  let next = records.next();
  async function* rowsOf(partition: number): AsyncGenerator<Row> {
    for (; next.done !== true && partitionIn(next.value) === partition; next = records.next())
      yield deserialize(next.value.payload) as Row;
  }
  while (next.done !== true) {
    const partition = partitionIn(next.value);
    const target = { ...firstFiles(task), path: `${task.scratch}/out-${partition}` };
    const files = await writeRows(task, rowsOf(partition), target, signal);
    added.push(...files.map((file) => ({ ...file, partition })));
  }
  return { added, rows: added.reduce((sum, file) => sum + file.rows, 0) };
}

function newId(id: Value, { oldIdType, schema }: RewriteTask): Value {
  return oldIdType === 'long' && schema.idType !== 'long' ? Buffer.from(String(id), 'utf8') : id;
}

/** The partition of a row, the greatest byte first, so that keys sort by it. */
function prefixOf(id: Value, { schema, into }: RewriteTask): Buffer {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(partitionOf(storedIdHash(id as bigint | Buffer, schema.idType), into.of));
  return prefix;
}

function partitionIn({ key }: SortRecord): number {
  return key.readUInt32BE(0);
}
