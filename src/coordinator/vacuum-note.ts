import { findJson, jsonBody } from '../shared/documents.ts';
import { VACUUM_KEY } from '../shared/domain/keys.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** Which versions can't be had any more, or not whole. */
interface Vacuumed {
  readonly formatVersion: 1;
  /** The smallest version of which no vacuum has deleted anything. */
  readonly oldest: number;
  /** The version of the last purge, which gave up all before it; absent where there was none. */
  readonly purged?: number;
}

async function readNote(storage: Storage): Promise<Vacuumed | undefined> {
  return (await findJson<Vacuumed>(storage, VACUUM_KEY))?.body;
}

/** The oldest version that no vacuum has begun to take anything from; 0 where there was none. */
export async function oldestWhole(storage: Storage): Promise<number> {
  return (await readNote(storage))?.oldest ?? 0;
}

/** The oldest version that no purge has given up; 0 where there was none. */
export async function oldestUnpurged(storage: Storage): Promise<number> {
  return (await readNote(storage))?.purged ?? 0;
}

/**
 * Says, before anything is deleted, which versions are not whole any more: a delete whose answer was lost may still come when the lease is
 * another's, so that to find a file there proves nothing of the time to come.
 */
export async function noteVacuumed(storage: Storage, oldest: number): Promise<void> {
  const before = await readNote(storage);
  const body: Vacuumed = { ...before, formatVersion: 1, oldest: Math.max(oldest, before?.oldest ?? 0) };
  await storage.put(VACUUM_KEY, jsonBody(body));
}

/** Says, before anything is overwritten or deleted, that a purge gives up all versions before its own. */
export async function notePurged(storage: Storage, version: number): Promise<void> {
  const { oldest = 0, purged = 0 } = (await readNote(storage)) ?? {};
  const body: Vacuumed = { formatVersion: 1, oldest: Math.max(version, oldest), purged: Math.max(version, purged) };
  await storage.put(VACUUM_KEY, jsonBody(body));
}
