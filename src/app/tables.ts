import pMap from 'p-map';
import type { HoldContext } from '../coordinator/steps.ts';
import type { TableTarget } from '../shared/config/targets.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { OpenedConfig } from './app.ts';
import { VERSION } from './version.ts';

const TABLES_AT_ONCE = 8;

/** What came of one table. */
export type Outcome<T> =
  | { readonly table: string; readonly value: T }
  | { readonly table: string; readonly error: unknown };

/**
 * Reads several tables at once; a failure of one does not keep the others from being read. In the order of the targets. None is begun once
 * the app's signal is aborted.
 */
export async function readTables<T>(
  app: OpenedConfig,
  targets: readonly TableTarget[],
  read: (target: TableTarget, storage: Storage) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  return pMap(
    targets,
    async (target): Promise<Outcome<T>> => {
      try {
        app.signal.throwIfAborted();
        return { table: target.name, value: await withStorage(app, target, (storage) => read(target, storage)) };
      } catch (error) {
        return { table: target.name, error };
      }
    },
    { concurrency: TABLES_AT_ONCE },
  );
}

/** Gives `use` the table's storage, and closes it after it. */
export async function withStorage<T>(
  app: OpenedConfig,
  target: TableTarget,
  use: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = app.storage(target);
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

/** What a table is held by where no jobs are run. */
export function holdContext(
  { clock, logger, signal }: OpenedConfig,
  { name }: TableTarget,
  storage: Storage,
): HoldContext {
  return { storage, clock, logger: logger.child({ table: name }), signal, engineVersion: VERSION };
}

/** The errors, in order. */
export function failuresOf(outcomes: readonly Outcome<unknown>[]): readonly unknown[] {
  return outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
}
