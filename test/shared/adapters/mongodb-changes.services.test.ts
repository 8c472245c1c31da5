import { deserialize, Long, serialize } from 'bson';
import { type Document, MongoClient, ObjectId, Timestamp } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import { streamOf } from '../../../src/shared/change-source.ts';
import { documentsOf } from '../../../src/shared/domain/id-list.ts';
import {
  isBefore,
  nextPosition,
  type Position,
  positionBits,
  positionOf,
} from '../../../src/shared/domain/position.ts';
import type { ChangeStream, Source } from '../../../src/shared/ports/source.ts';
import { describeWith } from '../../services/context.ts';
import { required } from '../../services/result.ts';
import { startStreamServer } from '../../services/streams.ts';

type Item = Document & { _id: string | number | Long | ObjectId };

interface Server {
  readonly uri: string;
  readonly database: string;
  /** Whether it can be told to lose what came. */
  readonly forgets: boolean;
  stop(): Promise<void>;
}

describeWith(['mongodb', 'streams'], 'the change stream of a collection', ({ mongodb }) => {
  changeStreams(async () => {
    // A real replica set, where the tests are given one.
    if (mongodb.kind === 'mongod') return { ...mongodb, forgets: false, stop: async () => {} };
    return { ...required(await startStreamServer()), database: 'guest', forgets: true };
  });
});

