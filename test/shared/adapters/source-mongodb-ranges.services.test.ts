import { Double, deserialize, Int32, Long, ObjectId, serialize, Timestamp, UUID } from 'bson';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { idRanges } from '../../../src/shared/adapters/mongodb-parts.ts';
import { type MongodbOptions, mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import type { ExtractRange, ReadScope } from '../../../src/shared/domain/job.ts';
import type { Source } from '../../../src/shared/ports/source.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { ownCollections } from '../../contracts/source-collections.ts';
import { collect, encode } from '../../contracts/source-documents.ts';
import { cuttingProxy } from '../../contracts/source-proxy.ts';
import { describeWith } from '../../services/context.ts';

const FULL: ReadScope = { kind: 'full' };
const START = Date.UTC(2026, 0, 1);

describeWith(['mongodb'], 'ranges of a MongoDB collection', ({ mongodb }) => {
  const { uri, database } = mongodb;
  const { client, store } = ownCollections(mongodb);

  /** A source that takes 10 kB for a range's worth. */
  const open = (collection: string, options: Partial<MongodbOptions> = {}, clock = systemClock()) =>
    mongodbSource({ uri, database, collection, rangeBytes: 10_000, ...options }, clock);

  async function readEach(source: Source, ranges: readonly ExtractRange[]): Promise<Buffer[][]> {
    const read: Buffer[][] = [];
    for (const range of ranges) read.push(await collect(source.read(range)));
    return read;
  }

  const ids: unknown[] = [null, false, true];
  for (let n = 0; n < 20; n++) {
    ids.push(new Int32(n), new Double(n + 0.5), Long.fromBigInt(2n ** 53n + BigInt(n)), `id ${n}`, { a: new Int32(n) });
    ids.push(
      ObjectId.createFromTime(START / 1000 + n),
      new UUID(),
      new Date(START + n),
      new Timestamp({ t: 7, i: n + 1 }),
    );
  }
  const mixed = ids.map((_id) => ({ _id, text: 'x'.repeat(400) }));

  const pointOf = (id: unknown) => Buffer.from(serialize({ '': id }));
  const bounds = [
    new Int32(3),
    Long.fromNumber(7),
    'id 15',
    { a: new Int32(9) },
    new UUID(),
    ObjectId.createFromTime(START / 1000 + 5),
    true,
    new Date(START + 3),
  ];

  test('between bounds of any types they hold every document once, in the order of a read without ranges', async () => {
    const source = open(await store(mixed));
    const whole = await collect(source.read({ scope: FULL, part: null }));
    expect(whole).toHaveLength(mixed.length);
    for (const only of [bounds, ...bounds.map((bound) => [bound])]) {
      const read = await readEach(source, idRanges(only.map(pointOf)));
      expect(Buffer.concat(read.flat()).equals(Buffer.concat(whole))).toBe(true);
      expect(read.every((documents) => documents.length > 0)).toBe(true);
    }
    await source.close();
  });

  test('of ObjectIds are of about one size', async () => {
    const documents = Array.from({ length: 1000 }, (_, n) => ({
      _id: ObjectId.createFromTime(START / 1000 + n),
      text: 'x'.repeat(100),
    }));
    const source = open(await store(documents));
    const warnings: string[] = [];
    const ranges = await source.ranges(FULL, { warn: (message) => warnings.push(message) });
    expect(ranges.length).toBeGreaterThan(8);
    const read = await readEach(source, ranges);
    expect(read.flat()).toEqual(encode(documents));
    expect(Math.max(...read.map((each) => each.length))).toBeLessThan((3 * 1000) / ranges.length);
    expect(warnings).toEqual([]);
    await source.close();
  });

  test('of ids of many types are taken from a sample, or there is one, with the reason', async () => {
    const source = open(await store(mixed));
    const warnings: string[] = [];
    const ranges = await source.ranges(FULL, { warn: (message) => warnings.push(message) });
    const read = await readEach(source, ranges);
    expect(read.flat()).toEqual(await collect(source.read({ scope: FULL, part: null })));
    if (mongodb.kind === 'mongod') expect(ranges.length).toBeGreaterThan(4);
    else expect(warnings).toEqual([expect.stringMatching(/one range: the server takes no sample/)]);
    await source.close();
  });

  test('of a large window hold each of its documents once', async () => {
    const documents = Array.from({ length: 1000 }, (_, n) => ({
      _id: new Int32(n),
      // Several of one time, some without one.
      ...(n % 10 === 0 ? {} : { at: new Date(START + Math.floor(n / 5)) }),
      text: 'x'.repeat(100),
    }));
    const collection = await store(documents);
    await client().db(database).collection(collection).createIndex({ at: 1 });
    const source = open(collection);
    const scope = { kind: 'window', cursor: { field: 'at', type: 'date' }, from: START + 9, to: START + 190 } as const;
    const ranges = await source.ranges(scope);
    expect(ranges.length).toBeGreaterThan(4);
    const read = await readEach(source, ranges);
    expect(read.every((each) => each.length > 0)).toBe(true);
    const found = read.flat().map((each) => deserialize(each)._id as number);
    const expected = documents.flatMap(({ _id, at }) =>
      at !== undefined && at.getTime() > scope.from && at.getTime() < scope.to ? [_id.value] : [],
    );
    expect(found.sort((a, b) => a - b)).toEqual(expected);
    await source.close();
  });

  test('are read by as few documents at once as is asked', async () => {
    const source = open(await store(mixed));
    const sizes: number[] = [];
    for await (const { offsets } of source.read({ scope: FULL, part: null }, undefined, undefined, 7))
      sizes.push(offsets.length);
    expect(Math.max(...sizes)).toBe(7);
    await source.close();
  });

  describe('through a line that is cut again and again', () => {
    test('a range is read to its end, and nothing of the ranges beside it', async () => {
      const collection = await store(mixed);
      const proxy = await cuttingProxy(Number(new URL(uri).port), { bytes: 6_000, times: 3 });
      const through = uri.replace(/:\d+\//, `:${proxy.port}/`).replace(/replicaSet=[^&]*/, 'directConnection=true');
      const source = open(collection, { uri: through, batchSize: 5 }, instantClock());
      const direct = open(collection);
      const ranges = idRanges([new Int32(3), 'id 15', new Date(START + 3)].map(pointOf));
      try {
        for (const range of ranges) {
          const read = (await collect(source.read(range))).map((each) => each.toString('hex'));
          const expected = (await collect(direct.read(range))).map((each) => each.toString('hex'));
          expect([...new Set(read)]).toEqual(expected);
        }
        expect(proxy.cuts).toBe(3);
      } finally {
        await source.close();
        await direct.close();
        await proxy.close();
      }
    });
  });
});
