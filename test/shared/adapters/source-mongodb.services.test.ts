import { deserialize } from 'bson';
import { Double, Int32, Long, ObjectId, Timestamp } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { type MongodbOptions, mongodbCatalog, mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import type { CursorType } from '../../../src/shared/domain/cursor.ts';
import type { ExtractRange } from '../../../src/shared/domain/job.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { ownCollections } from '../../contracts/source-collections.ts';
import { sourceContract } from '../../contracts/source-contract.ts';
import { collect, encode, numbered } from '../../contracts/source-documents.ts';
import { cuttingProxy } from '../../contracts/source-proxy.ts';
import { describeWith } from '../../services/context.ts';

const FULL: ExtractRange = { scope: { kind: 'full' }, part: null };
const START = Date.UTC(2026, 0, 1);

describeWith(['mongodb'], 'MongoDB source', ({ mongodb }) => {
  const { uri, database } = mongodb;
  const { client, store } = ownCollections(mongodb);

  const open = (collection: string, options: Partial<MongodbOptions> = {}, clock = systemClock()) =>
    mongodbSource({ uri, database, collection, ...options }, clock);

  describe('source contract', () => {
    sourceContract(() => ({
      storesAll: mongodb.kind === 'mongod',
      filtersWindow: true,
      open: async (documents) => open(await store(documents)),
    }));
  });

  test('the clock is the server’s, and its description has no secret', async () => {
    const source = open('any');
    const before = systemClock().now();
    const { kind, serverTime, lastMajorityWrite } = await source.clock();
    expect(kind).toBe('live');
    expect(serverTime).toBeGreaterThan(before - 60_000);
    expect(serverTime).toBeLessThan(before + 120_000);
    if (mongodb.kind === 'mongod') expect(lastMajorityWrite).toBeGreaterThan(START);
    else expect(lastMajorityWrite).toBeUndefined();
    expect(source.description).toMatch(/^mongodb:\/\/[\w.,:-]+\/\w+\.any$/);
    await source.close();
  });

  test('a window is estimated only where an index serves it', async () => {
    const collection = await store(numbered(1000, START));
    const scope = {
      kind: 'window',
      cursor: { field: 'updateTime', type: 'date' },
      from: START,
      to: START + 100_000,
    } as const;
    const source = open(collection);
    expect(await source.estimate(scope)).toEqual({ documents: undefined, bytes: undefined });
    expect(await source.indexes()).toEqual([{ name: '_id_', fields: ['_id'], sparse: false }]);
    await client().db(database).collection(collection).createIndex({ updateTime: 1, name: -1 }, { name: 'by time' });
    const { documents, bytes } = await source.estimate(scope);
    expect(documents).toBe(99);
    expect(bytes).toBeGreaterThan(99 * 20);
    expect(await source.indexes()).toContainEqual({ name: 'by time', fields: ['updateTime', 'name'], sparse: false });
    await source.close();
  });

  test('documents without the cursor are counted by an index', async () => {
    const others = [{}, { at: null }, { at: 'text' }, { at: new Timestamp({ t: 7, i: 1 }) }, { at: new Date(START) }];
    const numbers = [{ at: new Double(7.5) }, { at: Long.fromNumber(START) }, { at: new Int32(7) }];
    const collection = await store([...others, ...numbers].map((each, _id) => ({ _id: new Int32(_id), ...each })));
    const source = open(collection);
    const count = async (type: CursorType) => (await source.countWithoutCursor({ field: 'at', type }))?.documents;
    expect(await count('date')).toBeUndefined();
    await client().db(database).collection(collection).createIndex({ at: -1 });
    expect(await count('date')).toBe(7);
    expect(await count('timestamp')).toBe(7);
    expect(await count('objectId')).toBe(8);
    expect(await count('epochMilliseconds')).toBe(5);
    expect(await count('epochSeconds')).toBe(5);
    await source.close();
  });

  test('a collection that does not exist is an empty one', async () => {
    const source = open('missing');
    expect(await source.ranges({ kind: 'full' })).toEqual([FULL]);
    expect(await collect(source.read(FULL))).toEqual([]);
    expect(await source.estimate({ kind: 'full' })).toEqual({ documents: 0, bytes: 0 });
    expect(await source.indexes()).toEqual([]);
    await source.close();
  });

  test('the catalog lists collections with their sizes', async () => {
    const collection = await store(numbered(50));
    const catalog = mongodbCatalog(uri);
    const listed = await catalog.collections(database);
    expect(listed.find((each) => each.name === collection)).toMatchObject({ database, documents: 50 });
    expect((await catalog.collections(undefined)).map((each) => each.database)).toContain(database);
    expect(await catalog.collections('none')).toEqual([]);
    await catalog.close();
  });

  test('wrong credentials are refused without a word of them', async () => {
    const source = open('any', { uri: uri.replace('mongodb://', 'mongodb://reader:hunter2@') });
    const error = await source.clock().catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED' });
    expect(`${(error as Error).message} ${String((error as Error).cause)}`).not.toMatch(/hunter2|reader/);
    await source.close();
  });

  describe('through a line that is cut again and again', () => {
    const cuts = 3;
    const hexes = (documents: readonly Buffer[]) => new Set(documents.map((each) => each.toString('hex')));
    /** What was read, without what came again. */
    const firstTimes = (read: readonly Buffer[]) => [
      ...new Map(read.map((each) => [each.toString('hex'), each])).values(),
    ];

    /** Reads through a proxy that cuts each connection after `bytes`, and expects that it did. */
    async function readThroughCuts(collection: string, range: ExtractRange, bytes: number): Promise<Buffer[]> {
      const proxy = await cuttingProxy(Number(new URL(uri).port), { bytes, times: cuts });
      const through = uri.replace(/:\d+\//, `:${proxy.port}/`).replace(/replicaSet=[^&]*/, 'directConnection=true');
      const source = open(collection, { uri: through, batchSize: 40 }, instantClock());
      try {
        const read = await collect(source.read(range));
        expect(proxy.cuts).toBe(cuts);
        return read;
      } finally {
        await source.close();
        await proxy.close();
      }
    }

    test('a window gives every document at least once, in order', async () => {
      // Five documents share each time, and a cut falls between them.
      const documents = numbered(1000, START).map((each, index) => {
        return { ...each, updateTime: new Date(START + Math.floor(index / 5) * 1000) };
      });
      const collection = await store(documents);
      await client().db(database).collection(collection).createIndex({ updateTime: 1 });
      const scope = {
        kind: 'window',
        cursor: { field: 'updateTime', type: 'date' },
        from: START - 1,
        to: START + 150_000,
      } as const;
      const read = await readThroughCuts(collection, { scope, part: null }, 12_000);
      const expected = encode(documents.filter((each) => each.updateTime.getTime() < scope.to));
      expect(hexes(read)).toEqual(hexes(expected));
      expect(read.length).toBeGreaterThan(expected.length);
      expect(read.length).toBeLessThan(expected.length + cuts * 40);
      const times = firstTimes(read).map((each) => (deserialize(each).updateTime as Date).getTime());
      expect(times).toEqual([...times].sort((a, b) => a - b));
    });

    test('a full read gives every document at least once, whatever the types of _id', async () => {
      const ids: unknown[] = [];
      for (let n = 0; n < 60; n++) {
        ids.push(new Int32(n), new Double(n + 0.5), Long.fromBigInt(2n ** 53n + BigInt(n)), `id ${n}`, {
          tenant: 'a',
          1: new Int32(n),
        });
        ids.push(
          new ObjectId(n.toString(16).padStart(24, '0')),
          new Date(START + n),
          new Timestamp({ t: 7, i: n + 1 }),
        );
      }
      ids.push(null, false, true);
      const documents = ids.map((_id) => ({ _id, text: 'x'.repeat(100) }));
      const collection = await store(documents);
      const read = await readThroughCuts(collection, FULL, 20_000);
      expect(hexes(read)).toEqual(hexes(encode(documents)));
      expect(firstTimes(read)).toEqual(await collect(open(collection).read(FULL)));
      expect(read.length).toBeGreaterThanOrEqual(documents.length);
      expect(read.length).toBeLessThan(documents.length + cuts * 40);
    });
  });
});
