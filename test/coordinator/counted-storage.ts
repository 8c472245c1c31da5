import type { Storage } from '../../src/shared/ports/storage.ts';

/** A storage that tells what it is asked for: keys read, and keys listed. */
export interface CountedStorage {
  readonly storage: Storage;
  readonly reads: string[];
  readonly listed: string[];
}

export function countedStorage(storage: Storage): CountedStorage {
  const reads: string[] = [];
  const listed: string[] = [];
  return {
    reads,
    listed,
    storage: {
      ...storage,
      get: (key, range) => {
        reads.push(key);
        return storage.get(key, range);
      },
      async *list(prefix, options) {
        for await (const object of storage.list(prefix, options)) {
          listed.push(object.key);
          yield object;
        }
      },
    },
  };
}
