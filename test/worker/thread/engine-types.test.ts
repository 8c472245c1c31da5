import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { kindText } from '../../../src/shared/domain/delta/schema.ts';
import { documentOf, element, int32, text } from '../../shared/domain/bson-bytes.ts';
import { rowsOf, statsOf } from './inspect.ts';
import { type Doc, type LocalTable, localTable } from './table.ts';

let table: LocalTable;
beforeEach(() => {
  table = localTable();
});
afterEach(() => table.remove());

/** Loads one value per document, `_id` counting from 0; the kinds of its columns, and their values in order. */
async function load(values: readonly unknown[]): Promise<{ kinds: string[]; rows: Record<string, unknown>[] }> {
  return loadDocuments(values.map((a, _id) => ({ _id, a })));
}

async function loadDocuments(documents: readonly Doc[]): Promise<{ kinds: string[]; rows: Record<string, unknown>[] }> {
  await table.sync([documents]);
  const rows = await rowsOf(table);
  // The same again is no change: what was written is what was read.
  expect((await table.sync([documents])).counts.unchanged).toBe(documents.length);
  const kinds = table.schema().columns.map(({ name, type }) => `${name}: ${kindText(type)}`);
  return { kinds, rows: rows.map(({ _id, ...rest }) => defined(rest)) };
}

function defined(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const sequence = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i));
const EDGE_DECIMALS = [
  '0',
  '-0',
  '0E-6176',
  '1.10',
  '-1.10',
  '9999999999999999999999999999999999',
  '-9.999999999999999999999999999999999E+6144',
  '1E-6176',
  'NaN',
  'Infinity',
  '-Infinity',
];

const TYPES: readonly {
  readonly kind: string;
  readonly values: readonly unknown[];
  readonly stored: readonly unknown[];
}[] = [
  {
    kind: 'objectId',
    values: [new ObjectId('00'.repeat(12)), new ObjectId('ff'.repeat(12))],
    stored: ['00'.repeat(12), 'ff'.repeat(12)],
  },
  {
    kind: 'string',
    values: [
      '',
      ' ',
      'grüße',
      '😀',
      '\uffff',
      '\u{10ffff}',
      'a\0b',
      '"\\\n\r\t',
      '\ufeffx',
      'x'.repeat(100_000),
      new BSONSymbol('sym'),
    ],
    stored: [
      '',
      ' ',
      'grüße',
      '😀',
      '\uffff',
      '\u{10ffff}',
      'a\0b',
      '"\\\n\r\t',
      '\ufeffx',
      'x'.repeat(100_000),
      'sym',
    ],
  },
  {
    kind: 'long',
    values: [
      new Int32(2 ** 31 - 1),
      new Int32(-(2 ** 31)),
      Long.MAX_VALUE,
      Long.MIN_VALUE,
      Long.fromString('9007199254740993'),
      Long.NEG_ONE,
    ],
    stored: [2147483647n, -2147483648n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n, -1n],
  },
  {
    kind: 'double',
    values: [0.1, Number.NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE, 2 ** 53, 1e300].map(
      (value) => new Double(value),
    ),
    stored: [0.1, Number.NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE, 2 ** 53, 1e300],
  },
  {
    kind: 'double',
    values: [new Double(0.5), new Int32(3), Long.fromString('9007199254740992'), new Double(4)],
    stored: [0.5, 3, 2 ** 53, 4],
  },
  { kind: 'decimal', values: EDGE_DECIMALS.map((value) => Decimal128.fromString(value)), stored: EDGE_DECIMALS },
  { kind: 'boolean', values: [true, false], stored: [true, false] },
  {
    kind: 'timestamp',
    values: [
      '0001-01-01T00:00:00.000Z',
      '1582-10-04T00:00:00.000Z',
      '1899-12-31T23:59:59.999Z',
      '1969-12-31T23:59:59.999Z',
      '1970-01-01T00:00:00.000Z',
      '9999-12-31T23:59:59.999Z',
    ].map((iso) => new Date(iso)),
    stored: [
      '0001-01-01T00:00:00.000Z',
      '1582-10-04T00:00:00.000Z',
      '1899-12-31T23:59:59.999Z',
      '1969-12-31T23:59:59.999Z',
      '1970-01-01T00:00:00.000Z',
      '9999-12-31T23:59:59.999Z',
    ].map((iso) => new Date(iso)),
  },
  {
    kind: 'binary',
    values: [
      new Binary(Buffer.alloc(0)),
      new Binary(Buffer.from('fffe0080', 'hex')),
      new Binary(Buffer.from('abc'), 0x80),
      new Binary(Buffer.alloc(16), 3),
    ],
    stored: [hex(''), hex('fffe0080'), hex('616263'), hex('00'.repeat(16))],
  },
  {
    kind: 'uuid',
    values: [new UUID('00112233-4455-6677-8899-aabbccddeeff')],
    stored: ['00112233-4455-6677-8899-aabbccddeeff'],
  },
  {
    kind: 'json',
    values: [
      new BSONRegExp('^a"', 'i'),
      new Code('f()'),
      new Code('f()', { x: new Int32(1) }),
      new Timestamp({ t: 4294967295, i: 1 }),
      new MinKey(),
      new MaxKey(),
    ],
    stored: [
      '{"$regularExpression":{"pattern":"^a\\"","options":"i"}}',
      '{"$code":"f()"}',
      '{"$code":"f()","$scope":{"x":{"$numberInt":"1"}}}',
      '{"$timestamp":{"t":4294967295,"i":1}}',
      '{"$minKey":1}',
      '{"$maxKey":1}',
    ],
  },
];