function changeStreams(open: () => Promise<Server>): void {
  let server: Server;
  let client: MongoClient;
  let source: Source;
  let changes: ChangeStream;
  let made = 0;

  beforeAll(async () => {
    server = await open();
    client = await MongoClient.connect(server.uri);
  });
  afterAll(async () => {
    await client.close();
    await server.stop();
  });
  beforeEach(async () => {
    made += 1;
    source = mongodbSource({ uri: server.uri, database: server.database, collection: `c${made}` }, systemClock());
    changes = streamOf(source);
    await items().insertOne({ _id: 'first' });
  });
  afterEach(() => source.close());

  const items = () => client.db(server.database).collection<Item>(`c${made}`);
  const here = async () => (await changes.end(null)).position;
  const idsFrom = async (from: Position, to?: Position): Promise<unknown[]> => {
    const found: unknown[] = [];
    for await (const ids of changes.ids(from, to ?? (await here()))) {
      for (const document of documentsOf(ids)) found.push(deserialize(document, { promoteValues: false })._id);
    }
    return found;
  };

  /** The place of the first event from there on, as the server tells it. */
  const placeOfNext = async (from: Position): Promise<Position> => {
    const stream = items().watch([], { startAtOperationTime: new Timestamp(positionBits(from)) });
    try {
      const { clusterTime } = (await stream.next()) as unknown as { readonly clusterTime: Timestamp };
      return positionOf(BigInt(String(clusterTime)));
    } finally {
      await stream.close();
    }
  };

  it('tells where it stands, which only grows, and whether anything came since', async () => {
    const before = nextPosition(await here());
    expect(await changes.end(before)).toMatchObject({ hasChanges: false });
    await items().insertOne({ _id: 'second' });
    const end = await changes.end(before);
    expect(end.hasChanges).toBe(true);
    expect(isBefore(before, end.position)).toBe(true);
    await client.db(server.database).collection('other').insertOne({ a: 1 });
    expect(await changes.end(nextPosition(end.position))).toMatchObject({ hasChanges: false });
  });

  it('gives the ids of what was inserted, updated, replaced and deleted, with their types', async () => {
    const from = nextPosition(await here());
    const id = new ObjectId();
    await items().insertMany([{ _id: 1 }, { _id: Long.fromString('9007199254740993') }, { _id: id }]);
    await items().updateOne({ _id: 'first' }, { $set: { a: 1 } });
    await items().replaceOne({ _id: 1 }, { b: 1 });
    await items().deleteOne({ _id: id });
    const found = (await idsFrom(from)).map(String);
    expect([...new Set(found)].sort()).toEqual(['1', '9007199254740993', 'first', String(id)].sort());
  });

  it('is inclusive at both ends, and gives each id of a while once', async () => {
    const from = nextPosition(await here());
    await items().updateOne({ _id: 'first' }, { $set: { a: 1 } });
    await items().updateOne({ _id: 'first' }, { $set: { a: 2 } });
    const to = await here();
    await items().insertOne({ _id: 'later' });
    const event = await placeOfNext(from);
    expect(await idsFrom(from, to)).toEqual(['first']);
    expect(await idsFrom(event, event)).toEqual(['first']);
    expect(await idsFrom(nextPosition(to))).toEqual(['later']);
  });

  it('gives compound ids byte for byte, and they are found by it', async () => {
    const from = nextPosition(await here());
    const id = new Map([
      ['b', 1],
      ['1', 2],
    ]);
    await items().insertOne({ _id: id as never, text: 'kept' });
    const found: Document[] = [];
    for await (const ids of changes.ids(from, await here())) {
      for (const document of documentsOf(ids)) expect(document.equals(serialize(new Map([['_id', id]])))).toBe(true);
      for await (const { bytes, offsets } of source.lookUp(ids))
        for (const at of offsets) found.push({ length: bytes.readInt32LE(at) });
    }
    expect(found).toEqual([{ length: expect.any(Number) }]);
    expect(found[0]?.length).toBeGreaterThan(0);
  });

  it('many at once come some at a time', async () => {
    const from = nextPosition(await here());
    await items().insertMany(Array.from({ length: 2_500 }, (_, n) => ({ _id: n, text: 'x'.repeat(1_000) })));
    expect(await idsFrom(from)).toHaveLength(2_500);
  });

  it('a lookup gives documents as they are now, and a deletion for one that is gone', async () => {
    await items().insertOne({ _id: 'gone' });
    const from = nextPosition(await here());
    await items().updateOne({ _id: 'first' }, { $set: { a: 1 } });
    await items().deleteOne({ _id: 'gone' });
    const to = await here();
    await items().updateOne({ _id: 'first' }, { $set: { a: 2 } });
    const lengths: number[] = [];
    for await (const ids of changes.ids(from, to)) {
      for await (const { bytes, offsets } of source.lookUp(ids, undefined, undefined, to)) {
        for (const at of offsets) lengths.push(bytes.readInt32LE(at));
      }
    }
    expect(lengths.map(Math.sign).sort()).toEqual([-1, 1]);
  });

  it.each([
    ['dropped', async () => items().drop(), /was dropped/],
    ['renamed', async () => items().rename(`renamed${made}`), /was renamed/],
    ['of a database that was dropped', async () => client.db(server.database).dropDatabase(), /was dropped/],
  ])('says so where the collection was %s', async (_, end, words) => {
    const from = nextPosition(await here());
    await items().insertOne({ _id: 'before' });
    await end();
    await client.db(server.database).collection('other').insertOne({ a: 1 });
    const thrown = await idsFrom(from).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'STREAM_ENDED', hint: expect.stringContaining('backfill --replace') });
    expect((thrown as Error).message).toMatch(words);
    expect((thrown as Error).message).toContain('the table is as before');
  });

  it('says so where the server no longer has what came', async ({ skip }) => {
    if (!server.forgets) skip('an oplog of a real server is not emptied for a test');
    const from = await here();
    await items().insertOne({ _id: 'lost' });
    await client.db('admin').command({ forgetHistory: 1 });
    await expect(changes.end(from)).rejects.toMatchObject({ code: 'STREAM_LOST' });
    await expect(idsFrom(from)).rejects.toMatchObject({ code: 'STREAM_LOST' });
    await expect(changes.end(null)).resolves.toMatchObject({ hasChanges: false });
  });

  it('an abort ends waiting at once', async () => {
    const from = nextPosition(await here());
    const aborted = new AbortController();
    const far = nextPosition(`${BigInt(from) + (1n << 40n)}` as Position);
    const reading = (async () => {
      for await (const _ of changes.ids(from, far, aborted.signal)) aborted.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
  });
}

describeWith(['mongodb'], 'a server without change streams', ({ mongodb }) => {
  it('is refused with what to do instead', async ({ skip }) => {
    if (mongodb.kind === 'mongod') skip('this one has them');
    const { uri, database } = mongodb;
    const source = mongodbSource({ uri, database, collection: 'none' }, systemClock());
    try {
      await expect(streamOf(source).end(null)).rejects.toMatchObject({
        code: 'STREAM_UNSUPPORTED',
        hint: expect.stringContaining('source.mode'),
      });
    } finally {
      await source.close();
    }
  });
});
