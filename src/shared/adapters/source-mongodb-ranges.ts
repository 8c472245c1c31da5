import type { Collection, Document } from 'mongodb';
import { findElement } from '../domain/bson.ts';
import { bufferOf } from '../domain/buffers.ts';
import { cursorReader, DATE_MAX_MS } from '../domain/cursor.ts';
import { MongolakeError } from '../domain/errors.ts';
import type { ExtractRange, ReadScope } from '../domain/job.ts';
import type { SizeEstimate, SplitOptions } from '../ports/source.ts';
import { isRefusedQuery } from './mongodb-errors.ts';
import { pointOf } from './mongodb-ids.ts';
import { evenBounds, evenCuts, idRanges, sampledBounds, windowRanges } from './mongodb-parts.ts';
import { type Window, windowFilter } from './mongodb-window.ts';
import { estimate, rangeIndexes } from './source-mongodb-size.ts';

/** Bytes of BSON that a range holds, about, if nothing else is given. */
export const RANGE_BYTES = 256e6;
const RANGES_MAX = 1024;
/** A document's bytes, where the server tells only how many there are. */
const ASSUMED_BYTES = 1000;

/** Sampled ids for each range: its size then differs from the others' by about a quarter. */
const SAMPLES_PER_RANGE = 20;
const SAMPLES_MAX = 5_000;
/** Up to this share of the documents, and above a hundred of them, MongoDB takes a sample by a random cursor; else by a scan (manual, "$sample"). */
const SAMPLED_SHARE_MAX = 0.05;
/** How long one question may take, milliseconds. */
const ASK_MAX_MS = 10_000;

export interface Splitting extends SplitOptions {
  readonly rangeBytes: number;
  /** Our clock, epoch milliseconds. */
  readonly now: number;
}

/** Splits a scope of a collection of size `all` by a sample or the ends of an index, never by a scan. */
export async function splitScope(
  collection: Collection,
  scope: ReadScope,
  all: SizeEstimate,
  splitting: Splitting,
): Promise<readonly ExtractRange[]> {
  const count = countFor(all, splitting.rangeBytes);
  const whole = [{ scope, part: null }];
  if (count === 1) return whole;
  if (scope.kind === 'window') return (await splitWindow(collection, scope, all, splitting)) ?? whole;
  const bounds = await boundsOf(collection, all, count, splitting);
  if (!('unsplit' in bounds)) return idRanges(bounds);
  splitting.warn?.(`the whole collection is read as one range: ${bounds.unsplit}`);
  return whole;
}

/** How many ranges make up so much; `undefined` where the server tells no size. */
function countFor({ documents, bytes }: SizeEstimate, rangeBytes: number): number | undefined {
  const assumed = bytes ?? (documents === undefined ? undefined : documents * ASSUMED_BYTES);
  if (assumed === undefined) return undefined;
  return Math.min(RANGES_MAX, Math.max(1, Math.round(assumed / rangeBytes)));
}

/** Points between which everything is read, or why there are none. */
async function boundsOf(
  collection: Collection,
  all: SizeEstimate,
  count: number | undefined,
  { hidesIds }: Splitting,
): Promise<readonly Buffer[] | { readonly unsplit: string }> {
  if (count === undefined) return { unsplit: 'the server does not tell its size' };
  if (hidesIds) return { unsplit: '_id is hashed, and a plan must not tell of its values' };
  const sampled = sampledBounds(await sampleIds(collection, all.documents ?? 0, count), count);
  if (sampled.length > 0) return sampled;
  const [smallest, largest] = [await endOf(collection, '_id', 1), await endOf(collection, '_id', -1)];
  if (smallest === undefined || largest === undefined)
    return { unsplit: 'the server did not tell its first and last _id in time' };
  const even = evenBounds(idOf(smallest), idOf(largest), count);
  if (even === undefined)
    return {
      unsplit:
        'the server takes no sample, and its first and last _id are neither both ObjectIds nor both whole numbers',
    };
  return even.length > 0 ? even : { unsplit: 'the server takes no sample, and its first and last _id are of one time' };
}

/** Ids as points, in the server's own order; none where it does not take the sample. */
async function sampleIds(collection: Collection, documents: number, count: number): Promise<readonly Buffer[]> {
  const most = Math.floor(documents * SAMPLED_SHARE_MAX);
  const size = Math.max(1, Math.min(count * SAMPLES_PER_RANGE, SAMPLES_MAX, most));
  const pipeline = [{ $sample: { size } }, { $project: { _id: 1 } }, { $sort: { _id: 1 } }];
  const sample = await unlessRefused(() =>
    collection.aggregate(pipeline, { raw: true, maxTimeMS: ASK_MAX_MS }).toArray(),
  );
  return (sample ?? []).map((document) => idOf(rawOf(document)));
}

/** A window is split where an index tells its ends: by time between them. `undefined` where it stays one range. */
async function splitWindow(
  collection: Collection,
  window: Window,
  all: SizeEstimate,
  { rangeBytes, now }: Splitting,
): Promise<readonly ExtractRange[] | undefined> {
  const { field } = window.cursor;
  const indexes = await rangeIndexes(collection);
  if (!indexes.some(({ fields }) => fields[0] === field)) return undefined;
  const { documents, bytes, atLeast } = await estimate(collection, window, all);
  // What was too long to be counted may be as large as the collection.
  const count = countFor(documents === undefined || atLeast ? all : { documents, bytes }, rangeBytes) ?? 1;
  if (count === 1) return undefined;
  const filter = windowFilter(window);
  const ends = [await endOf(collection, field, 1, filter), await endOf(collection, field, -1, filter)];
  const read = cursorReader(window.cursor);
  const [low, high] = ends.map((document) => document && read(document, 0));
  if (low === undefined || high === undefined) return undefined;
  // A few documents of a time to come would take most of the ranges for themselves.
  const cuts = evenCuts(larger(low, BigInt(-DATE_MAX_MS)), smaller(high, BigInt(now)), count);
  return cuts.length === 0 ? undefined : windowRanges(window, cuts.map(Number));
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** The first (1) or last (−1) document by an index, with that field only; `undefined` where there is none, or not in time. */
async function endOf(
  collection: Collection,
  field: string,
  direction: 1 | -1,
  filter: Document = {},
): Promise<Buffer | undefined> {
  const options = {
    sort: { [field]: direction },
    limit: 1,
    projection: { [field]: 1 },
    raw: true,
    maxTimeMS: ASK_MAX_MS,
  };
  const found = await unlessRefused(() => collection.find(filter, options).toArray());
  return found?.[0] && rawOf(found[0]);
}

/** What a question gives, `undefined` where the server won't answer it: a stage that it does not know, or out of time. */
async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isRefusedQuery(error)) return undefined;
    throw error;
  }
}

/** With `raw` the driver gives bytes, whatever its types say. */
function rawOf(document: Document): Buffer {
  return bufferOf(document as Uint8Array);
}

function idOf(document: Buffer): Buffer {
  const element = findElement(document, 0, ['_id']);
  if (element === undefined) throw new MongolakeError('INTERNAL', 'the server left out _id, which it was asked for');
  return pointOf(document, element);
}
