import { readTwice } from '../shared/documents.ts';
import type { Action, Snapshot } from '../shared/domain/delta/actions.ts';
import {
  beforeVersion,
  checkpointKey,
  decodeEntry,
  entryKey,
  LAST_CHECKPOINT_KEY,
  LOG_PREFIX,
  parseLogKey,
} from '../shared/domain/delta/entry.ts';
import { applyAction, type Draft, draftOf, finishDraft } from '../shared/domain/delta/snapshot.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { type LastCheckpoint, readCheckpoint, readLastCheckpoint } from './checkpoint.ts';

export interface OpenTable {
  readonly snapshot: Snapshot;
  /** The version of the checkpoint that the snapshot was read from; `undefined` where every entry was replayed. */
  readonly checkpointVersion: number | undefined;
  /** What was found damaged and could be done without, for the operator. */
  readonly notes: readonly string[];
}

/** A log entry or a checkpoint, as a listing shows it. */
export interface LogObject {
  readonly version: number;
  /** Bytes. */
  readonly size: number;
  /** Epoch milliseconds, as the store tells it. */
  readonly modifiedAt: number;
}

/** What is in a log, each by version, ascending. */
export interface LogListing {
  readonly entries: readonly LogObject[];
  readonly checkpoints: readonly LogObject[];
}

/**
 * The newest version of the table; `undefined` for a folder without a log. Reads `_last_checkpoint`, the newest checkpoint from
 * there on and the entries after it. Where any of these is damaged or missing it goes by a full listing, to an older checkpoint or
 * to the first entry, and says so in the notes. Errors: `TABLE_CORRUPT` for a gap between entries, an entry that can't be
 * understood, or no way to the newest version; `TABLE_FOREIGN` for a protocol above ours; those of the storage.
 */
export async function openTable(storage: Storage): Promise<OpenTable | undefined> {
  const pointer = await readLastCheckpoint(storage);
  const notes = new Set<string>();
  if (pointer?.version !== undefined) {
    const opened = await replayListing(storage, await listLog(storage, pointer.version), notes, pointer);
    if (opened !== undefined) return opened;
  }
  if (pointer !== undefined) notes.add(pointerNote(storage, pointer));
  const listing = await listLog(storage);
  if (pointer === undefined && listing.entries.length === 0 && listing.checkpoints.length === 0) return undefined;
  const opened = await replayListing(storage, listing, notes, pointer);
  if (opened !== undefined) return opened;
  throw corrupt(storage, 'there is neither a checkpoint that can be read nor the first entry', notes);
}

function pointerNote(storage: Storage, pointer: LastCheckpoint): string {
  const fault = pointer.fault ?? `checkpoint ${pointer.version} that it names can't be used`;
  return `${storage.uri}/${LAST_CHECKPOINT_KEY}: ${fault}; the whole log was listed instead, until a new checkpoint is made`;
}

/**
 * The table as it was at `version`; `undefined` where that version is not there, or no longer (its entries were cleaned up).
 * Errors as for `openTable`.
 */
export async function readVersion(storage: Storage, version: number): Promise<Snapshot | undefined> {
  const [pointer, listing] = await Promise.all([readLastCheckpoint(storage), listLog(storage, 0, version)]);
  const last = (objects: readonly LogObject[]): number | undefined => objects.at(-1)?.version;
  if (last(listing.entries) !== version && last(listing.checkpoints) !== version) return undefined;
  return (await replayListing(storage, listing, new Set(), pointer))?.snapshot;
}

/** The actions of one log entry; `undefined` where there is none. `TABLE_CORRUPT` where it can't be understood. */
export async function readEntry(storage: Storage, version: number): Promise<Action[] | undefined> {
  const key = entryKey(version);
  return readTwice('TABLE_CORRUPT', async () => {
    const found = await storage.get(key);
    return found && decodeEntry(found.body, `${storage.uri}/${key}`);
  });
}

/** The versions from `from` on that have a log entry, ascending, with the entry's size and time. */
export async function listVersions(storage: Storage, from = 0): Promise<readonly LogObject[]> {
  return (await listLog(storage, from)).entries;
}

/** Entries and classic checkpoints of the versions `from` to `to`, both included. Anything else in the log is passed over. */
export async function listLog(storage: Storage, from = 0, to: number = Number.MAX_SAFE_INTEGER): Promise<LogListing> {
  const entries: LogObject[] = [];
  const checkpoints: LogObject[] = [];
  for await (const { key, size, modifiedAt } of storage.list(LOG_PREFIX, { startAfter: beforeVersion(from) })) {
    const parsed = parseLogKey(key);
    if (parsed === undefined) continue;
    const { kind, version } = parsed;
    if (version > to) break;
    (kind === 'entry' ? entries : checkpoints).push({ version, size, modifiedAt });
  }
  return { entries, checkpoints };
}

