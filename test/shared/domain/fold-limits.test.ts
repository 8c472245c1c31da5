import { describe, expect, test } from 'vitest';
import { FOLD_LIMITS, type FoldLimits, foldSchema } from '../../../src/shared/domain/fold.ts';
import { createSketcher } from '../../../src/shared/domain/sketcher.ts';
import { bson } from './bson-bytes.ts';
import { fold, shape, shapeOf } from './fold-documents.ts';

describe('limits', () => {
  const limits: FoldLimits = { columns: 4, keys: 3, depth: 10 };
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

  test('past the column limit the rest goes to the JSON column', () => {
    const first = fold([{ a: 1, s: { x: 1, y: 'x' }, l: [{ z: 1 }], b: 1, c: [1], d: { e: 1 } }], undefined, limits);
    expect(shape(first.columns)).toEqual(['a: long', 's: struct{x: long, y: string}', 'l: array<struct>{z: long}']);
    expect(first.extra).toBe('_extra');
    expect(fold([{ a: 'x', s: { w: 1 }, l: [{ v: 1 }], l2: [1] }], first, limits)).toEqual(first);
  });

  test('a table with more columns than the limit keeps them', () => {
    const wide = fold([keys(10)], undefined, { columns: 100, keys: 100, depth: 10 });
    expect(fold([keys(10)], wide, limits)).toEqual(wide);
    expect(fold([keys(11)], wide, limits)).toEqual({ ...wide, extra: '_extra' });
  });

  test('a mixed array takes the room of one column, whatever was looked at', () => {
    const schema = fold([{ m: [{ a: 1, b: 1, c: 1 }, 'x'], x: 1, y: 1, z: 1, w: 1 }], undefined, limits);
    expect(shape(schema.columns)).toEqual(['m: array<json>', 'x: long', 'y: long', 'z: long']);
  });

  test('an object with more keys than the limit becomes one column, for good', () => {
    const table = fold([{ map: keys(4), few: keys(3), l: [keys(2), { q: 1, r: 1 }] }], undefined, {
      ...limits,
      columns: 9,
    });
    expect(shape(table.columns)).toEqual([
      'map: object',
      'few: struct{k0: long, k1: long, k2: long}',
      'l: array<object>',
    ]);
    expect(fold([{ map: { x: 1 } }, { map: {} }, { l: [{ y: 'x' }, {}] }], table, limits)).toEqual(table);
    expect(shapeOf([{ map: 7, l: [7] }], table).slice(3)).toEqual(['map__long ← map: long', 'l__json ← l: json']);
  });

  test('by default a thousand columns, and objects of 250 keys', () => {
    expect(fold([keys(1100)]).columns).toHaveLength(FOLD_LIMITS.columns);
    expect(shapeOf([{ map: keys(251) }])).toEqual(['map: object']);
    expect(shapeOf([{ map: keys(250) }])[0]).toMatch(/^map: struct/);
  });

  test('ten thousand fields fold in no time', () => {
    const sketcher = createSketcher();
    sketcher.take(bson({ _id: 1, ...keys(10_000) }), 0);
    const schema = foldSchema(undefined, sketcher.sketch(), { columns: 20_000, keys: 20_000, depth: 10 });
    expect(foldSchema(schema, sketcher.sketch(), { columns: 20_000, keys: 20_000, depth: 10 })).toEqual(schema);
  });

  test('what lies deeper than the limit is EJSON', () => {
    const shallow = { ...limits, columns: 100, depth: 2 };
    const document = {
      o: { o: { x: 1, o: { y: 1 }, l: [1] } },
      l: [[1], [[1]]],
      ol: { l: [{ x: 1 }] },
      lo: [{ x: 1, l: [1], o: { x: 1 } }],
    };
    const table = fold([document], undefined, shallow);
    expect(shape(table.columns)).toEqual([
      'o: struct{o: struct{x: long, o: object, l: json}}',
      'l: array<array<json>>',
      'ol: struct{l: array<object>}',
      'lo: array<struct>{x: long, l: json, o: object}',
    ]);
    expect(fold([document], table, shallow)).toEqual(table);
    const other = {
      o: { o: { o: { z: 'x' }, l: ['x'] } },
      l: [['x']],
      ol: { l: [{ y: {} }] },
      lo: [{ l: [{}], o: {} }],
    };
    expect(fold([other], table, shallow)).toEqual(table);
  });

  test('by default ten levels', () => {
    let [o, l]: [unknown, unknown] = ['x', 'x'];
    for (let i = 0; i < 12; i++) [o, l] = [{ k: o }, [l]];
    const [objects, arrays] = shapeOf([{ o, l }]);
    expect(objects?.split('struct')).toHaveLength(11);
    expect(objects).toContain('{k: object}');
    expect(arrays).toBe(`l: ${'array<'.repeat(10)}json${'>'.repeat(10)}`);
  });
});
