import type { DuckDBConnection } from '@duckdb/node-api';
import type { CompactTask, MergedFile } from './engine.ts';
import { storedRowBytes } from './memory.ts';
import { mayHoldMinusZero } from './minus-zero.ts';
import { selectFile } from './select-file.ts';
import { listen } from './stop.ts';
import { writeJoined } from './write.ts';

/** `Engine.compact`: rows are sorted, although they are so already, for DuckDB does not promise the order of a union. */
export async function compactFiles(
  connection: DuckDBConnection,
  task: CompactTask,
  signal: AbortSignal | undefined,
): Promise<MergedFile> {
  const selects: string[] = [];
  let minusZero = false;
  for (const { path } of task.base) {
    selects.push(await selectFile(connection, task.schema, path));
    minusZero ||= await mayHoldMinusZero(connection, path);
    await listen(signal);
  }
  const paths = task.base.map(({ path }) => path);
  const rows = { query: `(${selects.join(' UNION ALL ')})`, isSorted: false, minusZero };
  const range = { lower: task.base[0]?.lower ?? null, upper: task.base.at(-1)?.upper ?? null };
  return writeJoined(connection, task, { ...rows, rowBytes: await storedRowBytes(connection, paths) }, range);
}
