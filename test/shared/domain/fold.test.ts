import { Binary, type Document, Double, Int32, Long, ObjectId, UUID } from 'bson';
import { describe, expect, test } from 'vitest';
import { fold, shape, shapeOf } from './fold-documents.ts';

const BIG = Long.fromString('9007199254740993');

describe('a first load', () => {
  test('gives each type its column, in the order first seen', () => {
    const document = {
      s: 'x',
      o: new ObjectId(),
      u: new UUID(),
      i: new Int32(1),
      l: BIG,
      d: new Double(0.5),
      b: true,
      t: new Date(0),
      bin: new Binary(Buffer.alloc(3)),
      r: /x/,
      st: { a: { b: 'x' } },
      ar: [['x']],
    };
    expect(shapeOf([document])).toEqual([
      's: string',
      'o: objectId',
      'u: uuid',
      'i: long',
      'l: long',
      'd: double',
      'b: boolean',
      't: timestamp',
      'bin: binary',
      'r: json',
      'st: struct{a: struct{b: string}}',
      'ar: array<array<string>>',
    ]);
  });

  test.each([
    ['int + double', [new Int32(1), new Double(0.5)], ['a: double']],
    ['int + whole double', [new Int32(1), new Double(2)], ['a: double']],
    ['whole double alone', [new Double(2)], ['a: double']],
    ['int + -0', [new Int32(1), new Double(-0)], ['a: double']],
    ['int beyond 2^53 + whole double', [BIG, new Double(2)], ['a: long']],
    ['int beyond 2^53 + double', [BIG, BIG, new Double(0.5)], ['a: long', 'a__double ← a: double']],
    ['double + int beyond 2^53', [new Double(0.5), new Double(0.5), BIG], ['a: double', 'a__long ← a: long']],
    ['int + null', [new Int32(1), null], ['a: long']],
    ['null alone', [null], []],
    ['string + int', ['x', 'y', new Int32(1)], ['a: string', 'a__long ← a: long']],
    ['int + string', [new Int32(1), new Int32(1), 'x'], ['a: long', 'a__string ← a: string']],
    ['as many of one as of the other: by name', ['x', new Int32(1)], ['a: long', 'a__string ← a: string']],
    ['date + date out of range', [new Date(0), new Date(0), new Date(-1e15)], ['a: timestamp', 'a__json ← a: json']],
    ['struct + string', [{ x: 1 }, { x: 1 }, 's'], ['a: struct{x: long}', 'a__string ← a: string']],
    ['array + scalar', [[1], [1], 's'], ['a: array<long>', 'a__string ← a: string']],
    ['string of all kinds of text', ['x', 'y'], ['a: string']],
  ])('%s', (_, values, expected) => {
    expect(shapeOf(values.map((a) => ({ a })))).toEqual(expected);
  });

  test.each([
    ['ints and doubles', [1, new Double(0.5)], ['a: array<double>']],
    ['mixed', [1, 'x'], ['a: array<json>']],
    ['objects of different shapes', [{ x: 1 }, { y: 's' }, {}], ['a: array<struct>{x: long, y: string}']],
    ['an object and a string', [{ x: 1 }, 's'], ['a: array<json>']],
    ['nulls between', [null, 'x', null], ['a: array<string>']],
    ['only nulls', [null], []],
    ['arrays of arrays', [[1], [], [new Double(1.5)]], ['a: array<array<double>>']],
    ['arrays of mixed arrays', [[1], ['x']], ['a: array<array<json>>']],
    ['an array and an int', [[1], 1], ['a: array<json>']],
    ['dates out of range', [new Date(0), new Date(-1e15)], ['a: array<json>']],
    ['empty objects only', [{}], []],
    ['an int and an empty object', [1, {}], ['a: array<json>']],
  ])('an array with %s', (_, elements, expected) => {
    expect(shapeOf([{ a: elements }])).toEqual(expected);
  });

  test.each([
    [{ a: {} }, '_extra'],
    [{ a: [] }, '_extra'],
    [{ a: [[], {}] }, '_extra'],
    [{ a: { b: null } }, '_extra'],
    [{ a: { b: {} } }, '_extra'],
    [{ a: [{ b: [] }] }, '_extra'],
    [{ a: null }, null],
    [{ a: [1, {}] }, null],
    [{ a: [{ b: {} }, 'x'] }, null],
    [{ a: { b: 1 } }, null],
  ])('of %j has the JSON column %s', (document, extra) => {
    expect(fold([document]).extra).toBe(extra);
  });

  test('the JSON column gets a name that no field has', () => {
    expect(fold([{ a: {}, _extra: 1, _EXTRA_2: 1 }]).extra).toBe('_extra_3');
  });
});

