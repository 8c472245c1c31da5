import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';

/** A table whose store goes away when an object whose key starts with `prefix` is to be written, while `away` says so. */
export function awayTable(now: number): { readonly table: Harness; readonly fault: { prefix: string | undefined } } {
  const fault: { prefix: string | undefined } = { prefix: undefined };
  const check = (key: string) => {
    if (fault.prefix !== undefined && key.includes(fault.prefix))
      throw new MongolakeError('STORE_UNREACHABLE', `${key}: the store is away`);
  };
  const table = harness({
    now,
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
  return { table, fault };
}