describe('the type table', () => {
  test.each(TYPES)('$kind', async ({ kind, values, stored }) => {
    const { kinds, rows } = await load(values);
    expect(kinds).toEqual([`a: ${kind}`]);
    expect(rows.map(({ a }) => a)).toEqual(stored);
  });

  test.each(TYPES)('$kind in arrays, with nulls between', async ({ kind, values, stored }) => {
    const { kinds, rows } = await load([[null, ...values, null], null, values]);
    expect(kinds).toEqual([`a: array<${kind}>`]);
    expect(rows).toEqual([{ a: [null, ...stored, null] }, {}, { a: stored }]);
  });

  test.each(TYPES)('$kind in objects in arrays', async ({ kind, values, stored }) => {
    const { kinds, rows } = await load([values.map((x) => ({ x, y: 1 })), [{ y: 1 }, null, { x: values[0] }]]);
    expect(kinds).toEqual(['a: array<struct>']);
    expect(table.schema().columns[0]?.type).toMatchObject({ element: { fields: [{ type: { kind } }, {}] } });
    expect(rows).toEqual([
      { a: stored.map((x) => ({ x, y: 1n })) },
      { a: [{ x: null, y: 1n }, null, { x: stored[0], y: null }] },
    ]);
  });

  test('null, undefined and missing are null', async () => {
    const undef = documentOf([element(BSON.int32, '_id', int32(3)), element(BSON.undefined, 'a', Buffer.alloc(0))]);
    const { kinds, rows } = await loadDocuments([{ _id: 0, a: 1 }, { _id: 1, a: null }, { _id: 2 }, undef]);
    expect(kinds).toEqual(['a: long']);
    expect(rows).toEqual([{ a: 1n }, {}, {}, {}]);
  });

  test('a field that is only null has no column', async () => {
    expect(await loadDocuments([{ _id: 0, a: null, s: null }])).toEqual({ kinds: [], rows: [{}] });
  });

  test('old binaries give what is in them, their inner length where it lies', async () => {
    const old = (_id: number, inner: number) =>
      documentOf([
        element(BSON.int32, '_id', int32(_id)),
        element(BSON.binary, 'a', Buffer.concat([int32(7), Buffer.from([2]), int32(inner), Buffer.from('abc')])),
      ]);
    const { rows } = await loadDocuments([old(0, 3), old(1, 2)]);
    expect(rows).toEqual([{ a: hex('616263') }, { a: hex('02000000616263') }]);
  });

  test('deprecated types are EJSON', async () => {
    const pointer = Buffer.concat([text('db.c'), Buffer.from('0123456789abcdef01234567', 'hex')]);
    const document = documentOf([element(BSON.int32, '_id', int32(0)), element(BSON.dbPointer, 'a', pointer)]);
    const { rows } = await loadDocuments([document]);
    expect(rows).toEqual([{ a: '{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"0123456789abcdef01234567"}}}' }]);
  });
});

