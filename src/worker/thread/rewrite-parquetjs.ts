import { deserialize, serialize } from 'node:v8';
import type { TableSchema } from '../../shared/domain/schema.ts';
import type { RewriteOutcome, RewriteTask } from './engine.ts';
import { externalSort } from './external-sort.ts';
import { rowGroups } from './parquetjs-read.ts';
import { firstFiles, writeRows } from './parquetjs-write.ts';
import type { Row } from './rows.ts';
import { SORT_SHARE } from './sorted-delta.ts';
import { listen } from './stop.ts';

/** `Engine.rewrite`: rows with integers as ids are sorted anew by the text of these, on disk where memory is short. */
export async function rewriteRows(task: RewriteTask, signal: AbortSignal | undefined): Promise<RewriteOutcome> {
  const sort = externalSort(task.scratch, task.memoryBytes / SORT_SHARE);
  const before: TableSchema = { ...task.schema, idType: 'long' };
  for (const { path } of task.base) {
    for await (const group of rowGroups(path, before)) {
      for (const [id, ...rest] of await group.rows()) {
        const text = Buffer.from(String(id), 'utf8');
        sort.add(text, serialize([text, ...rest]));
      }
      await listen(signal);
    }
  }
  async function* rows(): AsyncGenerator<Row> {
    for (const { payload } of sort.sorted()) yield deserialize(payload) as Row;
  }
  const added = await writeRows(task, rows(), firstFiles(task), signal);
  return { added, rows: added.reduce((sum, file) => sum + file.rows, 0) };
}