describe('names', () => {
  test.each([
    [
      'that Delta forbids',
      ['a b', 'c,d;e', '{f}(g)', '\n\t='],
      ['a_b ← a b', 'c_d_e ← c,d;e', '_f__g_ ← {f}(g)', '___ ← \n\t='],
    ],
    ['that differ only by case', ['name', 'Name', 'NAME'], ['name', 'Name_2 ← Name', 'NAME_3 ← NAME']],
    ['that differ only by case beyond ASCII', ['é', 'É', 'ß', 'ẞ'], ['é', 'É_2 ← É', 'ß', 'ẞ_2 ← ẞ']],
    ['that would clash once renamed', ['a b', 'a_b', 'a,b'], ['a_b ← a b', 'a_b_2 ← a_b', 'a_b_3 ← a,b']],
    ['that look renamed already', ['a', 'a_2', 'A'], ['a', 'a_2', 'A_3 ← A']],
    ['that are empty', ['', ' '], ['_ ← ', '__2 ←  ']],
    ['of the id', ['_ID', '_Id'], ['_ID_2 ← _ID', '_Id_3 ← _Id']],
    ['of JavaScript', ['__proto__', 'constructor'], ['__proto__', 'constructor']],
    ['with dots and quotes', ['a.b', '"', "'"], ['a.b', '"', "'"]],
  ])('%s', (_, sources, expected) => {
    const document = new Map(sources.map((source) => [source, 'x']));
    const nested = new Map([['s', new Map(sources.map((source) => [source === '_ID' ? '_id' : source, 'x']))]]);
    expect(shapeOf([document as unknown as Document])).toEqual(expected.map((column) => `${column}: string`));
    expect(fold([nested as unknown as Document]).columns).toHaveLength(1);
  });

  test('a sibling takes no name that is taken', () => {
    const table = fold([{ a__string: true }]);
    expect(shapeOf([{ a: 1 }, { a: 1 }, { a: 'x' }], table)).toEqual([
      'a__string: boolean',
      'a: long',
      'a__string_2 ← a: string',
    ]);
    expect(shapeOf([{ a: 1, a__string: true }, { a: 1 }, { a: 'x' }])).toEqual([
      'a: long',
      'a__string ← a: string',
      'a__string_2 ← a__string: boolean',
    ]);
  });

  test('_id within an object is a field like any other', () => {
    expect(shapeOf([{ s: { _id: 'x', _ID: 1 } }])).toEqual(['s: struct{_id: string, _ID_2 ← _ID: long}']);
  });
});

