import { deserialize } from 'bson';
import { type Document, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import type { ExtractRange } from '../../../src/shared/domain/job.ts';
import { type ColumnPolicy, projectionOf } from '../../../src/shared/domain/policy.ts';
import { type Watch, watch } from '../../e2e/watch.ts';
import { describeWith } from '../../services/context.ts';

const FULL: ExtractRange = { scope: { kind: 'full' }, part: null };
const WINDOW: ExtractRange = {
  scope: { kind: 'window', cursor: { field: 'meta.at', type: 'date' }, from: 0, to: null },
  part: null,
};
const AT = new Date('2026-01-01T00:00:00Z');
const document: Document = {
  _id: 1,
  name: 'robin',
  secret: 'canary-top',
  meta: { at: AT, by: 'wren' },
  guest: { name: 'jay', passport: 'canary-nested' },
  guests: [{ name: 'owl', passport: 'canary-array' }, { passport: ['canary-array-too'] }],
};

describeWith(['mongodb'], 'what a column policy leaves out is not sent', ({ mongodb }) => {
  let client: MongoClient;
  let proxy: Watch;

  beforeAll(async () => {
    client = await MongoClient.connect(mongodb.uri);
    await client
      .db(mongodb.database)
      .collection('birds')
      .insertOne({ ...document });
  });
  afterAll(async () => {
    await client?.close();
  });

  /** What comes of a read with the policy, by a connection of its own that is listened to. */
  async function read(policy: ColumnPolicy, range: ExtractRange): Promise<unknown[]> {
    const uri = new URL(mongodb.uri);
    proxy = await watch(Number(uri.port));
    uri.port = String(proxy.port);
    uri.searchParams.set('directConnection', 'true');
    const { database } = mongodb;
    const source = mongodbSource({ uri: uri.href, database, collection: 'birds' }, systemClock());
    const documents: unknown[] = [];
    try {
      for await (const batch of source.read(range, undefined, projectionOf(policy, ['meta.at']))) {
        for (const at of batch.offsets)
          documents.push(deserialize(batch.bytes, { index: at, allowObjectSmallerThanBufferSize: true }));
      }
      return documents;
    } finally {
      await source.close();
      await proxy.close();
    }
  }

  test.each([
    ['a full read', FULL],
    ['a window', WINDOW],
  ])('exclude: %s', async (_, range) => {
    expect(await read({ exclude: ['secret', 'guest.passport', 'guests.passport'] }, range)).toEqual([
      { _id: 1, name: 'robin', meta: { at: AT, by: 'wren' }, guest: { name: 'jay' }, guests: [{ name: 'owl' }, {}] },
    ]);
    expect(proxy.answered('robin')).toBe(true);
    expect(proxy.answered('canary')).toBe(false);
    expect(proxy.heard('projection')).toBe(true);
  });

  test.each([
    ['a full read', FULL],
    ['a window', WINDOW],
  ])('include: %s', async (_, range) => {
    expect(await read({ include: ['guest.name', 'name'] }, range)).toEqual([
      { _id: 1, name: 'robin', meta: { at: AT }, guest: { name: 'jay' } },
    ]);
    expect(proxy.answered('robin')).toBe(true);
    expect(proxy.answered('canary')).toBe(false);
    expect(proxy.answered('wren')).toBe(false);
  });

  test('both: what is excluded is not sent, the rest is cut later', async () => {
    expect(await read({ include: ['guest'], exclude: ['guest.passport', 'guests', 'secret'] }, FULL)).toEqual([
      { _id: 1, name: 'robin', meta: { at: AT, by: 'wren' }, guest: { name: 'jay' } },
    ]);
    expect(proxy.answered('canary')).toBe(false);
  });

  test('without a policy, all is', async () => {
    expect(await read({ hash: ['secret'] }, FULL)).toEqual([document]);
    expect(proxy.answered('canary-array-too')).toBe(true);
    expect(proxy.heard('projection')).toBe(false);
  });
});
