import pMap from 'p-map';
import { findJson } from '../shared/documents.ts';
import type { Action, Snapshot } from '../shared/domain/delta/actions.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { quarantineListKey } from '../shared/domain/keys.ts';
import type { QuarantineManifest } from '../shared/domain/quarantine.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type LogObject, listLog, oldestReadable, readEntry, readVersion } from './log.ts';
import { quarantineApp, type TableState } from './table.ts';
import { oldestUnpurged } from './vacuum-note.ts';
import { oldestRetained } from './vacuum-plan.ts';

const READS_AT_ONCE = 16;

/** What the log tells of what must stay. */
export interface Retained {
  /** The oldest version of which every file is among them. */
  readonly oldest: number;
  /** Keys that a version refers to which is retained, and files that were removed from the table at or after `before`. */
  readonly referred: ReadonlySet<string>;
  /** Entries that may tell in which version a file was removed that is not referred to; ascending. */
  readonly past: readonly LogObject[];
}

/**
 * Keys that any version refers to which is the newest, or whose successor was committed at or after `before` (epoch milliseconds). By the
 * store's times of the entries and by our times in the tombstones: the later one counts. Errors: `TABLE_CORRUPT`, `OBJECT_MISSING` where
 * the newest version's list of quarantined documents is not there, those of the storage.
 */
export async function readRetained(storage: Storage, state: TableState, before: number): Promise<Retained> {
  const listing = await listLog(storage);
  const oldest = oldestRetained(
    listing.entries,
    before,
    state.version,
    oldestReadable(listing, await oldestUnpurged(storage)) ?? 0,
  );
  const snapshot = oldest === state.version ? state.snapshot : await readVersion(storage, oldest);
  if (snapshot === undefined) throw unreadable(storage, oldest);
  const app = quarantineApp(state.namespace);
  const epochs = new Set<number>();
  for (const { txns } of [snapshot, state.snapshot]) addEpoch(epochs, txns.get(app)?.version);
  const files = [...filesOf(snapshot), ...filesOf(state.snapshot), ...removedSince(state.snapshot, before)];
  const later = listing.entries.filter(({ version }) => version > oldest);
  const added = await pMap(
    later,
    async ({ version }) => {
      const actions = (await readEntry(storage, version)) ?? [];
      for (const action of actions) {
        if ('txn' in action && action.txn.appId === app) addEpoch(epochs, action.txn.version);
      }
      return actions.flatMap((action) => ('add' in action ? [keyOf(action.add)] : []));
    },
    { concurrency: READS_AT_ONCE },
  );
  const newestEpoch = state.snapshot.txns.get(app)?.version;
  const lists = await pMap(epochs, (epoch) => listedKeys(storage, epoch, newestEpoch === BigInt(epoch)), {
    concurrency: READS_AT_ONCE,
  });
  const referred = new Set([...files, ...added.flat(), ...lists.flat()]);
  return { oldest, referred, past: listing.entries.filter(({ version }) => version <= oldest) };
}

function filesOf(snapshot: Snapshot): readonly string[] {
  return [...snapshot.files.values()].map(keyOf);
}

function removedSince({ tombstones }: Snapshot, before: number): readonly string[] {
  return [...tombstones.values()].filter(({ deletionTimestamp = 0 }) => deletionTimestamp >= before).map(keyOf);
}

function keyOf({ path }: { readonly path: string }): string {
  return decodeURIComponent(path);
}

function addEpoch(epochs: Set<number>, epoch: bigint | undefined): void {
  if (epoch !== undefined) epochs.add(Number(epoch));
}

/** A list's key and those of the bytes on it. That of an older version may be gone: the retention may have been shorter once. */
async function listedKeys(storage: Storage, epoch: number, isNewest: boolean): Promise<readonly string[]> {
  const key = quarantineListKey(epoch);
  const found = await findJson<QuarantineManifest>(storage, key);
  if (found === undefined) {
    if (!isNewest) return [];
    throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key}, which the newest version names, is not there`, {
      hint: 'Restore it from an older version of the bucket: it lists the quarantined documents whose bytes must stay.',
    });
  }
  return [key, ...found.body.documents.flatMap(({ object }) => (object === null ? [] : [object]))];
}

function unreadable(storage: Storage, version: number): MongolakeError {
  return new MongolakeError('TABLE_CORRUPT', `${storage.uri}: version ${version} is retained and can't be read`, {
    hint: 'Nothing was deleted. Restore what is missing of the log, or wait until the retention has passed.',
  });
}

/**
 * The version that removed each of `files` (key → when it was written, by the store's clock) from the table, as far as the entries `past`
 * (ascending) tell. Goes back from the newest to the oldest that can matter: a file is removed after it was written.
 */
export async function removalVersions(
  storage: Storage,
  past: readonly LogObject[],
  files: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const open = new Map(files);
  for (let end = past.length; end > 0 && open.size > 0; end -= READS_AT_ONCE) {
    const batch = past.slice(Math.max(0, end - READS_AT_ONCE), end).toReversed();
    if ((batch[0]?.modifiedAt ?? 0) < earliest(open)) break;
    const entries = await pMap(batch, ({ version }) => readEntry(storage, version));
    for (const [index, { version }] of batch.entries()) {
      for (const key of removedKeys(entries[index])) if (open.delete(key)) found.set(key, version);
    }
  }
  return found;
}

function earliest(times: ReadonlyMap<string, number>): number {
  let least = Number.POSITIVE_INFINITY;
  for (const time of times.values()) least = Math.min(least, time);
  return least;
}

function removedKeys(actions: readonly Action[] | undefined): readonly string[] {
  return (actions ?? []).flatMap((action) => ('remove' in action ? [keyOf(action.remove)] : []));
}
