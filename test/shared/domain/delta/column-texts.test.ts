import { expect, it } from 'vitest';
import { columnTexts } from '../../../../src/shared/domain/delta/column-texts.ts';

it('tells every column with its type, also within structs, arrays and maps', () => {
  const struct = (fields: object[]) => ({ type: 'struct', fields });
  const schema = struct([
    { name: '_id', type: 'long' },
    { name: 'price', type: struct([{ name: 'amount', type: 'decimal(10,2)' }]) },
    { name: 'tags', type: { type: 'array', elementType: 'string' } },
    { name: 'tries', type: { type: 'array', elementType: struct([{ name: 'at', type: 'timestamp' }]) } },
    { name: 'more', type: { type: 'map', keyType: 'string', valueType: 'long' } },
  ]);
  expect(columnTexts(JSON.stringify(schema))).toEqual([
    '_id long',
    'price.amount decimal(10,2)',
    'tags[] string',
    'tries[].at timestamp',
    'more[] long',
  ]);
});

it('of a text that is no schema there are none', () => {
  expect(columnTexts('{')).toEqual([]);
});
