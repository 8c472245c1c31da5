import type { Document } from 'bson';
import { afterEach, describe, expect, test } from 'vitest';
import { mongodbSource } from '../../../src/shared/adapters/source-mongodb.ts';
import type { Source } from '../../../src/shared/ports/source.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { cursorReply, type FakeAnswer, failure, fakeMongod } from '../../contracts/source-mongodb-fake.ts';

const CURSOR = { field: 'at', type: 'date' } as const;

let open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.reverse()) await each.close();
  open = [];
});

/** A source over a server that has these indexes and answers a count so. */
async function sourceWith(indexes: readonly Document[], count: FakeAnswer) {
  const server = await fakeMongod((command) => {
    if (command.listIndexes !== undefined) return cursorReply(0, indexes);
    if (command.aggregate !== undefined) return count;
    return command.collStats === undefined ? undefined : { count: 5, size: 50, ok: 1 };
  });
  const source: Source = mongodbSource({ uri: server.uri, database: 'test', collection: 'c' }, instantClock());
  open.push(server, source);
  return { source, counts: () => server.commands.filter((each) => each.aggregate !== undefined) };
}

const counted = (n: number) => cursorReply(0, [{ _id: 1, n }]);
const plain = { v: 2, key: { at: 1 }, name: 'at_1' };

describe('documents without the cursor', () => {
  test('are counted in the index, up to a number and for a time', async () => {
    const { source, counts } = await sourceWith([{ ...plain, sparse: true, name: 'sparse' }, plain], counted(7));
    expect(await source.countWithoutCursor(CURSOR)).toEqual({ documents: 7, atLeast: false });
    expect(counts()).toMatchObject([
      {
        pipeline: [
          { $match: { at: { $not: { $gte: new Date(-8.64e15) } } } },
          { $limit: 1_000_000 },
          { $group: { _id: 1, n: { $sum: 1 } } },
        ],
        hint: 'at_1',
        maxTimeMS: 5000,
      },
    ]);
  });

  test.each([
    ['sparse', { ...plain, sparse: true }],
    ['partial', { ...plain, partialFilterExpression: { at: { $exists: true } } }],
    ['hidden', { ...plain, hidden: true }],
    ['hashed', { ...plain, key: { at: 'hashed' } }],
    ['of another field first', { ...plain, key: { a: 1, at: 1 } }],
  ])('are not counted where the index is %s, and nothing is asked', async (_name, index) => {
    const { source, counts } = await sourceWith([{ v: 2, key: { _id: 1 }, name: '_id_' }, index], counted(7));
    expect(await source.countWithoutCursor(CURSOR)).toBeUndefined();
    expect(counts()).toEqual([]);
  });

  test('are at least as many as were counted, or unknown where the time was too short', async () => {
    const many = await sourceWith([plain], counted(1_000_000));
    expect(await many.source.countWithoutCursor(CURSOR)).toEqual({ documents: 1_000_000, atLeast: true });
    const slow = await sourceWith([plain], failure(50, 'MaxTimeMSExpired'));
    expect(await slow.source.countWithoutCursor(CURSOR)).toBeUndefined();
  });
});

test('a window that is counted only so far is estimated as at least that', async () => {
  const window = { kind: 'window', cursor: CURSOR, from: 0, to: null } as const;
  const many = await sourceWith([plain], counted(1_000_000));
  expect(await many.source.estimate(window)).toEqual({ documents: 1_000_000, bytes: 1e7, atLeast: true });
  const few = await sourceWith([plain], counted(3));
  expect(await few.source.estimate(window)).toEqual({ documents: 3, bytes: 30 });
});
