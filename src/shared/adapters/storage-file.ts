import { createHash } from 'node:crypto';
import type { BigIntStats, Dirent } from 'node:fs';
import { type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../ports/clock.ts';
import type { ByteRange, Downloaded, ObjectInfo, ObjectVersion, PutIfResult, Storage } from '../ports/storage.ts';
import { type HeldBody, holdBody, writeScratch } from './storage-body.ts';
import { fileFailure, isAbsent, systemCode } from './storage-file-errors.ts';
import { withFileLock } from './storage-file-lock.ts';
import { sweepTemporaries, withTemporary } from './storage-file-temporary.ts';
import {
  checkKey,
  checkPrefix,
  checkRange,
  checkWriterId,
  compareKeys,
  HIDDEN_PREFIX,
  objectMissing,
  rangeBeyondEnd,
} from './storage-keys.ts';

/** Up to this size an etag is the hash of the content; hashing a large file for each range read of it would cost too much. */
const HASHED_MAX_BYTES = 8 * 2 ** 20;
const READ_CHUNK_BYTES = 2 ** 18;

interface FileStore {
  /** Absolute path of the root. */
  readonly root: string;
  readonly uri: string;
  readonly clock: Clock;
  /** Folders that were searched for what crashed writers left; once per process is enough. */
  readonly swept: Set<string>;
}

/**
 * Storage in a local folder (or a network mount with hard links). Writes are atomic and durable: a temporary file beside the
 * target is synced, then renamed (`put`, `putIfMatch`) or hard-linked (`putIfAbsent`: the file system itself refuses a second
 * one), then the folder is synced. `putIfMatch` holds a lock file; `put` and `delete` take no lock, so do not mix them with
 * `putIfMatch` on one key. Symbolic links below the root are not listed. Rights are `STORE_REFUSED`, a full disk or an I/O error
 * `STORE_UNREACHABLE`, a file system without hard links `STORE_UNCONDITIONAL`.
 */
export function fileStorage(root: string, clock: Clock): Storage {
  const absolute = resolve(root);
  const store: FileStore = { root: absolute, uri: `file:${absolute}`, clock, swept: new Set() };
  return {
    uri: store.uri,
    get: (key, range) => get(store, key, range),
    download: (key, path, signal) => download(store, key, path, signal),
    put: (key, body, signal) => put(store, key, body, signal),
    putIfAbsent: (key, body, writerId) => putIfAbsent(store, key, body, writerId),
    putIfMatch: (key, body, etag, writerId) => putIfMatch(store, key, body, etag, writerId),
    list: (prefix, options) => list(store, prefix, options?.startAfter),
    delete: (keys) => remove(store, keys),
    close: async () => undefined,
  };
}

async function get(
  store: FileStore,
  key: string,
  range?: ByteRange,
): Promise<{ body: Buffer; etag: string } | undefined> {
  const path = pathOf(store, key);
  if (range !== undefined) checkRange(store.uri, key, range);
  return await reading(store, 'get', key, path, async (handle, stats) => {
    const size = Number(stats.size);
    if (range !== undefined && range.end > size) throw rangeBeyondEnd(store.uri, key, range, size);
    if (size <= HASHED_MAX_BYTES) {
      const whole = await readRange(store, handle, key, { start: 0, end: size });
      return { body: whole.subarray(range?.start, range?.end), etag: contentEtag(whole) };
    }
    return { body: await readRange(store, handle, key, range ?? { start: 0, end: size }), etag: statsEtag(stats) };
  });
}

async function download(
  store: FileStore,
  key: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Downloaded> {
  const source = pathOf(store, key);
  signal?.throwIfAborted();
  const found = await reading(store, 'download', key, source, async (handle, stats) => {
    const expected = Number(stats.size);
    return await writeScratch(path, chunksOf(store, handle, key, expected), signal);
  });
  if (found === undefined) throw objectMissing(store.uri, key);
  return found;
}

async function put(
  store: FileStore,
  key: string,
  body: Buffer | Readable,
  signal: AbortSignal | undefined,
): Promise<ObjectVersion & { size: number }> {
  const held = holdBody(body, signal);
  try {
    return await viaTemporary(store, 'put', key, held, async (temporary, path) => {
      const version = await versionOf(temporary);
      signal?.throwIfAborted();
      await rename(temporary, path);
      return version;
    });
  } finally {
    held.release();
  }
}

async function putIfAbsent(store: FileStore, key: string, body: Buffer, writerId: string): Promise<PutIfResult> {
  checkWriterId(store.uri, key, body, writerId);
  return await viaTemporary(store, 'putIfAbsent', key, holdBody(body), async (temporary, path) => {
    const { etag } = await versionOf(temporary);
    for (;;) {
      try {
        await link(temporary, path);
        return { written: true, etag };
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw fileFailure(store.uri, 'link', key, error);
        const found = await get(store, key);
        if (found !== undefined) return settled(found, writerId);
        // Deleted since: try again. But what is no object and yet in the way, such as a folder, stays there.
        if ((await ifPresent(() => stat(path))) !== undefined) throw error;
      }
    }
  });
}

async function putIfMatch(
  store: FileStore,
  key: string,
  body: Buffer,
  etag: string,
  writerId: string,
): Promise<PutIfResult> {
  checkWriterId(store.uri, key, body, writerId);
  // Without the object there is nothing to replace; and its folder, where the lock goes, may not exist.
  if ((await get(store, key)) === undefined) return { written: false };
  return await viaTemporary(store, 'putIfMatch', key, holdBody(body), (temporary, path) =>
    withFileLock(path, store.clock, async (stillHeld) => {
      const found = await get(store, key);
      if (found?.etag !== etag) return found === undefined ? { written: false } : settled(found, writerId);
      const version = await versionOf(temporary);
      stillHeld();
      await rename(temporary, path);
      return { written: true, etag: version.etag };
    }),
  );
}

function settled(found: { readonly body: Buffer; readonly etag: string }, writerId: string): PutIfResult {
  return found.body.includes(writerId) ? { written: true, etag: found.etag } : { written: false };
}

async function* list(store: FileStore, prefix: string, startAfter: string | undefined): AsyncGenerator<ObjectInfo> {
  checkPrefix(store.uri, prefix);
  yield* walk(store, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, startAfter);
}

/** `folder` is empty or ends with a slash. A folder sorts as its name with the slash: `a-b` comes before `a/b`. */
async function* walk(
  store: FileStore,
  folder: string,
  prefix: string,
  startAfter: string | undefined,
): AsyncGenerator<ObjectInfo> {
  const entries = await calling(store, 'list', folder, () => entriesOf(join(store.root, folder)));
  const keys = entries
    .filter((entry) => !entry.name.startsWith(HIDDEN_PREFIX) && (entry.isFile() || entry.isDirectory()))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .filter((key) => key.startsWith(prefix))
    .sort(compareKeys);
  for (const key of keys) {
    const skipped = startAfter !== undefined && compareKeys(key, startAfter) <= 0;
    if (key.endsWith('/')) {
      if (!skipped || startAfter.startsWith(key)) yield* walk(store, key, prefix, startAfter);
    } else if (!skipped) {
      const stats = await calling(store, 'list', key, () => ifPresent(() => stat(join(store.root, key))));
      if (stats !== undefined) yield { key, size: stats.size, modifiedAt: Math.floor(stats.mtimeMs) };
    }
  }
}

async function entriesOf(path: string): Promise<Dirent[]> {
  return (await ifPresent(() => readdir(path, { withFileTypes: true }))) ?? [];
}

async function remove(store: FileStore, keys: readonly string[]): Promise<void> {
  const paths = keys.map((key) => ({ key, path: pathOf(store, key) }));
  for (const { key, path } of paths) await calling(store, 'delete', key, () => ifPresent(() => rm(path)));
}

/** `withTemporary` beside the object's path. Errors of the system become ours, those of the body pass unchanged. */
async function viaTemporary<T>(
  store: FileStore,
  operation: string,
  key: string,
  body: HeldBody,
  run: (temporary: string, path: string) => Promise<T>,
): Promise<T> {
  const path = pathOf(store, key);
  const folder = dirname(path);
  try {
    return await withTemporary(folder, store.clock, body.chunks, async (temporary) => {
      if (!store.swept.has(folder)) await sweepTemporaries(folder, temporary);
      store.swept.add(folder);
      return await run(temporary, path);
    });
  } catch (error) {
    throw body.isOwn(error) ? error : fileFailure(store.uri, operation, key, error);
  }
}

async function reading<T>(
  store: FileStore,
  operation: string,
  key: string,
  path: string,
  run: (handle: FileHandle, stats: BigIntStats) => Promise<T>,
): Promise<T | undefined> {
  const handle = await calling(store, operation, key, () => ifPresent(() => open(path, 'r')));
  if (handle === undefined) return undefined;
  try {
    const stats = await calling(store, operation, key, () => handle.stat({ bigint: true }));
    return stats.isFile() ? await run(handle, stats) : undefined;
  } finally {
    await handle.close();
  }
}

async function readRange(store: FileStore, handle: FileHandle, key: string, range: ByteRange): Promise<Buffer> {
  const body = Buffer.allocUnsafe(range.end - range.start);
  for (let done = 0; done < body.length; ) {
    const at = range.start + done;
    const { bytesRead } = await calling(store, 'get', key, () => handle.read(body, done, body.length - done, at));
    if (bytesRead === 0) throw rangeBeyondEnd(store.uri, key, range, at);
    done += bytesRead;
  }
  return body;
}

async function* chunksOf(store: FileStore, handle: FileHandle, key: string, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < size; start += READ_CHUNK_BYTES) {
    yield await readRange(store, handle, key, { start, end: Math.min(size, start + READ_CHUNK_BYTES) });
  }
}

async function versionOf(path: string): Promise<ObjectVersion & { size: number }> {
  const handle = await open(path, 'r');
  try {
    const stats = await handle.stat({ bigint: true });
    const size = Number(stats.size);
    return { size, etag: size <= HASHED_MAX_BYTES ? contentEtag(await handle.readFile()) : statsEtag(stats) };
  } finally {
    await handle.close();
  }
}

function contentEtag(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('hex')}"`;
}

/** A rename or link keeps inode, size and time of the file, and every write makes a new one. */
function statsEtag(stats: BigIntStats): string {
  return `"${stats.ino}-${stats.size}-${stats.mtimeNs}"`;
}

function pathOf(store: FileStore, key: string): string {
  checkKey(store.uri, key);
  return join(store.root, key);
}

async function ifPresent<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function calling<T>(store: FileStore, operation: string, key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw fileFailure(store.uri, operation, key, error);
  }
}
