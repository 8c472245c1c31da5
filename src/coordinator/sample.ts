import { BSON, unlessBroken, walkElements } from '../shared/domain/bson.ts';
import { fieldName } from '../shared/domain/bson-text.ts';
import { type Cursor, type CursorType, cursorReader, cursorValue } from '../shared/domain/cursor.ts';
import { int32At } from '../shared/domain/little-endian.ts';
import type { Projection } from '../shared/domain/policy.ts';
import type { Source } from '../shared/ports/source.ts';

/** A few documents of a collection, as BSON; none for an empty one. */
export type Sample = readonly Buffer[];

interface SampleOptions {
  /** Documents. */
  readonly limit?: number;
  readonly projection?: Projection | undefined;
  readonly signal?: AbortSignal;
}

/** Copies the documents of the source's first batch, at most so many; the rest is not read. Errors: those of `Source.read`. */
export async function readSample(source: Source, options: SampleOptions = {}): Promise<Sample> {
  const { limit = 1000, projection, signal } = options;
  const range = { scope: { kind: 'full' }, part: null } as const;
  for await (const { bytes, offsets } of source.read(range, signal, projection)) {
    return offsets.slice(0, limit).map((at) => Buffer.from(bytes.subarray(at, at + int32At(bytes, at))));
  }
  return [];
}

/** How many documents of the sample have the cursor. */
export function countHaving(sample: Sample, cursor: Cursor): number {
  const readCursor = cursorReader(cursor);
  return sample.filter((document) => unlessBroken(() => readCursor(document, 0), undefined) !== undefined).length;
}

/** A field that may be a cursor, and how its values would be read. */
export interface CandidateField extends Cursor {
  /** Documents of the sample in which it holds such a value. */
  readonly documents: number;
}

/** Fields deeper than that have no column of their own. */
const MAX_LEVELS = 10;

/**
 * The fields that hold times, in the order first seen; one that holds several types is there once for each. Within arrays there are
 * none. A number is taken for a time of the years 2000 to 2099, and an ObjectId only as the document's own `_id`.
 */
export function candidateFields(sample: Sample): readonly CandidateField[] {
  const found = new Map<string, CandidateField>();
  const take = (field: string, type: CursorType) => {
    const key = JSON.stringify([field, type]);
    found.set(key, { field, type, documents: (found.get(key)?.documents ?? 0) + 1 });
  };
  // Of a broken one a run will say what is wrong with it.
  for (const document of sample) unlessBroken(() => takeFields(document, 0, '', MAX_LEVELS, take), undefined);
  return [...found.values()];
}

function takeFields(
  bytes: Buffer,
  at: number,
  prefix: string,
  levels: number,
  take: (field: string, type: CursorType) => void,
): void {
  walkElements(bytes, at, (type, nameStart, nameEnd, valueAt, end) => {
    const field = `${prefix}${fieldName(bytes, nameStart, nameEnd)}`;
    if (type === BSON.object && levels > 1) takeFields(bytes, valueAt, `${field}.`, levels - 1, take);
    const fits = likelyType(bytes, type, valueAt, end);
    if (fits !== undefined && (fits !== 'objectId' || field === '_id')) take(field, fits);
    return true;
  });
}

const YEAR_2000 = BigInt(Date.UTC(2000, 0));
const YEAR_2100 = BigInt(Date.UTC(2100, 0));

/** The one cursor type by which the value tells a likely time; seconds and milliseconds of one century don't overlap. */
function likelyType(bytes: Buffer, type: number, at: number, end: number): CursorType | undefined {
  if (type === BSON.date) return 'date';
  if (type === BSON.timestamp) return 'timestamp';
  if (type === BSON.objectId) return 'objectId';
  return (['epochMilliseconds', 'epochSeconds'] as const).find((epoch) => {
    const time = cursorValue(epoch, bytes, { type, at, end });
    return time !== undefined && time >= YEAR_2000 && time < YEAR_2100;
  });
}