describe('a later delta', () => {
  const table = fold([{ a: 1, s: { x: 1 }, l: [1], ls: [{ x: 1 }], m: [1, 'x'], e: {} }]);

  test('of the same shape changes nothing', () => {
    expect(fold([{ a: 2, s: { x: 2 }, l: [3], ls: [{ x: 3 }, null], m: ['y'], e: {} }], table)).toEqual(table);
    expect(fold([{}], table)).toEqual(table);
    expect(fold([{ a: null, l: [], s: {} }], table)).toEqual(table);
  });

  test('adds columns at the end, and fields at the end of their struct', () => {
    const next = fold([{ b: 'x', a: 1, s: { y: 'x', x: 1 }, ls: [{ z: { w: true } }] }], table);
    expect(shape(next.columns)).toEqual([
      'a: long',
      's: struct{x: long, y: string}',
      'l: array<long>',
      'ls: array<struct>{x: long, z: struct{w: boolean}}',
      'm: array<json>',
      'b: string',
    ]);
  });

  test('never changes the type of a column: what does not fit gets a sibling', () => {
    const next = fold(
      [
        { a: 'x', s: 'x', l: ['x'], ls: [1], m: [{}] },
        { a: new Double(0.5), l: 7 },
      ],
      table,
    );
    expect(shape(next.columns)).toEqual([
      'a: long',
      's: struct{x: long}',
      'l: array<long>',
      'ls: array<struct>{x: long}',
      'm: array<json>',
      'a__double ← a: double',
      'a__string ← a: string',
      's__string ← s: string',
      'l__json ← l: json',
      'l__long ← l: long',
      'ls__json ← ls: json',
    ]);
  });

  test('with whole doubles and ints of any size stays in a long column', () => {
    expect(fold([{ a: new Double(5) }, { a: BIG }], table)).toEqual(table);
  });

  test('with an int beyond 2^53 leaves a double column', () => {
    const doubles = fold([{ a: new Double(0.5) }]);
    expect(shapeOf([{ a: new Int32(1) }], doubles)).toEqual(['a: double']);
    expect(shapeOf([{ a: BIG }], doubles)).toEqual(['a: double', 'a__long ← a: long']);
  });

  test('types what was empty before, and keeps the JSON column', () => {
    const next = fold([{ e: { x: 1 } }], table);
    expect(shape(next.columns).at(-1)).toBe('e: struct{x: long}');
    expect(next.extra).toBe('_extra');
    expect(fold([{ _extra: 1 }], table).columns.at(-1)).toMatchObject({ name: '_extra_2', source: '_extra' });
  });

  test('one JSON sibling serves all that needs it', () => {
    const first = fold([{ a: [1] }, { a: [1] }, { a: new Date(-1e15) }]);
    expect(shape(first.columns)).toEqual(['a: array<long>', 'a__json ← a: json']);
    expect(fold([{ a: ['x'] }, { a: [['y']] }, { a: /x/ }], first)).toEqual(first);
  });

  test('a nested array that does not fit takes its whole array along', () => {
    const nested = fold([{ a: [[1]] }]);
    expect(shapeOf([{ a: [['x']] }], nested)).toEqual(['a: array<array<long>>', 'a__json ← a: json']);
    const deep = fold([{ a: [[{ x: 1 }]] }]);
    expect(shapeOf([{ a: [[{ y: 1 }]] }], deep)).toEqual(['a: array<array<struct>>{x: long, y: long}']);
  });
});

describe('ids', () => {
  test('the first load fixes their type', () => {
    expect(fold([{ _id: 1 }, { _id: new Double(2) }]).idType).toBe('long');
    expect(fold([{ _id: 'x' }, { _id: 'y' }, { _id: 1 }]).idType).toBe('string:string');
  });

  test('a string table takes any', () => {
    const table = fold([{ _id: 'x' }]);
    expect(fold([{ _id: 1 }, { _id: new ObjectId() }, { _id: { a: 1 } }], table).idType).toBe('string:string');
  });

  test.each([['x'], [new Double(0.5)], [new ObjectId('0123456789abcdef01234567')]])(
    'an integer table refuses %s',
    (_id) => {
      const table = fold([{ _id: 1 }]);
      expect(() => fold([{ _id: 2 }, { _id }], table)).toThrow(expect.objectContaining({ code: 'ID_TYPE' }));
      expect(() => fold([{ _id: 2 }, { _id }], table)).toThrow('does not fit the table, whose ids are integers');
    },
  );
});
