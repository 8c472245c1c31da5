import { expect } from 'vitest';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';

/** A table whose store can be away for a while. */
export interface AwayTable {
  readonly table: Harness;
  /** Runs what fails since an object can't be written whose key holds `part`; afterwards the store is back. */
  keptFrom(part: string, run: () => Promise<unknown>): Promise<void>;
}

export function awayTable(now: number, logger?: Logger): AwayTable {
  let away: string | undefined;
  const check = (key: string) => {
    if (away !== undefined && key.includes(away))
      throw new MongolakeError('STORE_UNREACHABLE', `${key}: the store is away`);
  };
  const table = harness({
    now,
    ...(logger === undefined ? {} : { logger }),
    wrap: (storage): Storage => ({
      ...storage,
      put: async (key, ...rest) => {
        check(key);
        return storage.put(key, ...rest);
      },
      putIfAbsent: async (key, ...rest) => {
        check(key);
        return storage.putIfAbsent(key, ...rest);
      },
    }),
  });
  return {
    table,
    async keptFrom(part, run) {
      away = part;
      await expect(run()).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
      away = undefined;
    },
  };
}
