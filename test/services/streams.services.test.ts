import { deserialize, serialize } from 'bson';
import {
  type ChangeStream,
  type Collection,
  type Document,
  Long,
  MongoClient,
  MongoServerError,
  Timestamp,
} from 'mongodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { mongodbSource } from '../../src/shared/adapters/source-mongodb.ts';
import { describeWith } from './context.ts';
import { required } from './result.ts';
import { type StreamServer, startStreamServer } from './streams.ts';

type Items = Collection<Document & { _id: number | string }>;

/** How long an empty reply may take, milliseconds. */
const WAIT = { maxAwaitTimeMS: 100 };

/** All events that a stream has for now. */
async function drain(stream: ChangeStream<Document>): Promise<Document[]> {
  const events: Document[] = [];
  for (let event = await stream.tryNext(); event !== null; event = await stream.tryNext()) events.push(event);
  return events;
}

describeWith(['streams'], 'the change streams of tests', () => {
  let server: StreamServer;
  let client: MongoClient;
  let made = 0;
  const newCollection = (): Items => {
    made += 1;
    return client.db('d').collection(`c${made}`);
  };
  /** A new collection and the events of `write`. */
  const eventsOf = async (
    write: (items: Items) => Promise<unknown>,
    pipeline: Document[] = [],
    options: Document = {},
  ) => {
    const items = newCollection();
    const stream = items.watch(pipeline, { ...WAIT, ...options });
    try {
      expect(await stream.tryNext()).toBeNull();
      await write(items);
      return { items, events: await drain(stream) };
    } finally {
      await stream.close();
    }
  };
  /** The error of a stream that begins with these options. */
  const refusal = async (items: Items, options: Document) => {
    const stream = items.watch([], { ...WAIT, ...options });
    const error = await stream.tryNext().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    await stream.close();
    if (!(error instanceof MongoServerError)) throw error ?? new Error('it was not refused');
    return error;
  };

  beforeAll(async () => {
    server = required(await startStreamServer());
    client = new MongoClient(server.uri);
  });
  afterAll(async () => {
    await client?.close();
    await server?.stop();
  });

  it('tells every write with its document, or the key of it', async () => {
    const { events } = await eventsOf(async (items) => {
      await items.insertOne({ _id: 1, a: 1, gone: true });
      await items.updateOne({ _id: 1 }, { $set: { 'b.c': 5 }, $unset: { gone: 1 }, $inc: { a: 2 } });
      await items.updateOne({ _id: 1 }, { $set: { a: 3 } });
      await items.replaceOne({ _id: 1 }, { z: 1 });
      await items.updateOne({ _id: 'new' }, { $set: { a: 1 } }, { upsert: true });
      await items.deleteOne({ _id: 1 });
      await items.deleteOne({ _id: 1 });
    });
    const ns = events[0]?.ns;
    const documentKey = { _id: 1 };
    expect(events.map(({ _id, clusterTime, wallTime, ...rest }) => rest)).toEqual([
      { operationType: 'insert', fullDocument: { _id: 1, a: 1, gone: true }, ns, documentKey },
      {
        operationType: 'update',
        ns,
        documentKey,
        updateDescription: { updatedFields: { 'b.c': 5, a: 3 }, removedFields: ['gone'], truncatedArrays: [] },
      },
      { operationType: 'replace', fullDocument: { _id: 1, z: 1 }, ns, documentKey },
      { operationType: 'insert', fullDocument: { _id: 'new', a: 1 }, ns, documentKey: { _id: 'new' } },
      { operationType: 'delete', ns, documentKey },
    ]);
    expect(ns).toEqual({ db: 'd', coll: expect.stringMatching(/^c\d+$/) });
    const times = events.map((event) => event.clusterTime.toBigInt());
    expect(times).toEqual([...new Set(times)].sort((a, b) => (a < b ? -1 : 1)));
    const tokens = events.map((event) => event._id._data);
    expect(tokens).toEqual([...new Set(tokens)].sort());
  });

  it('gives all documents of one insert one time, and leaves out those that were refused', async () => {
    const { events } = await eventsOf(async (items) => {
      await items.insertMany([{ _id: 1 }, { _id: 2 }]);
      const again = items.insertMany([{ _id: 3 }, { _id: 2 }, { _id: 4 }], { ordered: false });
      await expect(again).rejects.toThrow('duplicate key');
      await expect(items.insertMany([{ _id: 5 }, { _id: 2 }, { _id: 6 }])).rejects.toThrow('duplicate key');
    });
    expect(events.map((event) => event.documentKey._id)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(events.map((event) => event.clusterTime.toString())).size).toBe(3);
    expect(new Set(events.map((event) => event._id._data)).size).toBe(5);
  });

  it('looks an updated document up as it is when it is read, and runs stages', async () => {
    const stages = [{ $match: { operationType: 'update' } }, { $project: { fullDocument: 1 } }];
    const write = async (items: Items) => {
      await items.insertMany([{ _id: 1 }, { _id: 2 }]);
      await items.updateMany({}, { $set: { a: 1 } });
      await items.updateOne({ _id: 1 }, { $set: { a: 2 } });
      await items.deleteOne({ _id: 2 });
    };
    const { events } = await eventsOf(write, stages, { fullDocument: 'updateLookup' });
    expect(events.map((event) => event.fullDocument)).toEqual([{ _id: 1, a: 2 }, null, { _id: 1, a: 2 }]);
  });

  it('goes on after a token, at a time, and at where an empty reply left it', async () => {
    const { items, events } = await eventsOf((all) => all.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]));
    const ids = async (options: Document) => {
      const stream = items.watch([], { ...WAIT, ...options });
      const found = (await drain(stream)).map((event) => event.documentKey._id);
      const { resumeToken } = stream;
      await stream.close();
      return { found, resumeToken };
    };
    expect((await ids({ resumeAfter: events[0]?._id })).found).toEqual([2, 3]);
    expect((await ids({ startAfter: events[1]?._id })).found).toEqual([3]);
    // At that time, which all three have.
    expect((await ids({ startAtOperationTime: events[1]?.clusterTime })).found).toEqual([1, 2, 3]);
    const { resumeToken } = await ids({});
    await items.insertOne({ _id: 4 });
    expect((await ids({ resumeAfter: resumeToken })).found).toEqual([4]);
  });

  it('answers the commands themselves: raw events, the token of a batch, the time of the operation', async () => {
    const { items, events } = await eventsOf((all) => all.insertOne({ _id: 1 }));
    const stream = { $changeStream: { startAtOperationTime: events[0]?.clusterTime } };
    const raw = items.aggregate([stream], { raw: true, ...WAIT });
    expect(deserialize((await raw.next()) as unknown as Uint8Array)).toMatchObject({ documentKey: { _id: 1 } });
    await raw.close();
    const session = client.startSession();
    const db = client.db('d');
    const command = { aggregate: items.collectionName, pipeline: [stream], cursor: { batchSize: 1 } };
    const first = await db.command(command, { session });
    expect(first.operationTime).toBeInstanceOf(Timestamp);
    expect(first.cursor.postBatchResumeToken).toEqual(events[0]?._id);
    await client.db('d').collection('other').insertOne({});
    const more = { getMore: Long.fromNumber(first.cursor.id), collection: items.collectionName, maxTimeMS: 1 };
    await expect(db.command({ ...more, getMore: first.cursor.id }, { session })).rejects.toThrow('wrong type');
    await expect(db.command(more)).rejects.toThrow('another session');
    const { cursor } = await db.command(more, { session });
    expect(cursor.nextBatch).toEqual([]);
    expect(cursor.postBatchResumeToken._data > events[0]?._id._data).toBe(true);
    await session.endSession();
  });

  it('hands an event to who waits for it, and other commands do not wait meanwhile', async () => {
    const items = newCollection();
    const watcher = new MongoClient(server.uri, { monitorCommands: true });
    const asked = new Promise<void>((resolve) => {
      watcher.on('commandStarted', ({ commandName }) => commandName === 'getMore' && resolve());
    });
    const stream = watcher.db('d').collection(items.collectionName).watch([], { maxAwaitTimeMS: 600_000 });
    const waiting = stream.next();
    await asked;
    await items.insertOne({ _id: 1 });
    expect(await waiting).toMatchObject({ documentKey: { _id: 1 } });
    await watcher.close();
  });

  it('moves the token of a stream without events along, out of what is forgotten', async () => {
    const items = newCollection();
    const stream = items.watch([], WAIT);
    expect(await stream.tryNext()).toBeNull();
    const before = stream.resumeToken;
    await client.db('admin').command({ forgetHistory: 1 });
    expect(await stream.tryNext()).toBeNull();
    const after = items.watch([], { ...WAIT, resumeAfter: stream.resumeToken });
    expect(await after.tryNext()).toBeNull();
    expect(await refusal(items, { resumeAfter: before })).toMatchObject({ code: 286 });
    await Promise.all([stream.close(), after.close()]);
  });

  it('ends where its collection is dropped or renamed, a stream of the database goes on', async () => {
    const whole = client.db('d').watch([], WAIT);
    expect(await whole.tryNext()).toBeNull();
    const dropped = await eventsOf(async (items) => {
      await items.insertOne({ _id: 1 });
      await items.drop();
    });
    expect(dropped.events.map((event) => event.operationType)).toEqual(['insert', 'drop', 'invalidate']);
    const renamed = await eventsOf(async (items) => {
      await items.insertOne({ _id: 1 });
      await items.rename(`${items.collectionName}-new`);
    });
    expect(renamed.events.map((event) => event.operationType)).toEqual(['insert', 'rename', 'invalidate']);
    const [, rename, invalidate] = renamed.events;
    expect(rename?.to).toEqual({ db: 'd', coll: `${renamed.items.collectionName}-new` });
    expect((await drain(whole)).map((event) => event.operationType)).toEqual(['insert', 'drop', 'insert', 'rename']);
    await whole.close();
    expect(await refusal(renamed.items, { resumeAfter: invalidate?._id })).toMatchObject({ code: 260 });
    const after = renamed.items.watch([], { ...WAIT, startAfter: invalidate?._id });
    await renamed.items.insertOne({ _id: 2 });
    expect((await drain(after)).map((event) => event.documentKey._id)).toEqual([2]);
    await after.close();
  });

  it('refuses where it can not go on from', async () => {
    const { items, events } = await eventsOf((all) => all.insertMany([{ _id: 1 }, { _id: 2 }]));
    expect(await refusal(items, { resumeAfter: { _data: 'no' } })).toMatchObject({ code: 9 });
    const never = { _data: events[0]?._id._data.replace(/64\d{8}00$/, '640000009900') };
    const notFound = await refusal(items, { resumeAfter: never });
    expect([notFound.code, notFound.hasErrorLabel('NonResumableChangeStreamError')]).toEqual([280, true]);
    expect(await refusal(newCollection(), { resumeAfter: events[0]?._id })).toMatchObject({ code: 280 });
    expect(await refusal(items, { startAtOperationTime: new Timestamp({ t: 1, i: 1 }) })).toMatchObject({ code: 286 });
    await client.db('admin').command({ forgetHistory: 1 });
    const lost = await refusal(items, { resumeAfter: events[0]?._id });
    expect([lost.code, lost.hasErrorLabel('NonResumableChangeStreamError')]).toEqual([286, true]);
    await expect(items.findOneAndDelete({ _id: 1 })).rejects.toThrow('tells no events');
  });

  it('serves the reads of our source', async () => {
    const items = newCollection();
    await items.insertMany(Array.from({ length: 2000 }, (_, index) => ({ _id: index, pad: 'x'.repeat(100) })));
    const { collectionName: collection } = items;
    const source = mongodbSource({ uri: server.uri, database: 'd', collection, rangeBytes: 50_000 }, systemClock());
    try {
      const { serverTime, lastMajorityWrite } = await source.clock();
      expect(Number(serverTime) - Number(lastMajorityWrite)).toBeLessThan(1000);
      expect(await source.estimate({ kind: 'full' })).toMatchObject({ documents: 2000 });
      const ranges = await source.ranges({ kind: 'full' });
      expect(ranges.length).toBeGreaterThan(3);
      let read = 0;
      for (const range of ranges) for await (const { offsets } of source.read(range)) read += offsets.length;
      expect(read).toBe(2000);
      const ids = Buffer.concat([7, 99_999].map((_id) => Buffer.from(serialize({ _id }))));
      const found: Buffer[] = [];
      for await (const { bytes } of source.lookUp(ids)) found.push(bytes);
      expect(deserialize(found[0] ?? Buffer.alloc(0))).toMatchObject({ _id: 7 });
    } finally {
      await source.close();
    }
  });
});