/**
 * The oldest version that a whole log can show: the first, or that of the oldest checkpoint where entries before it were cleaned up, or given up by a purge
 * of version `purged`.
 */
export function oldestReadable({ entries, checkpoints }: LogListing, purged: number): number | undefined {
  if (purged === 0 && entries[0]?.version === 0) return 0;
  return checkpoints.find(({ version }) => version >= purged)?.version;
}

/** The newest version that the listing leads to; `undefined` where it has no usable start. */
async function replayListing(
  storage: Storage,
  listing: LogListing,
  notes: Set<string>,
  pointer: LastCheckpoint | undefined,
): Promise<OpenTable | undefined> {
  const start = await newestCheckpoint(storage, listing.checkpoints, notes, pointer);
  if (start === undefined && listing.entries[0]?.version !== 0) return undefined;
  const after = start?.version ?? -1;
  const versions = listing.entries.map(({ version }) => version).filter((version) => version > after);
  for (const [index, version] of versions.entries()) {
    const expected = after + 1 + index;
    if (version !== expected) throw corrupt(storage, `entry ${expected} is missing, but ${version} is there`, notes);
  }
  const snapshot = start !== undefined && versions.length === 0 ? start : await replay(storage, start, versions);
  return { snapshot, checkpointVersion: start?.version, notes: [...notes] };
}

async function newestCheckpoint(
  storage: Storage,
  checkpoints: readonly LogObject[],
  notes: Set<string>,
  pointer: LastCheckpoint | undefined,
): Promise<Snapshot | undefined> {
  for (const { version } of checkpoints.toReversed()) {
    const crc32 = pointer?.version === version ? pointer.crc32 : undefined;
    try {
      const snapshot = await fetchCheckpoint(storage, version, crc32);
      if (snapshot !== undefined) return snapshot;
    } catch (error) {
      // A damaged checkpoint can be done without, as long as an older one or all entries are there; nothing else can.
      if (!(error instanceof MongolakeError) || error.code !== 'TABLE_CORRUPT') throw error;
      notes.add(`${storage.uri}: ${error.message}; an older state was taken and the log replayed from there`);
    }
  }
  return undefined;
}

function fetchCheckpoint(storage: Storage, version: number, crc32: string | undefined): Promise<Snapshot | undefined> {
  return readTwice('TABLE_CORRUPT', async () => {
    const found = await storage.get(checkpointKey(version));
    return found && readCheckpoint(found.body, version, crc32);
  });
}

/** Entries that are fetched ahead while an earlier one is awaited. */
const ENTRIES_IN_FLIGHT = 8;

async function replay(storage: Storage, start: Snapshot | undefined, versions: readonly number[]): Promise<Snapshot> {
  const draft: Draft = draftOf(start);
  const inFlight: Promise<Fetched>[] = [];
  for (const [index, version] of versions.entries()) {
    for (let next = index + inFlight.length; inFlight.length < ENTRIES_IN_FLIGHT; next++) {
      const ahead = versions[next];
      if (ahead === undefined) break;
      inFlight.push(fetchEntry(storage, ahead));
    }
    const fetched = await inFlight.shift();
    if (fetched?.error !== undefined) throw fetched.error;
    if (fetched?.actions === undefined) {
      throw corrupt(
        storage,
        `entry ${version} was listed but is not there: was the log cleaned up meanwhile?`,
        new Set(),
      );
    }
    for (const action of fetched.actions) applyAction(draft, action);
  }
  return finishDraft(draft, versions.at(-1) ?? start?.version ?? 0);
}

interface Fetched {
  readonly actions?: Action[] | undefined;
  readonly error?: unknown;
}

/** Never rejects: the entries ahead may fail before anyone awaits them. */
function fetchEntry(storage: Storage, version: number): Promise<Fetched> {
  return readEntry(storage, version).then(
    (actions) => ({ actions }),
    (error: unknown) => ({ error }),
  );
}

function corrupt(storage: Storage, what: string, notes: ReadonlySet<string>): MongolakeError {
  const message = [`${storage.uri}/${LOG_PREFIX}: ${what}`, ...notes].join('; ');
  return new MongolakeError('TABLE_CORRUPT', message, {
    hint: 'Restore what is missing from a backup or an older version of the bucket, or load the table anew.',
  });
}
