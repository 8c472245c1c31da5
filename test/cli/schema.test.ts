import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { describeSchema, schemaRows } from '../../src/cli/schema.ts';
import type { TableSchema } from '../../src/shared/domain/schema.ts';

const schema: TableSchema = {
  idType: 'string:uuid',
  columns: [
    { name: 'a_b', source: 'a b', type: { kind: 'decimal' } },
    {
      name: 'tries',
      source: 'tries',
      type: {
        kind: 'array',
        element: {
          kind: 'array',
          element: { kind: 'struct', fields: [{ name: 'at', source: 'at', type: { kind: 'timestamp' } }] },
        },
      },
    },
  ],
  extra: '_extra',
};

it('columns are listed with what is within them, and where it stands in the document', () => {
  const nullable = true;
  expect(schemaRows(schema)).toEqual([
    { depth: 0, name: '_id', type: 'string', nullable: false, source: '_id', kind: 'uuid' },
    { depth: 0, name: 'a_b', type: 'string', nullable, source: 'a b', kind: 'decimal' },
    { depth: 0, name: 'tries', type: 'array<array<struct>>', nullable, source: 'tries', kind: 'array<array<struct>>' },
    { depth: 1, name: 'at', type: 'timestamp', nullable, source: 'tries[][].at', kind: 'timestamp' },
    { depth: 0, name: '_extra', type: 'string', nullable, source: '', kind: 'extra' },
  ]);
  expect(schemaRows({ idType: 'long', columns: [], extra: null })).toMatchObject([{ type: 'long', kind: 'long' }]);
});

it('for people they are a table', () => {
  expect(describeSchema('guest.n', { version: 3, schema, columns: undefined }).map(stripVTControlCharacters)).toEqual([
    'guest.n  version 3, 4 columns',
    'column  type                  null  source        kind',
    '_id     string                no    _id           uuid',
    'a_b     string                yes   a b           decimal',
    'tries   array<array<struct>>  yes   tries         array<array<struct>>',
    '  at    timestamp             yes   tries[][].at  timestamp',
    '_extra  string                yes                 extra',
  ]);
});

it('what a policy made is told: the field of a renamed column, decimal types, hashes', () => {
  const policied: TableSchema = {
    idType: 'string:string',
    columns: [
      { name: 'mail', source: 'email', type: { kind: 'string' } },
      { name: 'price', source: 'price', type: { kind: 'fixed', precision: 10, scale: 2 } },
      { name: 'payload', source: 'payload', type: { kind: 'json' } },
      {
        name: 'guests',
        source: 'guests',
        type: {
          kind: 'array',
          element: { kind: 'struct', fields: [{ name: 'phone', source: 'phone', type: { kind: 'string' } }] },
        },
      },
    ],
    extra: null,
  };
  const rows = schemaRows(policied, { hash: ['_id', 'email', 'guests.phone'], key: '0' });
  expect(rows.map(({ name, type, source, kind }) => [name, type, source, kind].join(' | '))).toEqual([
    '_id | string | _id | string, hashed',
    'mail | string | email | string, hashed',
    'price | decimal(10,2) | price | decimal(10,2)',
    'payload | string | payload | json',
    'guests | array<struct> | guests | array<struct>',
    'phone | string | guests[].phone | string, hashed',
  ]);
});
