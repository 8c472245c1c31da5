import { MongolakeError } from '../errors.ts';
import type { Action, AddFile, Metadata, Protocol, RemoveFile, Snapshot, Txn } from './actions.ts';

/** The newest protocol that we follow (Delta PROTOCOL.md, "Reader Version Requirements", "Writer Version Requirements"). */
export const SUPPORTED_PROTOCOL = { minReaderVersion: 1, minWriterVersion: 2 } as const satisfies Protocol;

/** A snapshot in the making: `applyAction` changes it in place, so that a replay costs what its actions cost, not what the table holds. */
export interface Draft {
  protocol: Protocol | undefined;
  metadata: Metadata | undefined;
  readonly files: Map<string, AddFile>;
  readonly tombstones: Map<string, RemoveFile>;
  readonly txns: Map<string, Txn>;
}

/** A draft that starts as a copy of `base`, or empty. */
export function draftOf(base: Snapshot | undefined): Draft {
  return {
    protocol: base?.protocol,
    metadata: base?.metadata,
    files: new Map(base?.files),
    tombstones: new Map(base?.tombstones),
    txns: new Map(base?.txns),
  };
}

/**
 * Replays one action ("Action Reconciliation"): the newest wins, per path for files, per appId for txns. Throws `TABLE_FOREIGN`
 * for a protocol that we don't follow, at once: what comes after it may mean something else than we think.
 */
export function applyAction(draft: Draft, action: Action): void {
  if ('add' in action) {
    draft.tombstones.delete(action.add.path);
    draft.files.set(action.add.path, settled(action.add));
  } else if ('remove' in action) {
    draft.files.delete(action.remove.path);
    draft.tombstones.set(action.remove.path, settled(action.remove));
  } else if ('txn' in action) {
    draft.txns.set(action.txn.appId, action.txn);
  } else if ('metaData' in action) {
    draft.metadata = action.metaData;
  } else if ('protocol' in action) {
    checkProtocol(action.protocol);
    draft.protocol = action.protocol;
  }
}

function settled<T extends { readonly dataChange: boolean }>(file: T): T {
  return file.dataChange ? { ...file, dataChange: false } : file;
}

/** The draft as the table's state at `version`. The draft must not be used afterwards. `TABLE_CORRUPT` where it is incomplete. */
export function finishDraft(draft: Draft, version: number): Snapshot {
  const { protocol, metadata, files, tombstones, txns } = draft;
  if (protocol !== undefined && metadata !== undefined) return { version, protocol, metadata, files, tombstones, txns };
  const missing = protocol === undefined ? 'protocol' : 'metaData';
  throw new MongolakeError('TABLE_CORRUPT', `the log up to version ${version} has no ${missing} action`, {
    hint: 'The first entry of a table always has one: restore the log from a backup.',
  });
}

/**
 * The table's state after the entry of `version`, which must be the one after `base` (0 where there is none). Copies `base`;
 * to replay many entries use a draft. Throws `TABLE_CORRUPT` for another version, `TABLE_FOREIGN` for a protocol above ours.
 */
export function applyEntry(base: Snapshot | undefined, version: number, actions: Iterable<Action>): Snapshot {
  const expected = base === undefined ? 0 : base.version + 1;
  if (version !== expected) {
    throw new MongolakeError('TABLE_CORRUPT', `log entry ${version} follows where entry ${expected} belongs`, {
      hint: 'An entry was deleted or lost: restore it from a backup.',
    });
  }
  const draft = draftOf(base);
  for (const action of actions) applyAction(draft, action);
  return finishDraft(draft, version);
}

/**
 * The snapshot without the tombstones of files that were removed before `before` (epoch milliseconds; now less the retention).
 * One without a time counts as removed in 1970, as Spark has it.
 */
export function withoutExpired(snapshot: Snapshot, before: number): Snapshot {
  const kept = [...snapshot.tombstones].filter(([, remove]) => (remove.deletionTimestamp ?? 0) >= before);
  return { ...snapshot, tombstones: new Map(kept) };
}

/** Throws `TABLE_FOREIGN` for a protocol above reader 1, writer 2: its log has meanings that we don't know. */
export function checkProtocol(protocol: Protocol): void {
  const { minReaderVersion, minWriterVersion } = protocol;
  const ours = SUPPORTED_PROTOCOL;
  if (minReaderVersion <= ours.minReaderVersion && minWriterVersion <= ours.minWriterVersion) return;
  const features = [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])];
  const named = features.length === 0 ? '' : ` (${features.join(', ')})`;
  throw new MongolakeError(
    'TABLE_FOREIGN',
    `the table's protocol is reader ${minReaderVersion}, writer ${minWriterVersion}${named}; ` +
      `mongolake reads and writes up to reader ${ours.minReaderVersion}, writer ${ours.minWriterVersion}`,
    {
      hint: 'Another engine made or upgraded this table. Drop the features there, or give mongolake a folder of its own.',
    },
  );
}
