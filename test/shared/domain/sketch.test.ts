import { type Document, Double, Int32, Long } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import {
  emptySketch,
  MOST_NAMES,
  mergeSketch,
  type Sketch,
  sketchFromJson,
  sketchToJson,
} from '../../../src/shared/domain/sketch.ts';
import { createSketcher } from '../../../src/shared/domain/sketcher.ts';
import { fieldNames, value } from './arbitrary.ts';
import { bson, documentOf, element, int32, nestedArrays, text } from './bson-bytes.ts';
import { sketcherOf, sketchOf } from './fold-documents.ts';

const json = (documents: readonly (Document | Buffer)[]) => sketchToJson(sketchOf(documents));
const ID = element(BSON.int32, '_id', int32(1));
const BAD = Buffer.from([0x61, 0xff]);
const broken = (message: string) => expect.objectContaining({ code: 'DOCUMENT_BROKEN', message });

describe('a sketch', () => {
  test('counts what is at each place', () => {
    const documents = [
      { _id: new Int32(1), a: new Int32(1), s: { x: 'a', y: null }, l: [new Int32(1), [true], { k: 'v' }, null] },
      { _id: 'b', a: new Double(1.5), s: {}, l: [] },
      { _id: new Int32(2), a: new Double(2), s: null, l: [{ k: new Date(0) }] },
    ];
    expect(json(documents)).toEqual({
      ids: { long: 2, string: 1 },
      idExamples: { long: '1', string: 'b' },
      fields: [
        ['a', { counts: { long: 1, double: 1, wholeDouble: 1 } }],
        [
          's',
          {
            counts: { struct: 1, emptyStruct: 1, null: 1 },
            fields: [
              ['x', { counts: { string: 1 } }],
              ['y', { counts: { null: 1 } }],
            ],
          },
        ],
        [
          'l',
          {
            counts: { array: 2, emptyArray: 1 },
            element: {
              counts: { long: 1, array: 1, struct: 2, null: 1 },
              fields: [['k', { counts: { string: 1, timestamp: 1 } }]],
              element: { counts: { boolean: 1 } },
            },
          },
        ],
      ],
    });
  });

  test.each([
    [Long.fromString('9007199254740992'), 'long'],
    [Long.fromString('9007199254740993'), 'wideLong'],
    [Long.fromString('-9007199254740992'), 'long'],
    [Long.fromString('-9007199254740993'), 'wideLong'],
    [Long.MAX_VALUE, 'wideLong'],
    [Long.MIN_VALUE, 'wideLong'],
    [new Double(2 ** 53 - 1), 'wholeDouble'],
    [new Double(2 ** 53), 'double'],
    [new Double(-0), 'double'],
    [new Double(Number.NaN), 'double'],
    [new Double(Infinity), 'double'],
    [new Date(-62_135_596_800_000), 'timestamp'],
    [new Date(-62_135_596_800_001), 'json'],
    [new Date(253_402_300_799_999), 'timestamp'],
    [new Date(253_402_300_800_000), 'json'],
  ])('%s is of class %s', (given, expected) => {
    expect(json([{ _id: 1, a: given }]).fields).toEqual([['a', { counts: { [expected]: 1 } }]]);
  });

  test('a date beyond JavaScript is none that a column holds', () => {
    for (const ms of [2n ** 63n - 1n, -(2n ** 63n)]) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(ms);
      const { fields } = json([documentOf([ID, element(BSON.date, 'a', bytes)])]);
      expect(fields).toEqual([['a', { counts: { json: 1 } }]]);
    }
  });

  test('returns where the _id is, wherever it stands in the document', () => {
    const bytes = bson({ a: { _id: 'x' }, _id: new Int32(7), b: 1 });
    const id = createSketcher().take(bytes, 0);
    expect(id.type).toBe(BSON.int32);
    expect(bytes.readInt32LE(id.at)).toBe(7);
  });

  test('a name of JavaScript is a field like any other', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'];
    const nested = new Map(names.map((name) => [name, new Map([[name, 'x']])]));
    const document = new Map<string, unknown>([['_id', 1], ...nested]);
    const { fields } = json([document as unknown as Document]);
    expect(fields).toEqual(
      names.map((name) => [name, { counts: { struct: 1 }, fields: [[name, { counts: { string: 1 } }]] }]),
    );
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });

  test('takes text that is not UTF-8 for a value of its own class', () => {
    const list = documentOf([element(BSON.string, '0', text('x')), element(BSON.symbol, '1', text(BAD))]);
    const fields = [element(BSON.string, 'a', text(BAD)), element(BSON.array, 'l', list)];
    expect(json([documentOf([element(BSON.string, '_id', text(BAD)), ...fields])])).toEqual({
      ids: { other: 1 },
      idExamples: { other: '{"$invalidUtf8":"Yf8="}' },
      fields: [
        ['a', { counts: { json: 1 } }],
        ['l', { counts: { array: 1 }, element: { counts: { string: 1, json: 1 } } }],
      ],
    });
  });

  test('a field of the same name in two elements of an array is not a field twice', () => {
    expect(json([{ _id: 1, l: [{ a: 1 }, { a: 2 }], a: 1 }]).fields).toHaveLength(2);
  });

  test('keeps one short example of each class of id', () => {
    const { idExamples } = json([{ _id: 'x'.repeat(1000) }, { _id: 'y' }, { _id: { a: 1 } }]);
    expect(idExamples).toEqual({ string: 'x'.repeat(100), other: '{"a":{"$numberLong":"1"}}' });
  });
});