describe('what does not fit its column', () => {
  test('goes to a sibling, by type', async () => {
    const date = (ms: number) => new Date(ms);
    const { kinds, rows } = await load([
      date(0),
      date(1),
      date(2),
      date(3),
      date(-62_135_596_800_001),
      date(253_402_300_800_000),
      date(8.64e15),
      'x',
      7,
    ]);
    expect(kinds).toEqual(['a: timestamp', 'a__json: json', 'a__long: long', 'a__string: string']);
    expect(rows).toEqual([
      { a: date(0) },
      { a: date(1) },
      { a: date(2) },
      { a: date(3) },
      { a__json: '{"$date":{"$numberLong":"-62135596800001"}}' },
      { a__json: '{"$date":{"$numberLong":"253402300800000"}}' },
      { a__json: '{"$date":{"$numberLong":"8640000000000000"}}' },
      { a__string: 'x' },
      { a__long: 7n },
    ]);
  });

  test('an integer that a double column would round', async () => {
    await table.sync([[{ _id: 0, a: new Double(0.5) }]]);
    const big = Long.fromString('9007199254740993');
    const { rows } = await loadDocuments([
      { _id: 1, a: big },
      { _id: 2, a: new Int32(1) },
      { _id: 3, a: Long.MIN_VALUE },
    ]);
    expect(rows).toEqual([{ a: 0.5 }, { a__long: 9007199254740993n }, { a: 1 }, { a__long: -(2n ** 63n) }]);
  });

  test('a fraction in an integer column', async () => {
    await table.sync([[{ _id: 0, a: 1 }]]);
    const { rows } = await loadDocuments([
      { _id: 1, a: new Double(0.5) },
      { _id: 2, a: new Double(5) },
      { _id: 3, a: new Double(-0) },
    ]);
    expect(rows).toEqual([{ a: 1n }, { a__double: 0.5 }, { a: 5n }, { a__double: -0 }]);
  });

  test('an array with one element of another type, whole', async () => {
    await table.sync([[{ _id: 0, a: [1], n: [[1]] }]]);
    const { rows } = await loadDocuments([
      { _id: 1, a: [1, 'x', null], n: [[1], ['x']] },
      { _id: 2, a: [2, null], n: [[2], []] },
    ]);
    expect(rows).toEqual([
      { a: [1n], n: [[1n]] },
      {
        a__json: '[{"$numberInt":"1"},"x",null]',
        n__json: '[[{"$numberInt":"1"}],["x"]]',
      },
      { a: [2n, null], n: [[2n], []] },
    ]);
  });

  test('an array of mixed elements from the start, each as EJSON', async () => {
    const { kinds, rows } = await load([[1, 'x', null, { k: [true] }, []], [], [null]]);
    expect(kinds).toEqual(['a: array<json>']);
    expect(rows).toEqual([{ a: ['{"$numberInt":"1"}', '"x"', null, '{"k":[true]}', '[]'] }, { a: [] }, { a: [null] }]);
  });

  test('what is empty goes to the JSON column until it has a type', async () => {
    const first = await loadDocuments([
      {
        _id: 0,
        o: {},
        l: [],
        s: { x: 1, o: {}, 'a.b': [] },
        ls: [
          { x: 1, o: {} },
          { x: 2, o: { p: [] } },
        ],
      },
      { _id: 1, o: { p: null }, l: [[], {}] },
    ]);
    expect(first.kinds).toEqual(['s: struct', 'ls: array<struct>']);
    expect(first.rows).toEqual([
      {
        s: { x: 1n },
        ls: [{ x: 1n }, { x: 2n }],
        _extra: '{"o":{},"l":[],"s.o":{},"s.a\\\\.b":[],"ls.0.o":{},"ls.1.o":{"p":[]}}',
      },
      { _extra: '{"o":{"p":null},"l":[[],{}]}' },
    ]);
    const second = await loadDocuments([
      { _id: 2, o: { p: 'x' }, l: ['x'] },
      { _id: 3, o: {}, l: [] },
    ]);
    expect(second.rows.slice(2)).toEqual([
      { o: { p: 'x' }, l: ['x'] },
      { o: { p: null }, l: [] },
    ]);
    expect(second.rows[0]).toEqual(first.rows[0]);
  });
});

