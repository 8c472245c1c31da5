import { expect, it } from 'vitest';
import { describeSchema } from '../../src/cli/schema.ts';
import { schemaRows } from '../../src/cli/schema-rows.ts';
import type { TableSchema } from '../../src/shared/domain/schema.ts';

const schema: TableSchema = {
  idType: 'string:uuid',
  columns: [
    { name: 'a_b', source: 'a b', type: { kind: 'decimal' } },
    { name: 'a_b__long', source: 'a b', type: { kind: 'long' } },
    {
      name: 'tries',
      source: 'tries',
      type: {
        kind: 'array',
        element: {
          kind: 'array',
          element: {
            kind: 'struct',
            fields: [
              { name: 'at', source: 'at', type: { kind: 'timestamp' } },
              { name: 'At_2', source: 'At', type: { kind: 'object' } },
            ],
          },
        },
      },
    },
  ],
  extra: '_extra',
};

it('columns are listed with what is within them, and where it stands in the document', () => {
  const row = { depth: 0, type: 'string', nullable: true, note: '' };
  const lists = { name: 'tries', type: 'array<array<struct>>', source: 'tries', kind: 'array<array<struct>>' };
  expect(schemaRows(schema)).toEqual([
    { ...row, name: '_id', nullable: false, source: '_id', kind: 'uuid', note: expect.stringContaining('EJSON') },
    { ...row, name: 'a_b', source: 'a b', kind: 'decimal', note: expect.stringContaining('renamed') },
    { ...row, name: 'a_b__long', type: 'long', source: 'a b', kind: 'long', note: expect.stringContaining('a_b') },
    { ...row, ...lists },
    { ...row, depth: 1, name: 'at', type: 'timestamp', source: 'tries[][].at', kind: 'timestamp' },
    { ...row, depth: 1, name: 'At_2', source: 'tries[][].At', kind: 'object', note: expect.stringContaining('taken') },
    { ...row, name: '_extra', source: '', kind: 'extra', note: expect.stringContaining('JSON') },
  ]);
  expect(schemaRows({ idType: 'long', columns: [], extra: null })).toMatchObject([{ type: 'long', kind: 'long' }]);
});

it('for people they are a table', () => {
  expect(describeSchema('guest.n', { version: 3, schema, columns: undefined })).toEqual([
    'guest.n  version 3, 5 columns',
    'column     type                  null  source        kind                  note',
    '_id        string                no    _id           uuid                  ids of other kinds are EJSON',
    'a_b        string                yes   a b           decimal               renamed: Delta forbids a character of it',
    "a_b__long  long                  yes   a b           long                  values that a_b can't hold; renamed: Delta forbids a character of it",
    'tries      array<array<struct>>  yes   tries         array<array<struct>>',
    '  at       timestamp             yes   tries[][].at  timestamp',
    '  At_2     string                yes   tries[][].At  object                renamed: the name is taken, upper and lower case being alike',
    '_extra     string                yes                 extra                 JSON: values without a column of their own',
  ]);
});

it('without a note there is no place for one', () => {
  const plain: TableSchema = {
    idType: 'long',
    columns: [{ name: 'a', source: 'a', type: { kind: 'long' } }],
    extra: null,
  };
  expect(describeSchema('guest.n', { version: 0, schema: plain, columns: undefined })).toEqual([
    'guest.n  version 0, 2 columns',
    'column  type  null  source  kind',
    '_id     long  no    _id     long',
    'a       long  yes   a       long',
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
