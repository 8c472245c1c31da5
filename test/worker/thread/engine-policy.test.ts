import { DuckDBInstance } from '@duckdb/node-api';
import { Decimal128, type Document, Double, Int32, Long } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import type { ColumnPolicy } from '../../../src/shared/domain/policy.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const dec = (text: string) => Decimal128.fromString(text);

  /** Merges documents, twice: the second time nothing may change. */
  async function load(documents: readonly Document[], columns: ColumnPolicy): Promise<void> {
    await table.sync([documents], { columns });
    expect((await table.sync([documents], { columns })).counts).toMatchObject({ unchanged: documents.length });
  }

  /** The rows in the order of their ids, every value as the text that DuckDB gives it. */
  async function texts(): Promise<Record<string, string | null>[]> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    try {
      const names = ['_id', ...table.schema().columns.map(({ name }) => name)];
      const list = names.map((name) => `"${name}"::VARCHAR AS "${name}"`).join(', ');
      const files = table.files().map(({ path }) => `'${path}'`);
      const sql = `SELECT ${list} FROM read_parquet([${files.join(', ')}], union_by_name = true) ORDER BY "_id"`;
      const rows = (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, string | null>[];
      return rows.map(({ _id, ...rest }) =>
        Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
      );
    } finally {
      connection.closeSync();
    }
  }

  const only = (values: readonly unknown[]) => values.map((a, _id) => ({ _id, a }));

  describe('decimal', () => {
    test.each([
      [4, 2, ['99.99', '-99.99', '0', '0.01', '-0.01', '7']],
      [9, 4, ['99999.9999', '-99999.9999', '0.0001']],
      [18, 0, ['999999999999999999', '-999999999999999999', '1E+17']],
      [19, 1, ['999999999999999999.9', '-999999999999999999.9', '0.1']],
      [38, 10, ['9999999999999999999999999999', '-123456789012345678901234.5678901234', '1E-10']],
      [38, 0, ['9999999999999999999999999999999999E+4', '-9999999999999999999999999999999999E+4']],
    ])('decimal(%i,%i) holds its edges', async (precision, scale, values) => {
      const decimal = { a: { precision, scale } };
      await load(only([...values.map(dec), null]), { decimal });
      const plain = (text: string) => {
        const [digits = '', power = '0'] = text.split('E');
        const moved =
          Number(power) >= 0 ? digits + '0'.repeat(Number(power)) : `0.${'0'.repeat(-Number(power) - 1)}${digits}`;
        const [whole = '', fraction = ''] = moved.split('.');
        return scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0')}`;
      };
      expect(await texts()).toEqual([...values.map((value) => ({ a: plain(value) })), {}]);
      // Readers take bounds of decimals through doubles, and would skip files that have the row.
      const stats = JSON.parse(table.files()[0]?.stats ?? '') as Record<string, object>;
      expect([stats.minValues, stats.maxValues].map((bounds) => Object.keys(bounds ?? {}))).toEqual([['_id'], ['_id']]);
      expect(stats.nullCount).toEqual({ _id: 0, a: 1 });
    });

    test('takes integers, whole doubles and what fits; the rest stands beside it, exactly', async () => {
      const values = [
        new Int32(1),
        Long.fromNumber(2),
        new Double(3),
        dec('4.50'),
        new Double(0.5),
        dec('0.001'),
        dec('-0'),
        'x',
      ];
      await load(only(values), { decimal: { a: { precision: 6, scale: 2 } } });
      expect(await texts()).toEqual([
        { a: '1.00' },
        { a: '2.00' },
        { a: '3.00' },
        { a: '4.50' },
        { a__double: '0.5' },
        { a__decimal: '0.001' },
        { a__decimal: '-0' },
        { a__string: 'x' },
      ]);
    });

    test('in arrays and in objects of arrays', async () => {
      const decimal = { a: { precision: 6, scale: 2 }, 'l.p': { precision: 20, scale: 1 } };
      await load([{ _id: 1, a: [dec('1'), null, new Int32(2)], l: [{ p: dec('1.5') }, { p: null }] }], { decimal });
      expect(await texts()).toEqual([{ a: '[1.00, NULL, 2.00]', l: "[{'p': 1.5}, {'p': NULL}]" }]);
    });

    test('over several syncs: beside an older column, then a wider one', async () => {
      await table.sync([only([new Double(1), new Double(0.5)])]);
      const narrow = { decimal: { a: { precision: 4, scale: 2 } } };
      await table.sync([only([new Double(1), new Double(0.5), dec('2.25')])], { columns: narrow });
      expect(await texts()).toEqual([{ a__fixed: '1.00' }, { a: '0.5' }, { a__fixed: '2.25' }]);
      const wide = { decimal: { a: { precision: 10, scale: 2 } } };
      await table.sync(
        [
          [
            { _id: 3, a: dec('123456.78') },
            { _id: 4, a: dec('1.5') },
          ],
        ],
        { columns: wide },
      );
      expect((await texts()).slice(3)).toEqual([{ a__fixed_2: '123456.78' }, { a__fixed: '1.50' }]);
      await table.sync([[{ _id: 5, a: 7 }]]);
      expect((await texts()).slice(5)).toEqual([{ a__fixed: '7.00' }]);
    });
  });

  describe('json', () => {
    test('keeps whatever is there as canonical EJSON', async () => {
      const values = [{ x: new Int32(1) }, [1, 'x', {}], 'text', new Int32(5), new Date(0), {}, [], null];
      await load(only(values), { json: ['a'] });
      expect(await texts()).toEqual([
        { a: '{"x":{"$numberInt":"1"}}' },
        { a: '[{"$numberInt":"1"},"x",{}]' },
        { a: '"text"' },
        { a: '{"$numberInt":"5"}' },
        { a: '{"$date":{"$numberLong":"0"}}' },
        { a: '{}' },
        { a: '[]' },
        {},
      ]);
    });

    test('beside a struct that a table has, and no longer once it is not configured', async () => {
      await table.sync([only([{ x: 1 }])]);
      await table.sync([only([{ x: 1 }, 'y'])], { columns: { json: ['a'] } });
      expect(await texts()).toEqual([{ a__json: '{"x":{"$numberInt":"1"}}' }, { a__json: '"y"' }]);
      await table.sync([only([{ x: 2 }])]);
      expect((await texts())[0]).toEqual({ a: "{'x': 2}" });
    });
  });

  test('renamed columns, and one within a struct, take the values of their fields', async () => {
    const rename = { a: 'b', b: 'a', 's.x': 'y' };
    await load([{ _id: 1, a: 1, b: 'two', s: { x: 3 } }], { rename });
    expect(await texts()).toEqual([{ b: '1', a: 'two', s: "{'y': 3}" }]);
    await table.sync([[{ _id: 2, a: 'now a text', b: 'two' }]], { columns: { rename } });
    expect((await texts())[1]).toEqual({ b__string: 'now a text', a: 'two' });
  });
});
