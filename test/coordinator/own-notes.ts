import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';

/** The shared table for one who keeps all that is below `_mongolake/`, lease and staging, elsewhere: only the log stands between two of them. */
export function withOwnNotes(shared: Storage): Storage {
  const own = memoryStorage('memory:notes', systemClock());
  const of = (key: string) => (key.startsWith('_mongolake/') ? own : shared);
  return {
    ...shared,
    get: (key, ...rest) => of(key).get(key, ...rest),
    download: (key, ...rest) => of(key).download(key, ...rest),
    put: (key, ...rest) => of(key).put(key, ...rest),
    putIfAbsent: (key, ...rest) => of(key).putIfAbsent(key, ...rest),
    putIfMatch: (key, ...rest) => of(key).putIfMatch(key, ...rest),
    list: (prefix, ...rest) => of(prefix).list(prefix, ...rest),
    async delete(keys) {
      for (const store of [own, shared]) await store.delete(keys.filter((key) => of(key) === store));
    },
  };
}
