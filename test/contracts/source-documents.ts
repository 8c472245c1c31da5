import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  serialize,
  Timestamp,
  UUID,
} from 'bson';
import type { RawBatch } from '../../src/shared/ports/source.ts';

/** Documents as BSON bytes; what a source reads is compared with them byte by byte. */
export function encode(documents: readonly Document[]): Buffer[] {
  return documents.map((document) => Buffer.from(serialize(document)));
}

/** `count` small documents with ascending `_id` and `updateTime`, one per second from `start` (epoch milliseconds). */
export function numbered(count: number, start = Date.UTC(2026, 0, 1)): Document[] {
  return Array.from({ length: count }, (_, index) => ({
    _id: new Int32(index),
    updateTime: new Date(start + index * 1000),
    name: `document ${index}`,
    even: index % 2 === 0,
  }));
}

/** Values every server of tests stores. */
export const COMMON_VALUES: Document = {
  double: new Double(1.5),
  wholeDouble: new Double(7),
  string: 'grüße 😀',
  empty: '',
  object: { b: new Int32(1), a: { deep: [new Int32(1), 'two', { three: true }] } },
  emptyObject: {},
  array: [new Int32(1), 'two', null, { b: [false] }],
  emptyArray: [],
  binary: new Binary(Buffer.from([0, 1, 2, 255]), 0),
  uuid: new UUID('00112233-4455-6677-8899-aabbccddeeff'),
  objectId: new ObjectId('0123456789abcdef01234567'),
  yes: true,
  no: false,
  date: new Date(Date.UTC(2026, 10, 1, 2, 3, 4, 567)),
  before1970: new Date(-1),
  nothing: null,
  regex: new BSONRegExp('^a.*b$', 'i'),
  int32: new Int32(-2147483648),
  timestamp: new Timestamp({ t: 1_700_000_000, i: 7 }),
  long: Long.MAX_VALUE,
};

/** Values that MongoDB stores and FerretDB 1.24 does not. */
export const OTHER_VALUES: Document = {
  nestedArray: [[new Int32(1)], []],
  nan: new Double(Number.NaN),
  minusZero: new Double(-0),
  infinity: new Double(Number.POSITIVE_INFINITY),
  decimal: Decimal128.fromString('1.10'),
  minKey: new MinKey(),
  maxKey: new MaxKey(),
  symbol: new BSONSymbol('sym'),
  code: new Code('return 1'),
  scoped: new Code('return x', { x: new Int32(1) }),
  reference: new DBRef('other', new ObjectId('0123456789abcdef01234567')),
  minLong: Long.MIN_VALUE,
};

/** One document a little under MongoDB's 16 MiB. */
export function huge(): Document {
  return { _id: new Int32(1), updateTime: new Date(Date.UTC(2026, 0, 1)), blob: 'x'.repeat(16 * 1024 * 1024 - 1024) };
}

/** The documents of batches, copied out: a batch is valid only until the next. */
export async function collect(batches: AsyncIterable<RawBatch>): Promise<Buffer[]> {
  const documents: Buffer[] = [];
  for await (const batch of batches) documents.push(...split(batch));
  return documents;
}

/** Copies of a batch's documents. Throws where they are not back to back, as the port promises them. */
export function split({ bytes, offsets }: RawBatch): Buffer[] {
  let end = 0;
  const documents = offsets.map((offset) => {
    if (offset !== end) throw new Error(`document at ${offset}, the one before ends at ${end}`);
    end = offset + bytes.readInt32LE(offset);
    return Buffer.from(bytes.subarray(offset, end));
  });
  if (end !== bytes.length) throw new Error(`the batch has ${bytes.length} bytes, its documents ${end}`);
  return documents;
}
