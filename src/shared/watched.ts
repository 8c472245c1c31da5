import type { Source } from './ports/source.ts';
import type { ObjectInfo, Storage } from './ports/storage.ts';

/** One call of a port: its name, and for storage its key (the first one, or the prefix). */
export interface PortCall {
  readonly port: 'store' | 'source';
  readonly name: string;
  readonly key: string | undefined;
}

/** Makes a call that somebody watches; it may end it early, by a rejection. */
export type Watcher = <T>(call: PortCall, work: () => Promise<T>) => Promise<T>;

/** The storage, each call of which goes through `watch`; listing is a call for each object. */
export function watchedStorage(storage: Storage, watch: Watcher): Storage {
  const through = <T>(name: keyof Storage, key: string | undefined, work: () => Promise<T>) =>
    watch({ port: 'store', name, key }, work);
  return {
    uri: storage.uri,
    get: (key, range) => through('get', key, () => storage.get(key, range)),
    download: (key, path, signal) => through('download', key, () => storage.download(key, path, signal)),
    put: (key, body, signal) => through('put', key, () => storage.put(key, body, signal)),
    putIfAbsent: (key, body, writerId) => through('putIfAbsent', key, () => storage.putIfAbsent(key, body, writerId)),
    putIfMatch: (key, body, etag, writerId) =>
      through('putIfMatch', key, () => storage.putIfMatch(key, body, etag, writerId)),
    list: (prefix, options) => watchedList(storage.list(prefix, options), (next) => through('list', prefix, next)),
    delete: (keys) => through('delete', keys[0], () => storage.delete(keys)),
    close: () => through('close', undefined, () => storage.close()),
  };
}

async function* watchedList(
  listing: AsyncIterable<ObjectInfo>,
  watch: <T>(next: () => Promise<T>) => Promise<T>,
): AsyncGenerator<ObjectInfo> {
  const objects = listing[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await watch(() => objects.next());
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not waited for: where the listing hangs, so does its end.
    if (!ended) objects.return?.().catch(() => undefined);
  }
}

/** The source, each question of which goes through `watch`. Reading does not: it goes on for as long as there are documents. */
export function watchedSource(source: Source, watch: Watcher): Source {
  const through = <T>(name: keyof Source, work: () => Promise<T>) =>
    watch({ port: 'source', name, key: undefined }, work);
  const { changes } = source;
  return {
    description: source.description,
    namespace: source.namespace,
    clock: () => through('clock', () => source.clock()),
    estimate: (scope) => through('estimate', () => source.estimate(scope)),
    countWithoutCursor: (cursor) => through('countWithoutCursor', () => source.countWithoutCursor(cursor)),
    ranges: (scope, how) => through('ranges', () => source.ranges(scope, how)),
    read: (range, signal, projection, most, since) => source.read(range, signal, projection, most, since),
    lookUp: (ids, signal, projection, since) => source.lookUp(ids, signal, projection, since),
    ...(changes === undefined
      ? {}
      : {
          changes: {
            end: (since) => through('changes', () => changes.end(since)),
            ids: (from, to, signal) => changes.ids(from, to, signal),
          },
        }),
    indexes: () => through('indexes', () => source.indexes()),
    close: () => through('close', () => source.close()),
  };
}
