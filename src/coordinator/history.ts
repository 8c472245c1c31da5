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
  /** `SYNC`, `BACKFILL`, `REPLACE`, `REPARTITION`, `FENCE`, or whatever another writer called it; `undefined` where it did not say. */
  readonly operation: string | undefined;
  /** `undefined`, as what follows, where mongolake did not write the entry. */
  readonly run: string | undefined;
  /** Exclusive bounds of the cursor, `null` where open. */
  readonly window: { readonly from: number | null; readonly to: number | null } | undefined;
  readonly counts: Counts | undefined;
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
  const newest = (await listVersions(storage)).slice(-limit).toReversed();
  const entries = await pMap(
    newest,
    async ({ version, modifiedAt }) => {
      const actions = await readEntry(storage, version);
      return actions && historyEntry(version, modifiedAt, actions);
    },
    { concurrency: READS_AT_ONCE },
  );
  // One that was listed and is gone was cleaned up meanwhile.
  return entries.filter((entry) => entry !== undefined);
}

/** What our commitInfo carries beside the fields that Delta knows. */
interface OwnInfo {
  readonly run?: string;
  readonly window?: HistoryEntry['window'];
  readonly counts?: Counts;
}

/** The digest of one log entry. `modifiedAt` is the store's time of the object, for entries that do not tell theirs. */
export function historyEntry(version: number, modifiedAt: number, actions: readonly Action[]): HistoryEntry {
  const info: CommitInfo = actions.find((action) => 'commitInfo' in action)?.commitInfo ?? {};
  const own = typeof info.mongolake === 'object' && info.mongolake !== null ? (info.mongolake as OwnInfo) : {};
  const added = actions.flatMap((action) => ('add' in action ? [action.add.size] : []));
  const removed = actions.flatMap((action) => ('remove' in action ? [action.remove.size ?? 0] : []));
  return {
    version,
    time: typeof info.timestamp === 'number' ? info.timestamp : modifiedAt,
    operation: typeof info.operation === 'string' ? info.operation : undefined,
    run: own.run,
    window: own.window,
    counts: own.counts,
    filesAdded: added.length,
    filesRemoved: removed.length,
    bytesAdded: sum(added),
    bytesRemoved: sum(removed),
    watermark: watermarkIn(version, actions),
  };
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
