import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  type Document,
  Double,
  deserialize,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  serialize,
  Timestamp,
} from 'bson';
import type { FindCursor } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { ALL_IDS, FERRETDB_IDS } from '../../../src/shared/adapters/mongodb-ids.ts';
import { orderOf } from '../../../src/shared/adapters/mongodb-resume.ts';
import { readResuming } from '../../../src/shared/adapters/source-mongodb-read.ts';
import { instantClock } from '../../contracts/source-clock.ts';
import { collect, encode, numbered } from '../../contracts/source-documents.ts';

/** Values of `_id` in MongoDB's order (manual, "Comparison/Sort Order"), each with the types it shares a bracket with. */
const NUMBERS = [1, 16, 18, 19];
const IDS: readonly (readonly [type: number, bracket: readonly number[], value: unknown])[] = [
  [-1, [-1], new MinKey()],
  [10, [6, 10], null],
  [1, NUMBERS, new Double(Number.NaN)],
  [19, NUMBERS, Decimal128.fromString('-5')],
  [16, NUMBERS, new Int32(1)],
  [1, NUMBERS, new Double(1.5)],
  [18, NUMBERS, Long.MAX_VALUE],
  [2, [14, 2], 'a'],
  [14, [14, 2], new BSONSymbol('b')],
  [2, [14, 2], 'b'],
  [
    3,
    [3],
    new Map<string, unknown>([
      ['b', new Int32(1)],
      ['1', new Int32(2)],
    ]),
  ],
  [3, [3], { b: new Int32(2), list: [new Int32(1), { deep: 'x' }] }],
  [5, [5], new Binary(Buffer.from([1]), 0)],
  [7, [7], new ObjectId('0123456789abcdef01234567')],
  [8, [8], false],
  [8, [8], true],
  [9, [9], new Date(-1)],
  [17, [17], new Timestamp({ t: 1, i: 1 })],
  [11, [11], new BSONRegExp('a')],
  [13, [13], new Code('f')],
  [15, [15], new Code('f', { x: new Int32(1) })],
  [127, [127], new MaxKey()],
];

const bytesOf = (value: unknown) => Buffer.from(serialize({ _id: value }));
/** The filter as the server gets it. */
const sent = (filter: Document) => deserialize(serialize(filter), { promoteValues: false, bsonRegExp: true });

/**
 * The positions in IDS that a filter finds; an empty one finds all. `$gte` meets its own bracket from the value on, except for a NaN,
 * which meets only itself; `$type` meets the types it names.
 */
function found(filter: Document): Set<number> {
  const matches = new Set<number>();
  for (const condition of (filter.$or as Document[] | undefined) ?? [filter]) {
    const { $gte, $type } = (condition._id ?? { $type: IDS.map(([type]) => type) }) as Document;
    if ($type !== undefined) {
      const types = ($type as unknown[]).map(Number);
      for (const [index, [type]] of IDS.entries()) if (types.includes(type)) matches.add(index);
      continue;
    }
    const at = IDS.findIndex(([, , value]) => bytesOf(value).equals(bytesOf($gte)));
    expect(at, 'the value that was sent is one of those read').toBeGreaterThanOrEqual(0);
    expect(String($gte)).not.toBe('NaN');
    const bracket = IDS[at]?.[1] ?? [];
    for (const [index, [type]] of IDS.entries()) if (index >= at && bracket.includes(type)) matches.add(index);
  }
  return matches;
}

describe('resuming by _id', () => {
  const order = orderOf({ scope: { kind: 'full' }, part: null });

  test.each(IDS.map(([type, , value], index) => [type, String(value), index] as const))(
    'from a value of type %i (%s) finds it and all after it, and no earlier type',
    (_type, _text, index) => {
      const point = order.point(bytesOf(IDS[index]?.[2]));
      const filter = order.filter(point, ALL_IDS);
      const matches = found(filter);
      for (let later = index; later < IDS.length; later++) expect(matches).toContain(later);
      const bracket = IDS[index]?.[1] ?? [];
      for (const match of matches) {
        if (match < index) expect(bracket).toContain(IDS[match]?.[0]);
      }
      expect(() => sent(filter)).not.toThrow();
    },
  );

  test('keeps the keys of an object in their order, which a JavaScript object would not', () => {
    const id = new Map<string, unknown>([
      ['z', new Int32(1)],
      ['1', new Int32(2)],
    ]);
    const filter = order.filter(order.point(bytesOf(id)), ALL_IDS);
    expect(Buffer.from(serialize(filter)).includes(bytesOf(id).subarray(9, -1))).toBe(true);
  });

  test.each([
    ['a string that is no UTF-8', Buffer.from('1200000002 5f696400 03000000 fffe00 00'.replaceAll(' ', ''), 'hex')],
    ['a date beyond JavaScript’s', Buffer.from('12000000 09 5f696400 ffffffffffffff7f 00'.replaceAll(' ', ''), 'hex')],
  ])('%s can’t be sent back as it was: its type is read again', (_name, raw) => {
    const document = Buffer.from(raw);
    document.writeInt32LE(document.length);
    const filter = order.filter(order.point(document), ALL_IDS) as { _id: { $type: number[] } };
    expect(filter._id.$type).toContain(document[4]);
  });

  test('FerretDB is asked only for the types it stores', () => {
    const filter = order.filter(order.point(bytesOf('a')), FERRETDB_IDS);
    expect(filter.$or[1]._id.$type).toEqual([3, 5, 7, 8, 9, 17, 11]);
  });
});

