import { MongolakeError } from '../../shared/domain/errors.ts';
import type { CompactTask, MergedFile } from './engine.ts';
import { rowGroups } from './parquetjs-read.ts';
import { writeRows } from './parquetjs-write.ts';
import type { Row } from './rows.ts';

/** `Engine.compact`: files are in the order of their ids and so are their rows, which are copied a row group at a time. */
export async function compactRows(task: CompactTask, signal: AbortSignal | undefined): Promise<MergedFile> {
  async function* rows(): AsyncGenerator<Row> {
    for (const { path } of task.base) {
      for await (const group of rowGroups(path, task.schema)) yield* await group.rows();
    }
  }
  const range = { lower: task.base[0]?.lower ?? null, upper: task.base.at(-1)?.upper ?? null };
  const target = { path: `${task.scratch}/joined`, range, isKept: true, full: () => false };
  const [own] = await writeRows(task, rows(), target, signal);
  if (own === undefined) throw new MongolakeError('INTERNAL', 'parquetjs wrote no file');
  return own;
}
