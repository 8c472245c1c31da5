import type { DuckDBConnection } from '@duckdb/node-api';
import type { CompactTask, MergedFile } from './engine.ts';
import { storedRowBytes } from './memory.ts';
import { mayHoldMinusZero } from './minus-zero.ts';
import { selectFiles } from './select-file.ts';
import { listen } from './stop.ts';
import { writeJoined } from './write.ts';

/** `Engine.compact`: files are in the order of their ids and so are their rows, which are copied as they come, without a sort. */
export async function compactFiles(
  connection: DuckDBConnection,
  task: CompactTask,
  signal: AbortSignal | undefined,
): Promise<MergedFile> {
  const paths = task.base.map(({ path }) => path);
  let minusZero = false;
  for (const path of paths) {
    minusZero ||= await mayHoldMinusZero(connection, path);
    await listen(signal);
  }
  const query = `(${await selectFiles(connection, task.schema, paths)})`;
  const rowBytes = await storedRowBytes(connection, paths);
  await listen(signal);
  const range = { lower: task.base[0]?.lower ?? null, upper: task.base.at(-1)?.upper ?? null };
  return writeJoined(connection, task, { query, isSorted: true, minusZero, rowBytes }, range);
}
