import { BSONSymbol, Code, Decimal128, Double, Int32, Long, ObjectId, UUID } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { type IdType, idClass, idHash, idText, mainClass, storedIdHash } from '../../../src/shared/domain/ids.ts';
import { idInteger } from '../../../src/shared/domain/numbers.ts';
import { decimal, double, int32, int64, text as texts, value } from './arbitrary.ts';
import { type Placed, placed, placedRaw, text } from './bson-bytes.ts';

const STRING_TYPES: readonly IdType[] = [
  'string:objectId',
  'string:string',
  'string:uuid',
  'string:long',
  'string:other',
];

/** Holds that an id has the hash of its BSON however its table stores it. */
function hashesAreOne({ bytes, type, at, end }: Placed): void {
  const expected = idHash(bytes, type, at, end);
  for (const idType of STRING_TYPES) {
    const stored = idText(bytes, type, at, end, mainClass(idType));
    expect(storedIdHash(Buffer.from(stored, 'utf8'), idType), `${stored} in ${idType}`).toBe(expected);
  }
  if (idClass(bytes, type, at) !== 'long') return;
  expect(storedIdHash(idInteger(bytes, type, at) as bigint, 'long')).toBe(expected);
}

/** Texts and documents that look like another value. */
const LOOKALIKES: readonly unknown[] = [
  '{"$oid":"0123456789abcdef01234567"}',
  '{"$numberLong":"7"}',
  '"quoted"',
  'null',
  '0123456789abcdef01234567',
  '00112233-4455-6677-8899-aabbccddeeff',
  '-7',
  '\ufeffwith a mark',
  'NUL \0 within',
  new BSONSymbol('true'),
  new ObjectId('0123456789abcdef01234567'),
  new UUID('00112233-4455-6677-8899-aabbccddeeff'),
  new Int32(-7),
  new Double(-0),
  new Double(0.5),
  Long.MIN_VALUE,
  Long.MAX_VALUE,
  Decimal128.fromString('7.00'),
  Decimal128.fromString('1E+6000'),
  new Map([['$oid', '0123456789abcdef01234567']]),
  new Map([['$numberLong', '7']]),
  new Map<string, unknown>([['$binary', new Map([['base64', 'ABEiM0RVZneImaq7zN3u/w==']])]]),
  new Date(7),
  new Code('{"$oid":"0123456789abcdef01234567"}'),
  [new Long(7)],
  true,
  null,
];

describe('the hash of a stored id is that of its BSON', () => {
  test.each(LOOKALIKES.map((id) => [id]))('%j', (id) => hashesAreOne(placed(id)));

  test('of text that is not UTF-8, undefined, a DBPointer, binaries near a UUID', () => {
    const binary = (subType: number, length: number) => {
      const header = Buffer.alloc(5);
      header.writeInt32LE(length);
      header[4] = subType;
      return Buffer.concat([header, Buffer.alloc(length, 0xab)]);
    };
    hashesAreOne(placedRaw(BSON.string, text(Buffer.from([0x61, 0xff]))));
    hashesAreOne(placedRaw(BSON.undefined, Buffer.alloc(0)));
    hashesAreOne(placedRaw(BSON.dbPointer, Buffer.concat([text(Buffer.from('a')), Buffer.alloc(12, 7)])));
    for (const length of [15, 16, 17])
      for (const subType of [3, 4]) hashesAreOne(placedRaw(BSON.binary, binary(subType, length)));
  });

  test('of any value', () => {
    fc.assert(
      fc.property(fc.oneof(value, int32, int64, double, decimal, texts), (id) => hashesAreOne(placed(id))),
      { numRuns: 5000 },
    );
  });
});

test.each([
  ['string:objectId', '0123456789ABCDEF01234567'],
  ['string:objectId', '0123'],
  ['string:uuid', '00112233-4455-6677-8899-aabbccddeefg'],
  ['string:long', '7.0'],
  ['string:other', 'bare'],
] as const)('%s has no id %s: it is refused, not placed somewhere', (idType, stored) => {
  expect(() => storedIdHash(Buffer.from(stored), idType)).toThrow(`_id ${stored} is no id of a table of ${idType}`);
});