describe('nested values', () => {
  test('nulls in many chunks and levels are where they belong', async () => {
    const value = (i: number) =>
      i % 5 === 0 ? null : [{ l: [i, null, i % 3 ? [] : null] }, null, { l: i % 7 ? null : [] }];
    const of = (i: number) =>
      i < 3000
        ? { _id: i, a: value(i), s: i % 2 ? { x: i % 4 === 1 ? null : i } : null }
        : { _id: i, a: [{ l: [i] }], s: { x: i } };
    const mixed = sequence(3000, of) as Doc[];
    const plain = sequence(6000, (i) => of(i + 3000)) as Doc[];
    await table.sync([[...mixed, ...plain]]);
    const rows = await rowsOf(table);
    expect(table.schema().columns.map(({ type }) => kindText(type))).toEqual(['array<struct>', 'struct']);
    const wrong = rows.filter((row, i) => {
      const { a, s } = of(i) as { a: ReturnType<typeof value>; s: { x: number | null } | null };
      const elements =
        a?.map((each) => each && { l: each.l && each.l.map((x) => (x === null ? null : JSON.stringify(x))) }) ?? null;
      const stored = (row.a as typeof elements) ?? null;
      const plainStored =
        stored?.map(
          (each) =>
            each && { l: each.l && each.l.map((x) => (x === null ? null : String(x).replace(/.*"(\d+)".*/, '$1'))) },
        ) ?? null;
      const x = s === null ? null : s.x === null ? 'null' : String(s.x);
      const storedX = row.s == null ? null : String((row.s as { x: unknown }).x ?? null);
      return JSON.stringify(plainStored) !== JSON.stringify(elements) || x !== storedX;
    });
    expect(wrong).toEqual([]);
  }, 60_000);

  test('a null far into a long array is a null', async () => {
    const numbers = sequence(50_000, (i) => (i % 20_011 === 20_010 ? null : i));
    const { rows } = await load([numbers, sequence(50_000, (i) => `s${i}`), [null]].slice(0, 1));
    expect(rows[0]?.a).toEqual(numbers.map((n) => (n === null ? null : BigInt(n as number))));
    const strings = sequence(50_000, (i) => (i % 20_011 === 20_010 ? null : { d: new Double(0.5), s: `s${i}` }));
    await table.sync([[{ _id: 1, b: strings }]]);
    const stored = (await rowsOf(table))[1]?.b as ({ s: string } | null)[];
    expect(stored.filter((each, i) => (each?.s ?? null) !== ((strings[i] as { s: string } | null)?.s ?? null))).toEqual(
      [],
    );
  }, 60_000);

  test('arrays of arrays of objects, empty and null at every level', async () => {
    const values = [[[{ x: 1 }], [], null, [null, { x: null }]], [], [null], [[]]];
    const { kinds, rows } = await load(values);
    expect(kinds).toEqual(['a: array<array<struct>>']);
    expect(rows.map(({ a }) => a)).toEqual([[[{ x: 1n }], [], null, [null, { x: null }]], [], [null], [[]]]);
  });

  test('fields that JavaScript would put in another order', async () => {
    const s = new Map<string, unknown>([
      ['b', 'x'],
      ['2', 'two'],
      ['a', 'y'],
      ['1', 'one'],
      ['10', { 7: 'seven', z: 'z', 3: 'three' }],
    ]);
    const { rows } = await load([s, new Map([['1', 'eins']])]);
    expect(rows[0]?.a).toEqual({ b: 'x', 2: 'two', a: 'y', 1: 'one', 10: { 7: 'seven', z: 'z', 3: 'three' } });
    expect(rows[1]?.a).toMatchObject({ 1: 'eins', b: null, 10: null });
  });
});

