import { type AnyBulkWriteOperation, type Collection, MongoClient } from 'mongodb';
import { changes, documentAt, type SampleOptions, type SamplePlan, samplePlan } from './collection.ts';
import { COLLECTION, DATABASE, type Progress } from './dump.ts';
import type { Notification } from './notification.ts';

export interface FillOptions extends SampleOptions {
  /** A connection string. It may hold a password, so it is never printed. */
  readonly uri: string;
  readonly onProgress?: Progress;
}

export interface FillSummary {
  /** Documents written. */
  readonly documents: number;
  readonly updated: number;
  readonly inserted: number;
}

/** Documents per command. FerretDB 1 hangs on a hundred updates in one. */
const BATCH = { insert: 1000, upsert: 50 } as const;
type Operation = AnyBulkWriteOperation<Notification>;

/**
 * Writes what the day wrote into `guest.notifications`, with an index on `updateTime`. An empty collection gets inserts; any
 * other, upserts by `_id`, so a call may be repeated. Day two needs day one of the same options, and throws where it is not
 * there.
 */
export async function fillMongodb(options: FillOptions): Promise<FillSummary> {
  const plan = samplePlan(options);
  const client = new MongoClient(options.uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    const collection = client.db(DATABASE).collection<Notification>(COLLECTION);
    if (plan.day === 2) await expectDayOne(collection, plan);
    await collection.createIndex({ updateTime: 1 });
    const kind = (await collection.findOne({}, { projection: { _id: 1 } })) === null ? 'insert' : 'upsert';
    const documents = await writeAll(collection, batches(changes(options), kind), options.onProgress);
    return { documents, updated: plan.updated, inserted: plan.inserted };
  } finally {
    await client.close();
  }
}

/** The next batch is generated while the server works on the one before. */
async function writeAll(
  collection: Collection<Notification>,
  batches: Iterable<Operation[]>,
  onProgress: Progress | undefined,
): Promise<number> {
  let pending: Promise<unknown> = Promise.resolve();
  let written = 0;
  for (const batch of batches) {
    await pending;
    if (written > 0) onProgress?.(written);
    pending = collection.bulkWrite(batch, { ordered: false });
    written += batch.length;
  }
  await pending;
  return written;
}

function* batches(
  documents: Iterable<Notification>,
  kind: keyof typeof BATCH,
): Generator<Operation[], void, undefined> {
  let batch: Operation[] = [];
  for (const document of documents) {
    batch.push(kind === 'insert' ? { insertOne: { document } } : upsert(document));
    if (batch.length === BATCH[kind]) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

function upsert({ _id, ...replacement }: Notification): Operation {
  return { replaceOne: { filter: { _id }, replacement, upsert: true } };
}

async function expectDayOne(collection: Collection<Notification>, plan: SamplePlan): Promise<void> {
  const ends = plan.docs === 0 ? [] : [...new Set([0, plan.docs - 1])];
  const ids = ends.map((index) => documentAt(index, plan)._id);
  const found = await collection.countDocuments({ _id: { $in: ids } });
  if (found < ids.length) {
    throw new Error(`${DATABASE}.${COLLECTION} does not hold day one of these options: fill it with --day 1 first`);
  }
}
