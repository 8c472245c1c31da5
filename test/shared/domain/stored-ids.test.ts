import { Binary, Decimal128, Double, deserialize, Int32, Long, ObjectId, serialize, UUID } from 'bson';
import { expect, it } from 'vitest';
import { findElement } from '../../../src/shared/domain/bson.ts';
import { type IdType, idText, mainClass } from '../../../src/shared/domain/ids.ts';
import { idDocument } from '../../../src/shared/domain/stored-ids.ts';

const ID_TYPES: readonly IdType[] = ['string:objectId', 'string:string', 'string:uuid', 'string:long', 'string:other'];

function stored(value: unknown, idType: IdType): string {
  const bytes = Buffer.from(serialize({ _id: value }));
  const id = findElement(bytes, 0, ['_id']);
  if (id === undefined) throw new Error('no _id');
  return idText(bytes, id.type, id.at, id.end, mainClass(idType));
}

it.each([
  ['an object id', new ObjectId('0123456789abcdef01234567')],
  ['text', 'plain'],
  ['text that looks like an object id', '0123456789abcdef01234567'],
  ['text that reads as JSON', '{"$oid":"x"}'],
  ['an empty text', ''],
  ['a NUL', 'a\0b'],
  ['a UUID', new UUID('00112233-4455-6677-8899-aabbccddeeff')],
  ['an integer', new Int32(7)],
  ['the largest integer', Long.MAX_VALUE],
  ['a fraction', new Double(1.5)],
  ['a decimal', Decimal128.fromString('0.1')],
  ['a date', new Date(-1)],
  ['a boolean', true],
  ['an object', { b: new Int32(1), a: [null, 'x'] }],
  ['bytes', new Binary(Buffer.from([0, 255]), 0)],
])('%s as a table stores it is that id again, whatever the table', (_, value) => {
  for (const idType of ID_TYPES) {
    const document = idDocument(stored(value, idType), idType);
    expect(document, idType).toBeDefined();
    expect(stored(deserialize(document as Buffer, { promoteValues: false })._id, idType)).toBe(stored(value, idType));
  }
});

it('an integer of a table of integers', () => {
  expect(deserialize(idDocument('-9223372036854775808', 'long') as Buffer, { promoteValues: false })._id).toEqual(
    Long.MIN_VALUE,
  );
});

it('what would come back as another id is none', () => {
  expect(idDocument('{"2":"x","1":"y"}', 'string:string')).toBeUndefined();
  expect(idDocument('{"$invalidUtf8":"/w=="}', 'string:string')).toBeUndefined();
});
