import type { Action } from '../shared/domain/delta/actions.ts';
import { encodeEntry, entryKey } from '../shared/domain/delta/entry.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { readEntry } from './log.ts';

/**
 * Writes the entry of one version with put-if-absent: the only commit point. `run` must be in the entry's commitInfo; by it the
 * commit recognises itself where the store's answer was lost. Throws `COMMIT_CONFLICT` where someone else has the version,
 * `COMMIT_UNKNOWN` where the store can't even be read.
 */
export async function commitEntry(
  storage: Storage,
  version: number,
  run: string,
  actions: readonly Action[],
): Promise<void> {
  const key = entryKey(version);
  try {
    const { written } = await storage.putIfAbsent(key, encodeEntry(actions), run);
    if (!written) throw conflict(storage, version);
  } catch (error) {
    if (error instanceof MongolakeError && error.code !== 'STORE_UNREACHABLE') throw error;
    await settle(storage, version, run, error);
  }
}

/** Writes an entry that changes nothing where `version` is free; false where it was taken before. Throws `COMMIT_UNKNOWN`. */
export async function occupyVersion(
  storage: Storage,
  version: number,
  run: string,
  actions: readonly Action[],
): Promise<boolean> {
  try {
    await commitEntry(storage, version, run, actions);
    return true;
  } catch (error) {
    if (error instanceof MongolakeError && error.code === 'COMMIT_CONFLICT') return false;
    throw error;
  }
}

/** After a lost answer: the entry that is there tells. */
async function settle(storage: Storage, version: number, run: string, error: unknown): Promise<void> {
  const known = asMongolakeError(error);
  let actions: Action[] | undefined;
  try {
    actions = await readEntry(storage, version);
  } catch (readError) {
    throw unknown(storage, version, new AggregateError([error, readError], known.message));
  }
  if (actions === undefined) throw unknown(storage, version, error);
  if (!actions.some((action) => 'commitInfo' in action && action.commitInfo.txnId === run))
    throw conflict(storage, version);
}

function conflict(storage: Storage, version: number): MongolakeError {
  return new MongolakeError('COMMIT_CONFLICT', `${storage.uri}: version ${version} was committed by another run`, {
    hint: 'Nothing of this run is visible. Run again: it starts from the newer version.',
  });
}

function unknown(storage: Storage, version: number, cause: unknown): MongolakeError {
  const reason = asMongolakeError(cause).message;
  return new MongolakeError(
    'COMMIT_UNKNOWN',
    `${storage.uri}: whether version ${version} was committed is not known: ${reason}`,
    {
      hint: 'Run again once the store answers: the next run finds out. Nothing was deleted.',
      cause,
    },
  );
}
