import type { Clock } from '../ports/clock.ts';
import type { ByteRange, ObjectInfo, PutIfResult, Storage } from '../ports/storage.ts';
import { collect, holdBody, writeScratch } from './storage-body.ts';
import {
  checkKey,
  checkPrefix,
  checkRange,
  checkWriterId,
  compareKeys,
  objectMissing,
  rangeBeyondEnd,
} from './storage-keys.ts';

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly modifiedAt: number;
}

/**
 * Storage in this process's memory, for tests and simulation; the same contract as the others. Without a clock every write counts
 * as one more millisecond since the epoch, so that a run on it can be replayed. `close` keeps the objects: the "store" outlives
 * its users.
 */
export function memoryStorage(uri = 'memory:', clock?: Clock): Storage {
  const objects = new Map<string, Stored>();
  let writes = 0;

  function store(key: string, body: Buffer): string {
    writes += 1;
    const etag = `"${writes}"`;
    // A copy: what the caller does to its buffer later must not reach the store.
    objects.set(key, { body: Buffer.from(body), etag, modifiedAt: clock?.now() ?? writes });
    return etag;
  }

  function settle(key: string, writerId: string): PutIfResult {
    const found = objects.get(key);
    return found?.body.includes(writerId) ? { written: true, etag: found.etag } : { written: false };
  }

  function read(key: string, range?: ByteRange): { body: Buffer; etag: string } | undefined {
    checkKey(uri, key);
    if (range !== undefined) checkRange(uri, key, range);
    const found = objects.get(key);
    if (found === undefined) return undefined;
    if (range !== undefined && range.end > found.body.length) throw rangeBeyondEnd(uri, key, range, found.body.length);
    return { body: Buffer.from(found.body.subarray(range?.start, range?.end)), etag: found.etag };
  }

  return {
    uri,
    get: async (key, range) => read(key, range),
    download: async (key, path, signal) => {
      const found = read(key);
      if (found === undefined) throw objectMissing(uri, key);
      return await writeScratch(path, holdBody(found.body, signal).chunks, signal);
    },
    put: async (key, body, signal) => {
      const held = holdBody(body, signal);
      try {
        checkKey(uri, key);
        const whole = await collect(held.chunks);
        return { etag: store(key, whole), size: whole.length };
      } finally {
        held.release();
      }
    },
    putIfAbsent: async (key, body, writerId) => {
      checkKey(uri, key);
      checkWriterId(uri, key, body, writerId);
      return objects.has(key) ? settle(key, writerId) : { written: true, etag: store(key, body) };
    },
    putIfMatch: async (key, body, etag, writerId) => {
      checkKey(uri, key);
      checkWriterId(uri, key, body, writerId);
      return objects.get(key)?.etag === etag ? { written: true, etag: store(key, body) } : settle(key, writerId);
    },
    list: (prefix, options) => listed(uri, objects, prefix, options?.startAfter),
    delete: async (keys) => {
      for (const key of keys) checkKey(uri, key);
      for (const key of keys) objects.delete(key);
    },
    close: async () => undefined,
  };
}

async function* listed(
  uri: string,
  objects: ReadonlyMap<string, Stored>,
  prefix: string,
  startAfter: string | undefined,
): AsyncGenerator<ObjectInfo> {
  checkPrefix(uri, prefix);
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
  for (const key of keys) {
    if (startAfter !== undefined && compareKeys(key, startAfter) <= 0) continue;
    const found = objects.get(key);
    if (found !== undefined) yield { key, size: found.body.length, modifiedAt: found.modifiedAt };
  }
}
