import { Decimal128, type Document, Double, Int32 } from 'bson';
import { describe, expect, test } from 'vitest';
import { fromSchemaString, toSchemaString } from '../../../src/shared/domain/delta/schema.ts';
import type { ColumnPolicy } from '../../../src/shared/domain/policy.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { fold, shape } from './fold-documents.ts';

const dec = (text: string) => Decimal128.fromString(text);
const PRICE: ColumnPolicy = { decimal: { price: { precision: 10, scale: 2 } } };
const folded = (columns: ColumnPolicy, documents: readonly Document[], table?: TableSchema) =>
  fold(documents, table, undefined, columns);
const shapeOf = (columns: ColumnPolicy, documents: readonly Document[], table?: TableSchema) =>
  shape(folded(columns, documents, table).columns);

describe('rename', () => {
  test('names the column, at any depth, and the siblings after it', () => {
    const columns = { rename: { a: 'x', 'b.c': 'd', 'l.c': 'e' } };
    const documents = [{ a: 'x', b: { c: 1 }, l: [{ c: 1 }] }, { a: 1 }, { a: 'y' }];
    expect(shapeOf(columns, documents)).toEqual([
      'x ← a: string',
      'x__long ← a: long',
      'b: struct{d ← c: long}',
      'l: array<struct>{e ← c: long}',
    ]);
  });

  test('the configured name is kept for its field, whatever comes first', () => {
    expect(shapeOf({ rename: { b: 'A' } }, [{ a: 1, b: 1, A: 1 }])).toEqual([
      'a_2 ← a: long',
      'A ← b: long',
      'A_3 ← A: long',
    ]);
    expect(shapeOf({ rename: { b: 'a' } }, [{ b: 1 }], fold([{ a: 1 }]))).toEqual(['a: long', 'a_2 ← b: long']);
    expect(folded({ rename: { b: '_extra' } }, [{ e: {}, b: 1 }]).extra).toBe('_extra_2');
  });

  test('two names may be exchanged', () => {
    expect(shapeOf({ rename: { a: 'b', b: 'a' } }, [{ a: 1, b: 'x' }])).toEqual(['b ← a: long', 'a ← b: string']);
  });
});

describe('decimal', () => {
  test('has the name of the field; what does not fit stands beside it', () => {
    const documents = [0.5, 1.5, 2.5].map((price) => ({ price: new Double(price) }));
    expect(
      shapeOf(PRICE, [...documents, { price: dec('1.50') }, { price: new Int32(3) }, { price: dec('NaN') }]),
    ).toEqual(['price: decimal(10,2)', 'price__double ← price: double', 'price__decimal ← price: decimal']);
  });

  test('of arrays, where all elements fit; else they are EJSON', () => {
    expect(shapeOf(PRICE, [{ price: [dec('1'), new Int32(2)] }])).toEqual(['price: array<decimal(10,2)>']);
    expect(shapeOf(PRICE, [{ price: [dec('1'), new Double(0.5)] }])).toEqual(['price: array<json>']);
  });

  test('comes beside a column that is there; another type beside the first', () => {
    const table = fold([{ price: new Double(0.5) }]);
    const next = folded(PRICE, [{ price: new Int32(1) }], table);
    expect(shape(next.columns)).toEqual(['price: double', 'price__fixed ← price: decimal(10,2)']);
    const wider = { decimal: { price: { precision: 12, scale: 2 } } };
    expect(shapeOf(wider, [{ price: new Int32(1) }], next)).toEqual([
      'price: double',
      'price__fixed ← price: decimal(10,2)',
      'price__fixed_2 ← price: decimal(12,2)',
    ]);
  });

  test('the schema that Delta keeps gives the type again', () => {
    const schema = folded({ decimal: { 'a.b': { precision: 38, scale: 0 } } }, [{ a: [{ b: 1 }, { b: [1] }] }]);
    expect(toSchemaString(schema)).toContain('"type":"decimal(38,0)"');
    expect(fromSchemaString(toSchemaString(schema), schema.idType)).toEqual(schema);
  });
});

describe('json', () => {
  test('one column for whatever is there, inner fields too', () => {
    const columns = { json: ['a', 'b.c'] };
    const documents = [{ a: { x: 1 }, b: { c: [1, 'x'], d: 1 } }, { a: 1 }, { a: [{}] }, { a: null, b: { c: {} } }];
    expect(shapeOf(columns, documents)).toEqual(['a: json', 'b: struct{c: json, d: long}']);
    expect(shapeOf(columns, [{ a: null }])).toEqual([]);
  });

  test('takes all only as long as that is configured', () => {
    const first = folded({ json: ['a'] }, [{ a: { x: 1 } }]);
    expect(first.columns).toMatchObject([{ name: 'a', type: { kind: 'json' }, whole: true }]);
    const then = fold([{ a: { x: 1 } }], first);
    expect(shape(then.columns)).toEqual(['a: json', 'a__struct ← a: struct{x: long}']);
    expect(then.columns[0]).not.toHaveProperty('whole');
    expect(toSchemaString(first)).not.toContain('whole');
  });
});