describe('names', () => {
  test('of columns that the engine itself uses', async () => {
    const names = [
      'rowid',
      'filename',
      'file_row_number',
      'base',
      'delta',
      'changed',
      'verdict',
      'outcome',
      'n',
      'place',
      'b',
      'c',
      'd',
      'x0',
      'f0',
      '$seq',
      '=seq',
      '=cursor',
      'previous',
      'next',
      'select',
      '"',
      "'",
      'a.b',
      'row',
      'key',
      'file_size_bytes',
    ];
    const document = (_id: number, v: number) => ({
      _id,
      ...Object.fromEntries(names.map((name, i) => [name, i % 2 ? { _id: v, x: v } : v])),
      l: [new Double(v + 0.5)],
    });
    await table.sync([[document(1, 1), document(1, 2), document(2, 2)]]);
    const outcome = await table.sync([[document(2, 3), document(3, 3)]], { cursorField: 'b.x' });
    expect(outcome.counts).toMatchObject({ updated: 1, inserted: 1 });
    const rows = await rowsOf(table);
    const columns = table.schema().columns;
    expect(columns).toHaveLength(names.length + 1);
    for (const [i, row] of rows.entries()) {
      const v = BigInt([2, 3, 3][i] as number);
      for (const { name, type } of columns.slice(0, -1))
        expect(row[name]).toEqual(type.kind === 'struct' ? { _id: v, x: v } : v);
    }
  });

  test('that differ only by case, at every level', async () => {
    const document = { _id: 0, a: 1, A: 'x', s: { B: 1, b: 'y', l: [{ C: 1, c: 'z' }] } };
    const { rows } = await loadDocuments([document]);
    expect(rows).toEqual([{ a: 1n, A_2: 'x', s: { B: 1n, b_2: 'y', l: [{ C: 1n, c_2: 'z' }] } }]);
  });

  test('of JavaScript', async () => {
    const { rows } = await loadDocuments([{ _id: 0, constructor: 1, toString: { valueOf: 'x' }, hasOwnProperty: [1] }]);
    expect(rows).toEqual([{ constructor: 1n, toString: { valueOf: 'x' }, hasOwnProperty: [1n] }]);
  });

  test('of folders do not become columns', async () => {
    // A path with `day=1` in it would be read as a partition by hive's rule.
    const odd = localTable('day=1');
    try {
      await odd.sync([[{ _id: 1, a: 1 }]]);
      await odd.sync([[{ _id: 2, a: 2, day: 'x' }]]);
      expect(await rowsOf(odd)).toEqual([
        { _id: 1n, a: 1n, day: null },
        { _id: 2n, a: 2n, day: 'x' },
      ]);
    } finally {
      odd.remove();
    }
  });
});

describe('a base file of an older schema', () => {
  test('is read with null where it has no column, at every level', async () => {
    await table.sync([
      [
        { _id: 1, a: 1, s: { x: 1 }, l: [{ x: 1 }, null], ll: [[{ x: 1 }]], n: null },
        { _id: 2, s: null, l: null },
      ],
    ]);
    await table.sync([
      [{ _id: 3, b: 'new', s: { y: 'y', z: { w: true } }, l: [{ y: 2 }], ll: [[{ y: [1] }]], n: 0.5 }],
    ]);
    expect((await rowsOf(table)).map(defined)).toEqual([
      { _id: 1n, a: 1n, s: { x: 1n, y: null, z: null }, l: [{ x: 1n, y: null }, null], ll: [[{ x: 1n, y: null }]] },
      { _id: 2n },
      {
        _id: 3n,
        b: 'new',
        s: { x: null, y: 'y', z: { w: true } },
        l: [{ x: null, y: 2n }],
        ll: [[{ x: null, y: [1n] }]],
        n: 0.5,
      },
    ]);
  });

  test('stays as it is where only the schema changed', async () => {
    await table.sync([[{ _id: 1, s: { x: 1 } }]]);
    const before = table.files();
    const outcome = await table.sync([[{ _id: 1, s: { x: 1 }, b: null }]]);
    expect(outcome.counts.unchanged).toBe(1);
    expect(table.files()).toEqual(before);
  });
});

