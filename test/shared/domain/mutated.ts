import { type Document, Int32 } from 'bson';
import fc from 'fast-check';
import { fieldNames, value } from './arbitrary.ts';
import { bson } from './bson-bytes.ts';

/** Documents that can be stored, as bytes; `_id` is 1. */
export const storable: fc.Arbitrary<Buffer> = fc
  .uniqueArray(fc.tuple(fieldNames, value), { maxLength: 5, selector: ([name]) => name })
  .map((fields) => new Map<string, unknown>([['_id', new Int32(1)], ...fields.filter(([name]) => name !== '_id')]))
  .map((document) => bson(document as unknown as Document));

/** Such documents with a few bytes changed anywhere but in their frame: the length, and the last byte. */
export const mutated: fc.Arbitrary<Buffer> = fc
  .tuple(storable, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }))
  .map(([bytes, changes]) => {
    const copy = Buffer.from(bytes);
    for (const [place, byte] of changes) copy[4 + (place % (copy.length - 5))] = byte;
    return copy;
  });
