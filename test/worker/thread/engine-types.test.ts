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
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { documentOf, element, int32, text } from '../../shared/domain/bson-bytes.ts';
import { rowsOf } from './inspect.ts';
import { load, loadValues } from './load.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
  const EDGE_DECIMALS = [
    '0',
    '-0',
    '0E-6176',
    '1.10',
    '-1.10',
    '9999999999999999999999999999999999',
    '-9.999999999999999999999999999999999E+6144',
    '1E-6176',
    '1E+6111',
    '1.000',
    '100',
    '1E+2',
    'NaN',
    'Infinity',
    '-Infinity',
  ];

  const DOUBLES = [
    0.1,
    Number.NaN,
    Infinity,
    -Infinity,
    -0,
    5e-324,
    -5e-324,
    1e-310,
    2 ** -1022,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2 ** 53,
    1e300,
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
        '\ufffd',
        '👩‍👩‍👧',
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
        '\ufffd',
        '👩‍👩‍👧',
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
      values: DOUBLES.map((value) => new Double(value)),
      stored: DOUBLES,
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
        // The UUIDs of older drivers, in three orders of bytes under one subtype; a UUID that is none.
        new Binary(Buffer.from('00112233445566778899aabbccddeeff', 'hex'), 3),
        new Binary(Buffer.from('abc'), 4),
        new Binary(Buffer.alloc(17), 4),
        new Binary(Buffer.alloc(16), 5),
      ],
      stored: [
        hex(''),
        hex('fffe0080'),
        hex('616263'),
        hex('00112233445566778899aabbccddeeff'),
        hex('616263'),
        hex('00'.repeat(17)),
        hex('00'.repeat(16)),
      ],
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
      const { kinds, rows } = await loadValues(table, values);
      expect(kinds).toEqual([`a: ${kind}`]);
      expect(rows.map(({ a }) => a)).toEqual(stored);
    });

    test.each(TYPES)('$kind in arrays, with nulls between', async ({ kind, values, stored }) => {
      const { kinds, rows } = await loadValues(table, [[null, ...values, null], null, values]);
      expect(kinds).toEqual([`a: array<${kind}>`]);
      expect(rows).toEqual([{ a: [null, ...stored, null] }, {}, { a: stored }]);
    });

    test.each(TYPES)('$kind in objects in arrays', async ({ kind, values, stored }) => {
      const { kinds, rows } = await loadValues(table, [
        values.map((x) => ({ x, y: 1 })),
        [{ y: 1 }, null, { x: values[0] }],
      ]);
      expect(kinds).toEqual(['a: array<struct>']);
      expect(table.schema().columns[0]?.type).toMatchObject({ element: { fields: [{ type: { kind } }, {}] } });
      expect(rows).toEqual([
        { a: stored.map((x) => ({ x, y: 1n })) },
        { a: [{ x: null, y: 1n }, null, { x: stored[0], y: null }] },
      ]);
    });

    test('null, undefined and missing are null', async () => {
      const undef = documentOf([element(BSON.int32, '_id', int32(3)), element(BSON.undefined, 'a', Buffer.alloc(0))]);
      const { kinds, rows } = await load(table, [{ _id: 0, a: 1 }, { _id: 1, a: null }, { _id: 2 }, undef]);
      expect(kinds).toEqual(['a: long']);
      expect(rows).toEqual([{ a: 1n }, {}, {}, {}]);
    });

    test('a field that is only null has no column', async () => {
      expect(await load(table, [{ _id: 0, a: null, s: null }])).toEqual({ kinds: [], rows: [{}] });
    });

    test('old binaries give what is in them, their inner length where it lies', async () => {
      const old = (_id: number, inner: number) =>
        documentOf([
          element(BSON.int32, '_id', int32(_id)),
          element(BSON.binary, 'a', Buffer.concat([int32(7), Buffer.from([2]), int32(inner), Buffer.from('abc')])),
        ]);
      const { rows } = await load(table, [old(0, 3), old(1, 2)]);
      expect(rows).toEqual([{ a: hex('616263') }, { a: hex('02000000616263') }]);
    });

    test('of a binary its bytes are kept, of its subtype only that it is a UUID', async () => {
      await table.sync([[{ _id: 0, a: new Binary(Buffer.alloc(16), 0) }]]);
      const legacy = await table.sync([[{ _id: 0, a: new Binary(Buffer.alloc(16), 3) }]]);
      expect(legacy.counts.unchanged).toBe(1);
      const uuid = await table.sync([[{ _id: 0, a: new Binary(Buffer.alloc(16), 4) }]]);
      expect(uuid.counts.updated).toBe(1);
      expect(await rowsOf(table)).toEqual([{ _id: 0n, a: null, a__uuid: '00000000-0000-0000-0000-000000000000' }]);
    });

    test('deprecated types are EJSON', async () => {
      const pointer = Buffer.concat([text('db.c'), Buffer.from('0123456789abcdef01234567', 'hex')]);
      const document = documentOf([element(BSON.int32, '_id', int32(0)), element(BSON.dbPointer, 'a', pointer)]);
      const { rows } = await load(table, [document]);
      expect(rows).toEqual([{ a: '{"$dbPointer":{"$ref":"db.c","$id":{"$oid":"0123456789abcdef01234567"}}}' }]);
    });
  });
});
