import pMap from 'p-map';
import { findJson } from '../shared/documents.ts';
import { type ExtractReceipt, type MergeReceipt, workOf } from '../shared/domain/receipt.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';
import type { JobsDone } from './run-progress.ts';

/** How far one stage of a run is, and how fast it goes. */
export interface StageFigures extends JobsDone {
  /** Read by the jobs that are done, and bytes of BSON read or of Parquet written; `undefined` until one is done. */
  readonly documents: number | undefined;
  readonly bytes: number | undefined;
  /** Whether these are reckoned from some of the receipts. */
  readonly estimated: boolean;
  /** Of late; `undefined` where it can't be told yet. */
  readonly documentsPerSecond: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** Milliseconds until the last job is done, at that rate; `undefined` where that is not known, and where it is done. */
  readonly etaMs: number | undefined;
}

/** Receipts that are read to tell what all say: with a thousand jobs done, as with a dozen. */
const SAMPLE = 16;
/** Receipts by whose times the rate is told. */
const RECENT = 32;

/**
 * The figures of a stage whose jobs left these receipts. Few of them are read; when each was written tells the rate. `begun` is when the
 * first job could begin, by the store's clock, epoch milliseconds.
 */
export async function stageFigures(
  storage: Storage,
  receipts: readonly ObjectInfo[],
  { total, begun }: { readonly total: number | undefined; readonly begun: number | undefined },
): Promise<StageFigures> {
  const done = receipts.length;
  const chosen = sampled(receipts, SAMPLE);
  const read = await pMap(chosen, ({ key }) => findJson<ExtractReceipt | MergeReceipt>(storage, key), {
    concurrency: SAMPLE,
  });
  const known = read.flatMap((found) => (found === undefined ? [] : [found.body]));
  const documents = meanOf(known, (receipt) => workOf(receipt).documents);
  const bytes = meanOf(known, (receipt) => workOf(receipt).bytes);
  const longest = Math.max(0, ...known.map(({ durationMs }) => durationMs));
  const times = receipts.map(({ modifiedAt }) => modifiedAt).sort((a, b) => a - b);
  const pace = jobsPerMs(begun === undefined ? times : [begun, ...times], longest);
  const left = total === undefined ? 0 : total - done;
  return {
    done,
    total,
    documents: documents && Math.round(documents * done),
    bytes: bytes && Math.round(bytes * done),
    estimated: known.length < done,
    documentsPerSecond: perSecond(documents, pace),
    bytesPerSecond: perSecond(bytes, pace),
    etaMs: pace === undefined || left === 0 ? undefined : Math.round(left / pace),
  };
}

/** At most `most` of them, evenly. */
function sampled<T>(items: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, items.length / most);
  return items.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

function meanOf<T>(items: readonly T[], value: (item: T) => number): number | undefined {
  return items.length === 0 ? undefined : items.reduce((sum, item) => sum + value(item), 0) / items.length;
}

function perSecond(perJob: number | undefined, pace: number | undefined): number | undefined {
  return perJob === undefined || pace === undefined ? undefined : Math.round(perJob * pace * 1000);
}

/**
 * Jobs per millisecond of late, by the ascending times at which they ended, the first of which is no job's. While workers are at it, the
 * next job ends before the longest could have gone by twice: what is more was a pause of the run, and does not count.
 */
function jobsPerMs(times: readonly number[], longestMs: number): number | undefined {
  const recent = times.slice(-RECENT - 1);
  let span = 0;
  for (const [index, time] of recent.entries()) {
    const before = recent[index - 1];
    if (before !== undefined) span += Math.min(Math.max(time - before, 0), 2 * longestMs);
  }
  return span > 0 ? (recent.length - 1) / span : undefined;
}
