import { FRESHNESS_KEY } from '../shared/domain/keys.ts';
import type { Counts } from '../shared/domain/receipt.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** The last successful check of a table against its source. */
export interface Freshness {
  readonly formatVersion: 1;
  readonly run: string;
  /** Epoch milliseconds: what the source held by then is in the table. */
  readonly checkedAt: number;
  readonly version: number;
  readonly watermark: number | null;
  readonly counts: Counts;
}

export async function readFreshness(storage: Storage): Promise<Freshness | undefined> {
  const object = await storage.get(FRESHNESS_KEY);
  return object && (JSON.parse(object.body.toString('utf8')) as Freshness);
}
