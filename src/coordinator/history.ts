import pMap from 'p-map';
import type { Action, CommitInfo } from '../shared/domain/delta/actions.ts';
import type { Counts } from '../shared/domain/receipt.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { listVersions, readEntry } from './log.ts';
import { watermarkOf } from './table.ts';

/** One version of a table, as its log entry tells it. Times are epoch milliseconds. */
export interface HistoryEntry {
  readonly version: number;
  readonly time: number;
  /** `SYNC`, `BACKFILL`, `REPLACE`, `RETRY`, `REPAIR`, `REPARTITION`, `COMPACT`, `RESTORE`, `ERASE`, `ALLOW`, `PURGE`, `PURGED` (given up by a purge), `FENCE`, or whatever another writer called it; `undefined` where it did not say. */
  readonly operation: string | undefined;
  /** What the operation was told, as Delta has it: of a restore its version. Texts only. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What wrote it, with its version: `mongolake/1.0.0`; `undefined` where it did not say. */
  readonly engine: string | undefined;
  /** The machine on which it was committed; `undefined` where nobody said. */
  readonly host: string | undefined;
  /** `undefined`, as what follows, where mongolake did not write the entry. */
  readonly run: string | undefined;
  /** Exclusive bounds of the cursor, `null` where open; `undefined` also where the run read nothing of the collection but some ids. */
  readonly window: { readonly from: number | null; readonly to: number | null } | undefined;
  readonly counts: Counts | undefined;
  /** From the plan to the commit, milliseconds; of a run that was finished later all that is in between. `undefined` where there was no plan. */
  readonly durationMs: number | undefined;
  readonly filesAdded: number;
  readonly filesRemoved: number;
  readonly bytesAdded: number;
  readonly bytesRemoved: number;
  /** `undefined` where the entry leaves it as it was, `null` where the table has none from then on. */
  readonly watermark: number | null | undefined;
}

const READS_AT_ONCE = 8;

/**
 * The newest `limit` versions whose log entries are still there, newest first; empty where there is no table.
 * Errors: `TABLE_CORRUPT`, those of the storage.
 */
export async function readHistory(storage: Storage, limit: number): Promise<readonly HistoryEntry[]> {
  return readVersions(storage, { limit, from: 0 }, historyEntry);
}

/** As `readHistory`, with what `digest` makes of each entry; older ones than `from` are not looked for. */
export async function readVersions<T>(
  storage: Storage,
  { limit, from }: { readonly limit: number; readonly from: number },
  digest: (version: number, modifiedAt: number, actions: readonly Action[]) => T,
): Promise<readonly T[]> {
  const newest = (await listVersions(storage, from)).slice(-limit).toReversed();
  const entries = await pMap(
    newest,
    async ({ version, modifiedAt }) => {
      const actions = await readEntry(storage, version);
      return actions && digest(version, modifiedAt, actions);
    },
    { concurrency: READS_AT_ONCE },
  );
  // One that was listed and is gone was cleaned up meanwhile.
  return entries.filter((entry) => entry !== undefined);
}

/** What our commitInfo carries beside the fields that Delta knows. */
interface OwnInfo {
  readonly run?: string;
  readonly host?: string;
  readonly startedAt?: number;
  readonly window?: HistoryEntry['window'];
  readonly counts?: Counts;
}

/** The digest of one log entry. `modifiedAt` is the store's time of the object, for entries that do not tell theirs. */
export function historyEntry(version: number, modifiedAt: number, actions: readonly Action[]): HistoryEntry {
  const info = commitInfoOf(actions);
  const own = ownInfo(info);
  const added = actions.flatMap((action) => ('add' in action ? [action.add.size] : []));
  const removed = actions.flatMap((action) => ('remove' in action ? [action.remove.size ?? 0] : []));
  const time = commitTime(actions) ?? modifiedAt;
  return {
    version,
    time,
    operation: textOf(info.operation),
    parameters: parametersOf(info.operationParameters),
    // delta-rs names itself by a field of its own where it leaves the other one out.
    engine: textOf(info.engineInfo) ?? textOf(info.clientVersion),
    host: own.host,
    run: own.run,
    window: own.window,
    counts: own.counts,
    durationMs: own.startedAt === undefined ? undefined : Math.max(time - own.startedAt, 0),
    filesAdded: added.length,
    filesRemoved: removed.length,
    bytesAdded: sum(added),
    bytesRemoved: sum(removed),
    watermark: watermarkIn(version, actions),
  };
}

/** When an entry was committed, epoch milliseconds by its writer's clock; `undefined` where it does not tell. */
export function commitTime(actions: readonly Action[]): number | undefined {
  const { timestamp } = commitInfoOf(actions);
  return typeof timestamp === 'number' ? timestamp : undefined;
}

const READINGS: ReadonlySet<unknown> = new Set(['SYNC', 'BACKFILL', 'REPLACE']);

/** When the run began that read the collection for this entry, epoch milliseconds; `undefined` for any other entry. */
export function readingBegan(actions: readonly Action[]): number | undefined {
  return READINGS.has(commitInfoOf(actions).operation) ? runBegan(actions) : undefined;
}

/** When the run that made this entry was planned, epoch milliseconds; `undefined` where nobody said. */
export function runBegan(actions: readonly Action[]): number | undefined {
  const { startedAt } = ownInfo(commitInfoOf(actions));
  return typeof startedAt === 'number' ? startedAt : undefined;
}

/** The provenance that an entry tells; empty where it tells none. */
export function commitInfoOf(actions: readonly Action[]): CommitInfo {
  return actions.find((action) => 'commitInfo' in action)?.commitInfo ?? {};
}

function ownInfo({ mongolake }: CommitInfo): OwnInfo {
  return typeof mongolake === 'object' && mongolake !== null ? mongolake : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function parametersOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** The `txn` of the watermark is the one that the entry's own head belongs to. */
function watermarkIn(version: number, actions: readonly Action[]): number | null | undefined {
  const txns = actions.flatMap((action) => ('txn' in action ? [action.txn] : []));
  const head = txns.find(({ appId, version: own }) => appId.endsWith('/head') && own === BigInt(version));
  const watermark = txns.find(({ appId }) => `${appId}/head` === head?.appId);
  return watermark && watermarkOf(watermark.version);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