describe('statistics', () => {
  test('are exact for numbers and timestamps, before 1970 too', async () => {
    await loadDocuments([
      {
        _id: 1,
        d: new Date(-1500),
        l: Long.MIN_VALUE,
        f: new Double(-0.5),
        s: { t: new Date('0001-01-01T00:00:00.000Z') },
      },
      { _id: 2, d: new Date(-1), l: Long.MAX_VALUE, f: new Double(1e300), s: null },
      { _id: 3, d: null, l: null, f: null, s: { t: null } },
    ]);
    expect(statsOf(table.files()[0] as never)).toEqual({
      numRecords: 3n,
      minValues: {
        _id: 1n,
        d: '1969-12-31T23:59:58.500Z',
        l: -(2n ** 63n),
        f: -0.5,
        s: { t: '0001-01-01T00:00:00.000Z' },
      },
      maxValues: {
        _id: 3n,
        d: '1969-12-31T23:59:59.999Z',
        l: 2n ** 63n - 1n,
        f: 1e300,
        s: { t: '0001-01-01T00:00:00.000Z' },
      },
      nullCount: { _id: 0n, d: 1n, l: 1n, f: 1n, s: { t: 2n } },
    });
  });

  test('have no bounds where there is a NaN, nor infinite ones', async () => {
    await loadDocuments([
      { _id: 1, n: new Double(Number.NaN), i: new Double(-Infinity) },
      { _id: 2, n: new Double(7.5), i: new Double(7.5) },
    ]);
    const stats = statsOf(table.files()[0] as never);
    expect(stats.minValues).toEqual({ _id: 1n });
    expect(stats.maxValues).toEqual({ _id: 2n, i: 7.5 });
  });

  test('of strings are bounds by UTF-8 order, and short', async () => {
    const long = 'x'.repeat(300);
    await loadDocuments([
      { _id: 1, e: '😀', s: 'a'.repeat(100), q: `"\\'\n\0`, l: `a${long}`, z: '\u{10ffff}'.repeat(40) },
      { _id: 2, e: '\uffff', s: 'b'.repeat(100), q: '"', l: `b${long}`, z: '\u{10ffff}'.repeat(40) },
    ]);
    const { minValues, maxValues } = statsOf(table.files()[0] as never);
    expect([minValues.e, maxValues.e]).toEqual(['\uffff', '😀']);
    expect([minValues.s, maxValues.s]).toEqual(['a'.repeat(32), `${'b'.repeat(31)}c`]);
    expect([minValues.q, maxValues.q]).toEqual(['"', `"\\'\n\0`]);
    expect([minValues.l, maxValues.l]).toEqual([`a${'x'.repeat(31)}`, `b${'x'.repeat(30)}y`]);
    expect(maxValues.z).toBeUndefined();
  });

  test('of long texts are bounds wherever a character ends', async () => {
    const units = ['ß', '\uffff', '😀', '\u{10ffff}'];
    for (const [u, unit] of units.entries()) {
      const documents = sequence(5, (i) => ({ _id: u * 10 + i, [`c${u}${i}`]: `${'x'.repeat(i)}${unit.repeat(300)}` }));
      await table.sync([documents as Doc[]]);
    }
    // Every bound is checked against every row.
    expect(await rowsOf(table)).toHaveLength(20);
    const { minValues } = statsOf(table.files()[0] as never);
    expect(minValues).toHaveProperty('_id');
  });

  test('of a renamed and a quoted column have its name', async () => {
    await loadDocuments([{ _id: 1, 'a b': 1, '"': 2, 'x.y': { 'u.v': 3 }, x: { y: 4 } }]);
    expect(statsOf(table.files()[0] as never).minValues).toEqual({
      _id: 1n,
      a_b: 1n,
      '"': 2n,
      'x.y': { 'u.v': 3n },
      x: { y: 4n },
    });
  });
});
