import type { EngineName } from '../../shared/domain/plan.ts';
import type { FindTask, FoundIds } from './engine.ts';
import { loadEngine } from './engines.ts';

/** Which ids a local Parquet file of a table holds, as the table's engine reads it. */
export async function findIds(engine: EngineName, task: FindTask): Promise<FoundIds> {
  return (await loadEngine(engine)).find(task);
}
