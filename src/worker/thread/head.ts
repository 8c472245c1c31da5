import type { EngineName } from '../../shared/domain/plan.ts';
import type { HeadTask, JsonRow } from './engine.ts';
import { loadEngine } from './engines.ts';

/** The first rows of local Parquet files of a table, by `_id` within each file, as the table's engine reads them. */
export async function readHead(engine: EngineName, task: HeadTask): Promise<readonly JsonRow[]> {
  return (await loadEngine(engine)).head(task);
}
