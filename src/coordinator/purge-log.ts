import pMap from 'p-map';
import type { Action, AddFile, Snapshot } from '../shared/domain/delta/actions.ts';
import { encodeEntry, entryKey, LOG_PREFIX } from '../shared/domain/delta/entry.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import type { BaseFile } from '../shared/domain/plan.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { Rebounded } from './erase-plan.ts';
import { commitInfoOf } from './history.ts';
import { type LogObject, listVersions, readEntry } from './log.ts';
import { headApp, type Namespace, TAGS } from './table.ts';

/** What the purge of a table says of itself in the log. */
export interface PurgeEntry {
  readonly run: string;
  readonly epoch: number;
  /** The newest version. */
  readonly base: number;
  readonly snapshot: Snapshot;
  readonly namespace: Namespace;
  /** Partitions whose files get other ranges. */
  readonly changed: readonly Rebounded[];
  /** Epoch milliseconds. */
  readonly now: number;
  readonly engineVersion: string;
  readonly host: string;
}

/** The actions of the log entry after `base`: the same rows, in files some of which have other ranges. */
export function purgeActions(entry: PurgeEntry): Action[] {
  const { run, epoch, base, snapshot, namespace, changed, now, engineVersion, host } = entry;
  const commitInfo = {
    timestamp: now,
    operation: 'PURGE',
    operationParameters: {},
    engineInfo: `mongolake/${engineVersion}`,
    txnId: run,
    mongolake: { run, epoch, host },
  };
  const byPath = new Map([...snapshot.files.values()].map((add) => [decodeURIComponent(add.path), add]));
  const dropped = changed.flatMap((partition) => partition.dropped).map(({ path }) => byPath.get(path) as AddFile);
  const moved = changed
    .flatMap((partition) => partition.files)
    .map((file): readonly [AddFile, BaseFile] => [byPath.get(file.path) as AddFile, file])
    .filter(
      ([add, { lower, upper }]) =>
        (add.tags?.[TAGS.lower] ?? null) !== lower || (add.tags?.[TAGS.upper] ?? null) !== upper,
    );
  return [
    { commitInfo },
    { txn: { appId: headApp(namespace), version: BigInt(base + 1), lastUpdated: now } },
    ...dropped.map(({ path, size, partitionValues }) => ({
      remove: { path, deletionTimestamp: now, dataChange: false, extendedFileMetadata: true, partitionValues, size },
    })),
    ...moved.map(([add, file]) => ({ add: { ...add, dataChange: false, tags: rangeTags(add, file) } })),
  ];
}

function rangeTags({ tags = {} }: AddFile, { lower, upper }: BaseFile): Readonly<Record<string, string>> {
  const { [TAGS.lower]: _, [TAGS.upper]: __, ...rest } = tags;
  return {
    ...rest,
    ...(lower === null ? {} : { [TAGS.lower]: lower }),
    ...(upper === null ? {} : { [TAGS.upper]: upper }),
  };
}

const PURGED = 'PURGED';

const WRITES_AT_ONCE = 16;

/**
 * Writes over every log entry before `version`, from which on the table is read, and deletes what else there is of these versions. Their numbers stay taken,
 * so that no writer that was asleep can have one anew; each entry keeps its time and the run that it was of. Returns the oldest of them.
 */
export async function forgetVersions(
  version: number,
  { run, epoch }: Pick<PurgeEntry, 'run' | 'epoch'>,
  {
    storage,
    engineVersion,
    signal,
  }: Pick<PurgeEntry, 'engineVersion'> & { readonly storage: Storage; readonly signal: AbortSignal },
): Promise<number> {
  const before = (await listVersions(storage)).filter((entry) => entry.version < version);
  const forget = async ({ version: old, modifiedAt }: LogObject) => {
    signal.throwIfAborted();
    const { timestamp = modifiedAt, txnId, operation } = commitInfoOf(await readable(storage, old));
    if (operation === PURGED) return;
    const commitInfo = {
      timestamp,
      operation: PURGED,
      operationParameters: { version: String(version) },
      engineInfo: `mongolake/${engineVersion}`,
      ...(txnId === undefined ? {} : { txnId }),
      mongolake: { run, epoch },
    };
    await storage.put(entryKey(old), encodeEntry([{ commitInfo }]));
  };
  await pMap(before, forget, { concurrency: WRITES_AT_ONCE });
  const others: string[] = [];
  for await (const { key } of storage.list(LOG_PREFIX)) if (isOfOlder(key, version)) others.push(key);
  if (others.length > 0) await storage.delete(others);
  return before[0]?.version ?? version;
}

/** The actions of an entry; none of one that is damaged, which goes all the same. */
async function readable(storage: Storage, version: number): Promise<readonly Action[]> {
  try {
    return (await readEntry(storage, version)) ?? [];
  } catch (error) {
    if (asMongolakeError(error).code === 'TABLE_CORRUPT') return [];
    throw error;
  }
}

/** Checkpoints of any kind, compacted entries and checksums, by whatever writer. */
function isOfOlder(key: string, version: number): boolean {
  const own = /^_delta_log\/(\d{20})\./.exec(key)?.[1];
  return own !== undefined && Number(own) < version && key !== entryKey(Number(own));
}
