import type { Snapshot } from '../shared/domain/delta/actions.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { commitTime } from './history.ts';
import { type LogListing, type LogObject, listLog, oldestReadable, readEntry, readVersion } from './log.ts';
import { isPending, tableMissing } from './table.ts';
import { oldestUnpurged } from './vacuum-note.ts';

/** Which version of a table is meant. `at`: the newest that was committed no later, epoch milliseconds. */
export type VersionChoice =
  | { readonly kind: 'newest' }
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'at'; readonly time: number };

/** A version that was asked for, whoever wrote it. */
export interface ChosenVersion {
  readonly snapshot: Snapshot;
  /** When it was committed, epoch milliseconds; `undefined` where its log entry was cleaned up behind a checkpoint. */
  readonly time: number | undefined;
}

/** The version that is meant. Errors: `TABLE_MISSING`, `VERSION_MISSING`, those of `readVersion`. */
export async function readChosen(storage: Storage, choice: VersionChoice): Promise<ChosenVersion> {
  const listing = await listLog(storage);
  const newest = Math.max(...[listing.entries.at(-1), listing.checkpoints.at(-1)].map((last) => last?.version ?? -1));
  if (newest < 0) throw tableMissing(storage);
  const version = await numberOf(storage, choice, listing, newest);
  const purged = version < newest ? await oldestUnpurged(storage) : 0;
  if (version < purged) throw versionPurged(storage, version, purged);
  const snapshot = await readVersion(storage, version);
  if (snapshot === undefined) throw await versionMissing(storage, `version ${version}`, listing, newest);
  if (isPending(snapshot)) throw tableMissing(storage);
  const entry = listing.entries.find((one) => one.version === version);
  return { snapshot, time: entry && (await timeOf(storage, entry)) };
}

async function numberOf(storage: Storage, choice: VersionChoice, listing: LogListing, newest: number): Promise<number> {
  if (choice.kind === 'newest') return newest;
  if (choice.kind === 'version') return choice.version;
  const found = await newestUntil(storage, listing.entries, choice.time);
  if (found !== undefined) return found;
  throw await versionMissing(storage, `the version of ${new Date(choice.time).toISOString()}`, listing, newest);
}

/** The last of the entries that was not committed after `time`. Their times ascend, as far as their writers' clocks agree: few are read. */
async function newestUntil(storage: Storage, entries: readonly LogObject[], time: number): Promise<number | undefined> {
  let from = 0;
  let to = entries.length;
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if ((await timeOf(storage, entries[middle] as LogObject)) <= time) from = middle + 1;
    else to = middle;
  }
  return entries[from - 1]?.version;
}

async function timeOf(storage: Storage, { version, modifiedAt }: LogObject): Promise<number> {
  return commitTime((await readEntry(storage, version)) ?? []) ?? modifiedAt;
}

function versionPurged({ uri }: Storage, version: number, purged: number): MongolakeError {
  return new MongolakeError(
    'VERSION_MISSING',
    `${uri}: version ${version} was given up by the purge of version ${purged}`,
    {
      hint: 'It held ids that were erased for good (`mongolake erase --purge`), and can not come back.',
    },
  );
}

async function versionMissing(
  storage: Storage,
  what: string,
  listing: LogListing,
  newest: number,
): Promise<MongolakeError> {
  const oldest = oldestReadable(listing, await oldestUnpurged(storage));
  const there = oldest === undefined ? 'none can be read' : `those that can be read are ${oldest} to ${newest}`;
  return new MongolakeError('VERSION_MISSING', `${storage.uri}: ${what} is not in the log: ${there}`, {
    hint: '`mongolake history` lists the versions with their times. One that another engine has cleaned out of the log is gone for every reader.',
  });
}
