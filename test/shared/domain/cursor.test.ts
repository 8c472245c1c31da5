import { Decimal128, Double, Int32, Long, MaxKey, ObjectId, Timestamp } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CursorType, cursorReader, cursorText } from '../../../src/shared/domain/cursor.ts';
import { type CursorKind, cursorColumns, cursorOfValue } from '../../../src/shared/domain/cursor-column.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { decimal, double, int64 } from './arbitrary.ts';
import { bson } from './bson-bytes.ts';

const read = (type: CursorType, value: unknown) => cursorReader({ field: 'at', type })(bson({ at: value }), 0);

describe('a document', () => {
  test.each([
    ['date', new Date(1_700_000_000_123), 1_700_000_000_123n],
    ['date', new Date(-1), -1n],
    ['timestamp', new Timestamp({ t: 1_700_000_000, i: 4_000_000_000 }), 1_700_000_000_000n],
    ['timestamp', new Timestamp({ t: 4_294_967_295, i: 1 }), 4_294_967_295_000n],
    ['objectId', new ObjectId('6553f100ffffffffffffffff'), 1_700_000_000_000n],
    ['objectId', new ObjectId('ffffffff0000000000000000'), 4_294_967_295_000n],
    ['epochSeconds', new Int32(1_700_000_000), 1_700_000_000_000n],
    ['epochSeconds', Long.fromNumber(-8_640_000_000_000), -8_640_000_000_000_000n],
    ['epochSeconds', Long.fromNumber(8_640_000_000_001), undefined],
    ['epochSeconds', new Double(1_700_000_000.9), 1_700_000_000_000n],
    ['epochSeconds', new Double(-0.5), -1000n],
    ['epochSeconds', Decimal128.fromString('1700000000.999999999'), 1_700_000_000_000n],
    ['epochSeconds', Decimal128.fromString('1.7E+9'), 1_700_000_000_000n],
    ['epochMilliseconds', Long.fromNumber(1_700_000_000_123), 1_700_000_000_123n],
    ['epochMilliseconds', new Double(8.64e15), 8_640_000_000_000_000n],
    ['epochMilliseconds', new Double(8.64e15 + 1), undefined],
    ['epochMilliseconds', Decimal128.fromString('8640000000000000.5'), 8_640_000_000_000_000n],
    ['epochMilliseconds', Decimal128.fromString('-8640000000000000.5'), undefined],
    ['epochMilliseconds', Decimal128.fromString('-1E-6176'), -1n],
    ['epochMilliseconds', new Double(-0), 0n],
  ] as const)('as %s: %s', (type, value, expected) => {
    expect(read(type, value)).toBe(expected);
  });

  test.each([Number.NaN, Infinity, -Infinity, 1e300, -1e300])('%d is no time', (value) => {
    for (const type of ['epochSeconds', 'epochMilliseconds'] as const) {
      expect(read(type, new Double(value))).toBeUndefined();
      expect(read(type, Decimal128.fromString(String(value)))).toBeUndefined();
    }
  });

  test('a value of any other type counts as missing', () => {
    const values = { date: new Date(0), timestamp: new Timestamp({ t: 1, i: 1 }), objectId: new ObjectId() };
    const others = [null, 'text', true, {}, [new Date(0)], new MaxKey(), undefined];
    for (const type of ['date', 'timestamp', 'objectId', 'epochSeconds', 'epochMilliseconds'] as const) {
      for (const [own, value] of Object.entries(values)) expect(read(type, value) === undefined).toBe(own !== type);
      for (const value of others) expect(read(type, value)).toBeUndefined();
      if (type === 'date' || type === 'timestamp' || type === 'objectId') expect(read(type, 1)).toBeUndefined();
    }
  });

  test('a path reaches into objects, not through arrays', () => {
    const nested = cursorReader({ field: 'meta.at', type: 'epochSeconds' });
    expect(nested(bson({ meta: { at: 5 } }), 0)).toBe(5000n);
    expect(nested(bson({ meta: [{ at: 5 }] }), 0)).toBeUndefined();
    expect(nested(bson({ meta: 5 }), 0)).toBeUndefined();
    expect(nested(bson({ 'meta.at': 5 }), 0)).toBeUndefined();
  });
});

