import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { MongolakeError } from '../../../src/shared/domain/errors.ts';
import { MOST_NAMES, type Sketch, sketchToJson } from '../../../src/shared/domain/sketch.ts';
import { createSketcher, type Sketcher } from '../../../src/shared/domain/sketcher.ts';
import { bson, documentOf, element, int32, nestedArrays, text } from './bson-bytes.ts';
import { sketcherOf, sketchOf } from './fold-documents.ts';
import { mutated } from './mutated.ts';

const ID = element(BSON.int32, '_id', int32(1));
const BAD = Buffer.from([0x61, 0xff]);
const broken = (message: string) => expect.objectContaining({ code: 'DOCUMENT_BROKEN', message });

/** False where the document is broken; any other error is one. */
function isTaken(sketcher: Sketcher, bytes: Buffer): boolean {
  try {
    sketcher.take(bytes, 0);
    return true;
  } catch (error) {
    if (error instanceof MongolakeError && error.code === 'DOCUMENT_BROKEN') return false;
    throw error;
  }
}

describe('a document that can not be stored is refused', () => {
  const CASES: readonly (readonly [string, Buffer, string])[] = [
    ['without _id', documentOf([element(BSON.int32, 'a', int32(1))]), 'a document without _id'],
    ['with _id twice', documentOf([ID, ID]), 'field "_id" occurs twice'],
    [
      'with a field twice',
      documentOf([ID, element(BSON.int32, 'a', int32(1)), element(BSON.string, 'a', text('x'))]),
      'field "a" occurs twice',
    ],
    [
      'with a nested field twice',
      documentOf([ID, element(BSON.object, 's', documentOf([element(BSON.null, 'b', int32(0).subarray(4)), ID, ID]))]),
      'field "_id" occurs twice',
    ],
    [
      'with a name that is not UTF-8',
      documentOf([ID, element(BSON.null, BAD, Buffer.alloc(0))]),
      'a field name at byte 14 is not valid UTF-8',
    ],
    [
      'with such a name within its id',
      documentOf([element(BSON.object, '_id', documentOf([element(BSON.null, BAD, Buffer.alloc(0))]))]),
      'a field name in "_id" is not valid UTF-8',
    ],
    [
      'nested too deep',
      documentOf([ID, element(BSON.array, 'd', nestedArrays(202))]),
      'field "d" lies deeper than 200 levels',
    ],
    [
      'nested without an end',
      documentOf([ID, element(BSON.array, 'd', nestedArrays(50_000))]),
      'field "d" lies deeper than 200 levels',
    ],
    [
      'with a length that lies',
      documentOf([ID, element(BSON.string, 'a', text('x', 50))]),
      'a value of type 0x2 reaches past its document',
    ],
  ];
  test.each(CASES)('%s', (_, bytes, message) => {
    expect(() => createSketcher().take(bytes, 0)).toThrow(broken(message));
  });

  const KNOWN = [{ _id: 1, a: 'x', s: { b: 1 }, l: [1, { k: 1 }] }];
  const traceOf = (sketch: Sketch) => ({ ...sketchToJson(sketch), names: sketch.names });

  test.each(CASES)('%s, and leaves no trace', (_, bytes) => {
    for (const known of [[], KNOWN]) {
      const sketcher = sketcherOf(known);
      // Whatever came before the broken place was counted.
      const early = bson({ new: [[{ x: 1 }, { x: 'y', z: null }]], a: 1, s: { b: 'x', c: {} }, l: [[], 'x'] });
      const whole = Buffer.concat([early.subarray(4, -1), bytes.subarray(4)]);
      expect(() => sketcher.take(Buffer.concat([int32(whole.length + 4), whole]), 0)).toThrow(MongolakeError);
      expect(traceOf(sketcher.sketch())).toEqual(traceOf(sketchOf(known)));
    }
  });

  test('after thousands of names, more than are kept, and leaves none of them', () => {
    const many = Object.fromEntries(Array.from({ length: MOST_NAMES.level + 5 }, (_, i) => [`k${i}`, i]));
    const whole = Buffer.concat([bson({ _id: 1, many, ...many }).subarray(4, -1), ID, Buffer.alloc(1)]);
    const sketcher = sketcherOf(KNOWN);
    expect(() => sketcher.take(Buffer.concat([int32(whole.length + 4), whole]), 0)).toThrow('"_id" occurs');
    expect(traceOf(sketcher.sketch())).toEqual(traceOf(sketchOf(KNOWN)));
    expect(sketcher.sketch().open).toBe(0);
  });

  test('whichever of its bytes are wrong: the sketch is that of the others', () => {
    fc.assert(
      fc.property(fc.array(mutated, { minLength: 1, maxLength: 5 }), (given) => {
        const sketcher = createSketcher();
        const stored = given.filter((bytes) => isTaken(sketcher, bytes));
        expect(traceOf(sketcher.sketch())).toEqual(traceOf(sketchOf(stored)));
      }),
      { numRuns: 500 },
    );
  });
});