describe('resuming a window', () => {
  const order = orderOf({
    scope: { kind: 'window', cursor: { field: 'meta.at', type: 'date' }, from: 5, to: 90 },
    part: null,
  });
  const at = (value: unknown) => Buffer.from(serialize({ meta: { at: value } }));

  test('goes on at the last date, the end as before', () => {
    const point = order.point(at(new Date(7)));
    expect(order.filter(point, ALL_IDS)).toEqual({ 'meta.at': { $gte: new Date(7), $lt: new Date(90) } });
    expect(order.filter(undefined, ALL_IDS)).toEqual({ 'meta.at': { $gt: new Date(5), $lt: new Date(90) } });
  });

  test.each([['text'], [[new Date(7)]], [null]])('has no point in %o, and stays where it was', (value) => {
    expect(order.point(at(value))).toBeUndefined();
    expect(order.point(Buffer.from(serialize({})))).toBeUndefined();
  });

  test('beyond JavaScript’s dates goes on at the last of them, before them from the start', () => {
    const beyond = (milliseconds: bigint) => {
      const document = at(new Date(0));
      document.writeBigInt64LE(milliseconds, document.length - 10);
      return order.filter(order.point(document), ALL_IDS)['meta.at'].$gte;
    };
    expect(beyond(2n ** 62n)).toEqual(new Date(8.64e15));
    expect(beyond(-(2n ** 62n))).toBeUndefined();
  });
});

/** As much of a driver's cursor as a read uses: one reply, then the driver's `null`. */
function cursor(reply: readonly Buffer[], end: { killed: boolean; exhausted: boolean }): FindCursor {
  const left = [...reply];
  return {
    next: async () => left.shift() ?? null,
    readBufferedDocuments: () => left.splice(0),
    killed: end.killed,
    id: { isZero: () => end.exhausted },
    close: async () => {},
  } as unknown as FindCursor;
}

const END = { killed: false, exhausted: true };

/** A read of the whole collection. */
function readWhole(open: (after: Buffer | undefined) => FindCursor) {
  const order = orderOf({ scope: { kind: 'full' }, part: null });
  const means = { about: 'a test', redact: (text: string) => text, clock: instantClock(), tries: 3 };
  return readResuming({ order, open: async (after) => open(after), ...means }, new AbortController().signal);
}

describe('a cursor that ends without being exhausted', () => {
  const documents = encode(numbered(4));

  test.each([
    { killed: true, exhausted: true },
    { killed: false, exhausted: false },
  ])('is resumed, not taken for the end: %o', async (end) => {
    const opened: (Buffer | undefined)[] = [];
    const read = readWhole((after) => {
      opened.push(after);
      return after === undefined ? cursor(documents.slice(0, 2), end) : cursor(documents.slice(1), END);
    });
    expect(await collect(read)).toEqual([...documents.slice(0, 2), ...documents.slice(1)]);
    expect(opened).toHaveLength(2);
  });
});

describe('a document whose length lies', () => {
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = encode(numbered(2));
  const longer = Buffer.from(second);
  longer.writeInt32LE(second.length + 1);

  test.each([
    ['one byte', Buffer.of(7)],
    ['more than there is', longer],
    ['less than there is', Buffer.concat([second, Buffer.of(0)])],
    ['nothing', Buffer.alloc(5)],
  ])('ends the read, and nothing of its reply is given: %s', async (_, bad) => {
    const given: unknown[] = [];
    const reading = (async () => {
      for await (const batch of readWhole(() => cursor([first, bad], END))) given.push(batch);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'DOCUMENT_BROKEN',
      message: expect.stringContaining(`a test: the server gave ${bad.length} bytes`),
    });
    expect(given).toEqual([]);
  });
});