describe('a row', () => {
  const table = (columns: TableSchema['columns']): TableSchema => ({ idType: 'long', columns, extra: null });
  const column = (source: string, kind: CursorKind | 'string', name = source) => ({ name, source, type: { kind } });

  test('has its cursor in the field’s column or in one of its siblings', () => {
    const schema = table([
      column('at', 'string'),
      column('at', 'long', 'at__long'),
      column('at', 'json', 'at__json'),
      column('at', 'decimal', 'at__decimal'),
      column('other', 'long'),
    ]);
    expect(cursorColumns(schema, { field: 'at', type: 'epochSeconds' })).toEqual([
      { path: ['at__long'], kind: 'long' },
      { path: ['at__decimal'], kind: 'decimal' },
    ]);
    expect(cursorColumns(schema, { field: 'at', type: 'timestamp' })).toEqual([{ path: ['at__json'], kind: 'json' }]);
    expect(cursorColumns(schema, { field: 'at', type: 'objectId' })).toEqual([]);
    expect(cursorColumns(schema, { field: '_id', type: 'epochSeconds' })).toEqual([]);
  });

  test('has it within structs by the names of the table', () => {
    const meta = {
      name: 'meta_1',
      source: 'meta',
      type: { kind: 'struct' as const, fields: [column('a t', 'long', 'a_t')] },
    };
    const schema = table([column('meta', 'string'), meta]);
    expect(cursorColumns(schema, { field: 'meta.a t', type: 'epochSeconds' })).toEqual([
      { path: ['meta_1', 'a_t'], kind: 'long' },
    ]);
  });

  test.each([
    ['date', 'timestamp', -1n, -1n],
    ['date', 'json', '{"$date":{"$numberLong":"253402300800000"}}', 253_402_300_800_000n],
    ['date', 'json', '{"$timestamp":{"t":5,"i":1}}', undefined],
    ['timestamp', 'json', '{"$timestamp":{"t":4294967295,"i":1}}', 4_294_967_295_000n],
    ['timestamp', 'json', '["{\\"$timestamp\\":{\\"t\\":5,\\"i\\":1}}"]', undefined],
    ['objectId', 'objectId', 'ffffffff0000000000000000', 4_294_967_295_000n],
    ['epochSeconds', 'decimal', '1.7E+9', 1_700_000_000_000n],
    ['epochSeconds', 'decimal', 'NaN', undefined],
    ['epochSeconds', 'double', Number.NaN, undefined],
    ['epochSeconds', 'long', 8_640_000_000_001n, undefined],
    ['epochMilliseconds', 'double', -0.5, -1n],
    ['epochMilliseconds', 'json', '5', undefined],
    ['timestamp', 'json', null, undefined],
  ] as const)('as %s in a %s column: %s', (type, kind, value, expected) => {
    expect(cursorOfValue(type, kind, value)).toBe(expected);
  });

  test('of numbers tells what the document told', () => {
    const held = (value: Long | Double | Decimal128): readonly [CursorKind, bigint | number | string] => {
      if (value instanceof Long) return ['long', value.toBigInt()];
      return value instanceof Double ? ['double', value.value] : ['decimal', value.toString()];
    };
    const type = fc.constantFrom('epochSeconds' as const, 'epochMilliseconds' as const);
    fc.assert(
      fc.property(type, fc.oneof(int64, double, decimal), (cursor, value) => {
        expect(cursorOfValue(cursor, ...held(value))).toBe(read(cursor, value));
      }),
      { numRuns: 2000 },
    );
  });
});

test('a cursor as a table remembers it', () => {
  expect(cursorText({ field: 'meta.at', type: 'epochSeconds' })).toBe('meta.at:epochSeconds');
});
