import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { lock } from 'proper-lockfile';

/** A part that is installed or built once per machine and version. */
export interface CacheEntry {
  /** Unique and with its version ("versitygw-1.8.0"): another version is another entry. */
  readonly name: string;
  /** A file inside the entry that must exist for it to be whole, relative to its folder. */
  readonly check: string;
  /** Fills the empty folder; a throw leaves the entry to be built anew by the next call. */
  readonly build: (folder: string) => Promise<void>;
}

const LOCK_WAIT_MS = 30 * 60_000;
const LOCK_POLL_MS = 500;

/** The folder of installed and built parts: MONGOLAKE_TEST_CACHE, else mongolake-test in the user's cache folder. */
export function cacheFolder(): string {
  const given = process.env.MONGOLAKE_TEST_CACHE;
  if (given) return given;
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mongolake-test');
}

/**
 * The folder of an entry, built first where it is missing or half done. Of several processes that ask at the same time one
 * builds and the others wait for it (up to 30 minutes). Throws what `build` throws.
 */
export async function cached(entry: CacheEntry): Promise<string> {
  const folder = folderOf(entry);
  if (isCached(entry)) return folder;
  return withLock(folder, async () => {
    if (isCached(entry)) return folder;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    console.error(`test services: preparing ${entry.name} (once, in ${cacheFolder()})`);
    const startedAt = Date.now();
    await entry.build(folder);
    if (!existsSync(join(folder, entry.check))) throw new Error(`${entry.name} was built without ${entry.check}`);
    await writeFile(join(folder, '.complete'), `${new Date().toISOString()}\n`);
    console.error(`test services: ${entry.name} is ready after ${Math.round((Date.now() - startedAt) / 1000)} s`);
    return folder;
  });
}

/** Whether an entry is there already: what would be needed to build it need not be. */
export function isCached(entry: Pick<CacheEntry, 'name' | 'check'>): boolean {
  const folder = folderOf(entry);
  return existsSync(join(folder, '.complete')) && existsSync(join(folder, entry.check));
}

function folderOf(entry: Pick<CacheEntry, 'name'>): string {
  return join(cacheFolder(), `${entry.name}-${process.platform}-${process.arch}`);
}

/** Runs `work` while no other process on this machine runs under the same lock. A dead holder's lock expires after 20 s. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  await mkdir(cacheFolder(), { recursive: true });
  const release = await lock(name, {
    realpath: false,
    stale: 20_000,
    update: 5_000,
    retries: { retries: LOCK_WAIT_MS / LOCK_POLL_MS, factor: 1, minTimeout: LOCK_POLL_MS },
  });
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Twelve hex digits that change with any of the parts; a version for entries made from several things. */
export function fingerprint(parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 12);
}
