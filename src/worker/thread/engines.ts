import type { EngineName } from '../../shared/domain/plan.ts';
import type { Engine } from './engine.ts';

/** The engine of this name, loaded when it is first asked for: a worker need not have what no table of its uses. */
export async function loadEngine(name: EngineName): Promise<Engine> {
  switch (name) {
    case 'parquetjs':
      return (await import('./engine-parquetjs.ts')).parquetjsEngine;
    case 'duckdb':
      return (await import('./engine-duckdb.ts')).duckdbEngine;
  }
}
