import { findJson, jsonBody } from '../shared/documents.ts';
import { NO_COUNTS } from '../shared/domain/books.ts';
import { FRESHNESS_KEY } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import type { Position } from '../shared/domain/position.ts';
import type { Counts } from '../shared/domain/receipt.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { readUntil } from './told.ts';

/** The last successful check of a table against its source. */
export interface Freshness {
  readonly formatVersion: 1;
  readonly run: string;
  /** Epoch milliseconds: what the source held by then is in the table. */
  readonly checkedAt: number;
  readonly version: number;
  readonly watermark: number | null;
  /** Up to where nothing came in the change stream that is not in that version; absent where the table follows none. */
  readonly position?: Position;
  readonly counts: Counts;
}

/** Notes that the run's check succeeded, whether or not it found a change. Nothing where there is still no table, and so no version. */
export async function noteFreshness(
  storage: Storage,
  plan: Plan,
  version: number | undefined,
  counts: Counts,
): Promise<void> {
  if (version === undefined) return;
  const freshness: Freshness = {
    formatVersion: 1,
    run: plan.run,
    checkedAt: plan.createdAt,
    version,
    watermark: readUntil(plan),
    ...(plan.position === undefined ? {} : { position: plan.position.to }),
    counts,
  };
  await storage.put(FRESHNESS_KEY, jsonBody(freshness));
}

/**
 * Leaves what was true of an older version that was put back as the table's newest: `checkedAt` is when the source was read for it.
 * Without that time there is no note until the next check.
 */
export async function noteRestored(
  storage: Storage,
  { checkedAt, ...rest }: Pick<Freshness, 'run' | 'version' | 'watermark'> & { readonly checkedAt: number | undefined },
): Promise<void> {
  if (checkedAt === undefined) return storage.delete([FRESHNESS_KEY]);
  const freshness: Freshness = { formatVersion: 1, ...rest, checkedAt, counts: NO_COUNTS };
  await storage.put(FRESHNESS_KEY, jsonBody(freshness));
}

/** The note that the last successful check left; `undefined` where there was none. */
export async function readFreshness(storage: Storage): Promise<Freshness | undefined> {
  return (await findJson<Freshness>(storage, FRESHNESS_KEY))?.body;
}