const documents = fc
  .uniqueArray(fc.tuple(fieldNames, value), { maxLength: 5, selector: ([name]) => name })
  .map((fields) => new Map<string, unknown>([['_id', new Int32(1)], ...fields.filter(([name]) => name !== '_id')]))
  .map((document) => bson(document as unknown as Document));

/** The sketch without the order of fields. */
function unordered(sketch: Sketch): unknown {
  const sorted = (fields: readonly (readonly [string, unknown])[]): unknown =>
    fields.map(([name, field]) => [name, deep(field)] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  const deep = (node: unknown): unknown =>
    Array.isArray(node)
      ? node
      : Object.fromEntries(
          Object.entries(node as object).map(([key, child]) =>
            key === 'fields' ? [key, sorted(child)] : [key, key === 'element' ? deep(child) : child],
          ),
        );
  const { idExamples: _, ...rest } = sketchToJson(sketch);
  return deep(rest);
}

describe('sketches of parts', () => {
  test('merged are the sketch of the whole, also through JSON', () => {
    fc.assert(
      fc.property(fc.array(documents, { maxLength: 6 }), fc.nat({ max: 6 }), (all, cut) => {
        const merged = emptySketch();
        for (const part of [all.slice(0, cut), all.slice(cut)])
          mergeSketch(merged, sketchFromJson(JSON.parse(JSON.stringify(sketchToJson(sketchOf(part))))));
        expect(sketchToJson(merged)).toEqual(sketchToJson(sketchOf(all)));
      }),
    );
  });

  test('count the same in any order', () => {
    fc.assert(
      fc.property(fc.array(documents, { maxLength: 6 }), fc.nat({ max: 5 }), (all, turn) => {
        const turned = [...all.slice(turn), ...all.slice(0, turn)];
        expect(unordered(sketchOf(turned))).toEqual(unordered(sketchOf(all)));
      }),
    );
  });

  test('are not changed by being merged', () => {
    const part = sketchOf([{ _id: 1, s: { a: 1 } }]);
    const before = JSON.stringify(sketchToJson(part));
    const merged = emptySketch();
    mergeSketch(merged, part);
    mergeSketch(merged, sketchOf([{ _id: 1, s: { a: 1, b: 1 } }]));
    expect(JSON.stringify(sketchToJson(part))).toBe(before);
  });
});

describe('an object whose keys are data', () => {
  const numbered = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${from + i}`, new Int32(i)]));

  test('is kept up to a number of names, and marked', () => {
    const sketch = sketchOf([
      { _id: 1, map: numbered(0, 6000), a: 1 },
      { _id: 2, map: numbered(6000, 6000), b: 1 },
    ]);
    const map = sketch.fields.get('map');
    expect(map?.fields?.size).toBe(MOST_NAMES.level);
    expect(map?.open).toBeGreaterThan(0);
    expect(sketch.open).toBe(0);
    expect([...sketch.fields.keys()]).toEqual(['map', 'a', 'b']);
    const copy = sketchFromJson(JSON.parse(JSON.stringify(sketchToJson(sketch))));
    expect(copy.fields.get('map')?.open).toBeGreaterThan(0);
    expect(copy.names).toBe(sketch.names);
  });

  test('is bounded at all levels together, and when sketches are merged', () => {
    const wide = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`m${i}`, numbered(0, 9000)]));
    const sketch = sketchOf([{ _id: 1, ...wide }]);
    expect(sketch.names).toBe(MOST_NAMES.all);
    const merged = emptySketch();
    mergeSketch(merged, sketch);
    mergeSketch(merged, sketchOf([{ _id: 1, other: 1 }]));
    expect(merged.names).toBe(MOST_NAMES.all);
    expect(merged.open).toBeGreaterThan(0);
  });

  test('is still checked past what is kept', () => {
    const sketcher = sketcherOf([{ _id: 1, ...numbered(0, MOST_NAMES.level) }]);
    const deep = documentOf([ID, element(BSON.array, 'new', nestedArrays(202))]);
    expect(() => sketcher.take(deep, 0)).toThrow(broken('field "new" lies deeper than 200 levels'));
    sketcher.take(documentOf([ID, element(BSON.string, 'new', text('x'))]), 0);
    expect(sketcher.sketch().open).toBeGreaterThan(0);
  });
});
