import { describe, expect, test } from 'vitest';
import { fromSchemaString, kindText, toSchemaString } from '../../../src/shared/domain/delta/schema.ts';
import type { ScalarKind, TableSchema } from '../../../src/shared/domain/schema.ts';

const KINDS: readonly ScalarKind[] = [
  'string',
  'objectId',
  'uuid',
  'decimal',
  'long',
  'double',
  'boolean',
  'timestamp',
  'binary',
  'object',
  'json',
];

const SCHEMA: TableSchema = {
  idType: 'string:objectId',
  columns: [
    { name: 'a_b', source: 'a b', type: { kind: 'long' } },
    {
      name: 's',
      source: 's',
      type: {
        kind: 'struct',
        fields: [
          { name: '_id', source: '_id', type: { kind: 'objectId' } },
          { name: 't', source: 't', type: { kind: 'array', element: { kind: 'array', element: { kind: 'uuid' } } } },
        ],
      },
    },
    {
      name: 'l',
      source: 'l',
      type: {
        kind: 'array',
        element: { kind: 'struct', fields: [{ name: 'x', source: 'x', type: { kind: 'timestamp' } }] },
      },
    },
  ],
  extra: '_extra_2',
};

describe('the Delta form of a schema', () => {
  test('is as PROTOCOL.md has it', () => {
    const field = (name: string, type: unknown, source: string, kind: string) => ({
      name,
      type,
      nullable: true,
      metadata: { 'mongolake.source': source, 'mongolake.kind': kind },
    });
    const array = (elementType: unknown) => ({ type: 'array', elementType, containsNull: true });
    const struct = (fields: unknown[]) => ({ type: 'struct', fields });
    expect(JSON.parse(toSchemaString(SCHEMA))).toEqual(
      struct([
        { name: '_id', type: 'string', nullable: false, metadata: { 'mongolake.source': '_id' } },
        field('a_b', 'long', 'a b', 'long'),
        field(
          's',
          struct([
            field('_id', 'string', '_id', 'objectId'),
            field('t', array(array('string')), 't', 'array<array<uuid>>'),
          ]),
          's',
          'struct',
        ),
        field('l', array(struct([field('x', 'timestamp', 'x', 'timestamp')])), 'l', 'array<struct>'),
        { name: '_extra_2', type: 'string', nullable: true, metadata: { 'mongolake.kind': 'extra' } },
      ]),
    );
  });

  test('is read back as it was', () => {
    expect(fromSchemaString(toSchemaString(SCHEMA), 'string:objectId')).toEqual(SCHEMA);
    const without = { idType: 'long', columns: [], extra: null } as const;
    expect(fromSchemaString(toSchemaString(without), 'long')).toEqual(without);
    expect(JSON.parse(toSchemaString(without)).fields[0].type).toBe('long');
  });

  test('has a type for every kind of column', () => {
    const columns = KINDS.map((kind) => ({ name: kind, source: kind, type: { kind } }));
    const text = toSchemaString({ ...SCHEMA, columns });
    expect(fromSchemaString(text, SCHEMA.idType).columns).toEqual(columns);
    const types = JSON.parse(text).fields.slice(1, -1) as { type: string }[];
    expect(types.map(({ type }) => type)).toEqual([
      'string',
      'string',
      'string',
      'string',
      'long',
      'double',
      'boolean',
      'timestamp',
      'binary',
      'string',
      'string',
    ]);
  });
});

describe('a schema that someone else wrote is refused', () => {
  const metadata = (kind: string) => ({ 'mongolake.source': 'a', 'mongolake.kind': kind });
  const list = (elementType: unknown) => ({ type: 'array', elementType, containsNull: true });
  test.each([
    ['without our metadata', { name: 'a', type: 'long', nullable: true, metadata: {} }],
    ['without any metadata', { name: 'a', type: 'long', nullable: true }],
    ['with a widened type', { name: 'a', type: 'double', nullable: true, metadata: metadata('long') }],
    ['with a kind that there is none of', { name: 'a', type: 'string', nullable: true, metadata: metadata('text') }],
    ['with a kind of JavaScript', { name: 'a', type: 'string', nullable: true, metadata: metadata('constructor') }],
    [
      'with a map',
      { name: 'a', type: { type: 'map', keyType: 'string', valueType: 'string' }, metadata: metadata('struct') },
    ],
    ['with an array that was a scalar', { name: 'a', type: list('long'), metadata: metadata('long') }],
    ['with an array of another type', { name: 'a', type: list('string'), metadata: metadata('array<long>') }],
    [
      'with a struct that was a scalar',
      { name: 'a', type: { type: 'struct', fields: [] }, metadata: metadata('long') },
    ],
    ['with a scalar that was a struct', { name: 'a', type: 'string', metadata: metadata('struct') }],
    [
      'with a foreign field in a struct',
      { name: 'a', type: { type: 'struct', fields: [{ name: 'b', type: 'long' }] }, metadata: metadata('struct') },
    ],
  ])('%s', (_, field) => {
    const text = JSON.stringify({ type: 'struct', fields: [field] });
    expect(() => fromSchemaString(text, 'long')).toThrow(expect.objectContaining({ code: 'TABLE_FOREIGN' }));
  });
});

test('kindText tells arrays by what they hold', () => {
  expect(kindText({ kind: 'array', element: { kind: 'array', element: { kind: 'struct', fields: [] } } })).toBe(
    'array<array<struct>>',
  );
});
