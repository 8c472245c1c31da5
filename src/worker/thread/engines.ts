import { MongolakeError } from '../../shared/domain/errors.ts';
import type { EngineName } from '../../shared/domain/plan.ts';
import type { Engine } from './engine.ts';

/**
 * The engine of this name, loaded when it is first asked for: a worker need not have what no table of its uses. Throws
 * `ENGINE_MISSING` where it can't be loaded.
 */
export async function loadEngine(name: EngineName): Promise<Engine> {
  if (name === 'parquetjs') return (await import('./engine-parquetjs.ts')).parquetjsEngine;
  try {
    return (await import('./engine-duckdb.ts')).duckdbEngine;
  } catch (error) {
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new MongolakeError('ENGINE_MISSING', `the engine ${name} can't be loaded here: ${reason}`, {
      hint: 'Install @duckdb/node-api on this machine, or make a new table with engine: parquetjs. No other engine takes its place.',
      cause: error,
    });
  }
}
