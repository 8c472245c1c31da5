import type { Collection, Document, MongoClient } from 'mongodb';
import type { Cursor } from '../domain/cursor.ts';
import type { ReadScope } from '../domain/job.ts';
import type { BoundedCount, IndexInfo, SizeEstimate } from '../ports/source.ts';
import { isServerError } from './mongodb-errors.ts';
import { windowFilter, withoutCursorFilter } from './mongodb-window.ts';

/** How long counting in an index may take, milliseconds, and how far it counts: that number then means "at least". */
const COUNT_MAX_MS = 5_000;
const COUNT_MAX_DOCUMENTS = 1_000_000;

/** MongoDB `error_codes.yml`. */
const UNAUTHORIZED = 13;
const NAMESPACE_NOT_FOUND = 26;
const MAX_TIME_EXPIRED = 50;
const COMMAND_NOT_FOUND = 59;
const NOT_SUPPORTED_ON_VIEW = 166;

/** What the driver does not pass on to commands by itself: reads go where the data is read. */
export const preferenceOf = (client: MongoClient) => ({ readPreference: client.options.readPreference });

/** The size of what a scope reads of a collection of size `all`, by its index; nothing where no index serves the window. */
export async function estimate(collection: Collection, scope: ReadScope, all: SizeEstimate): Promise<SizeEstimate> {
  if (scope.kind === 'full') return all;
  const index = (await rangeIndexes(collection)).find(({ fields }) => fields[0] === scope.cursor.field);
  if (index === undefined) return { documents: undefined, bytes: undefined };
  const counted = await countInIndex(collection, windowFilter(scope), index.name);
  const documents = counted?.documents;
  const average = all.documents && all.bytes !== undefined ? all.bytes / all.documents : undefined;
  const bytes = documents === undefined || average === undefined ? undefined : Math.round(documents * average);
  return { documents, bytes: documents === 0 ? 0 : bytes, ...(counted?.atLeast ? { atLeast: true } : {}) };
}

/** Only by an index that holds every document, also those without the field; `undefined` where there is none such. */
export async function countWithoutCursor(collection: Collection, cursor: Cursor): Promise<BoundedCount | undefined> {
  const index = (await rangeIndexes(collection)).find(({ fields, sparse }) => fields[0] === cursor.field && !sparse);
  return index && countInIndex(collection, withoutCursorFilter(cursor), index.name);
}

/** Counts in the index, up to a number and for a time; `undefined` where that was too short. */
async function countInIndex(collection: Collection, filter: Document, hint: string): Promise<BoundedCount | undefined> {
  try {
    const options = { hint, limit: COUNT_MAX_DOCUMENTS, maxTimeMS: COUNT_MAX_MS };
    const documents = await collection.countDocuments(filter, options);
    return { documents, atLeast: documents === COUNT_MAX_DOCUMENTS };
  } catch (error) {
    if (isServerError(error, MAX_TIME_EXPIRED)) return undefined;
    throw error;
  }
}

/** Size by the collection's metadata. A view has none; a user without `collStats` still learns the count. */
export async function statistics(collection: Collection): Promise<SizeEstimate> {
  try {
    const stats = await collection.db.command(
      { collStats: collection.collectionName },
      preferenceOf(collection.db.client),
    );
    return { documents: Number(stats.count), bytes: Number(stats.size) };
  } catch (error) {
    if (isServerError(error, NAMESPACE_NOT_FOUND)) return { documents: 0, bytes: 0 };
    if (isServerError(error, NOT_SUPPORTED_ON_VIEW)) return { documents: undefined, bytes: undefined };
    if (!isServerError(error, UNAUTHORIZED, COMMAND_NOT_FOUND)) throw error;
    return { documents: await collection.estimatedDocumentCount(), bytes: undefined };
  }
}

/**
 * The indexes that can serve a range and a sort: ascending or descending first field, not hidden, and of every document (a
 * partial index leaves some out).
 */
export async function rangeIndexes(collection: Collection): Promise<IndexInfo[]> {
  try {
    const indexes = await collection.listIndexes().toArray();
    return indexes
      .filter(({ key, hidden, partialFilterExpression }) => {
        return typeof Object.values(key)[0] === 'number' && !hidden && partialFilterExpression === undefined;
      })
      .map(({ name, key, sparse }) => ({ name: String(name), fields: Object.keys(key), sparse: sparse === true }));
  } catch (error) {
    if (isServerError(error, NAMESPACE_NOT_FOUND)) return [];
    throw error;
  }
}
