import { isDeepStrictEqual } from 'node:util';
import { Double } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kindText } from '../../../src/shared/domain/delta/schema.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf } from './inspect.ts';
import { loadValues, sequence, shown } from './load.ts';
import { fields, modelRow } from './model.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  describe('nested values', () => {
    test('nulls in many chunks and levels are where they belong', async () => {
      const value = (i: number) =>
        i % 5 === 0 ? null : [{ l: [i, null, i % 3 ? 'x' : null] }, null, { l: i % 7 ? null : [] }];
      const withNulls = (i: number) => ({ _id: i, a: value(i), s: i % 2 ? { x: i % 4 === 1 ? null : i } : null });
      const withoutNulls = (i: number) => ({ _id: i + 3000, a: [{ l: [i] }], s: { x: i } });
      const documents = [...sequence(3000, withNulls), ...sequence(6000, withoutNulls)];
      await table.sync([documents]);
      const schema = table.schema();
      expect(schema.columns.map(({ type }) => kindText(type))).toEqual(['array<struct>', 'struct']);
      const rows = await rowsOf(table);
      const wrong = rows.filter((row, i) => {
        const expected = modelRow(fields(documents[i] as object), schema);
        return !isDeepStrictEqual({ ...row }, expected);
      });
      expect(wrong).toEqual([]);
    }, 60_000);

    test('a null far into a long array is a null', async () => {
      const numbers = sequence(50_000, (i) => (i % 20_011 === 20_010 ? null : i));
      const { rows } = await loadValues(table, [numbers]);
      expect(rows[0]?.a).toEqual(numbers.map((n) => (n === null ? null : BigInt(n as number))));
      const strings = sequence(50_000, (i) => (i % 20_011 === 20_010 ? null : { d: new Double(0.5), s: `s${i}` }));
      await table.sync([[{ _id: 1, b: strings }]]);
      const stored = (await rowsOf(table))[1]?.b as ({ s: string } | null)[];
      expect(
        stored.filter((each, i) => (each?.s ?? null) !== ((strings[i] as { s: string } | null)?.s ?? null)),
      ).toEqual([]);
    }, 60_000);

    test('arrays of arrays of objects, empty and null at every level', async () => {
      const values = [[[{ x: 1 }], [], null, [null, { x: null }]], [], [null], [[]]];
      const { kinds, rows } = await loadValues(table, values);
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
      const { rows } = await loadValues(table, [s, new Map([['1', 'eins']])]);
      expect(rows[0]?.a).toEqual({ b: 'x', 2: 'two', a: 'y', 1: 'one', 10: { 7: 'seven', z: 'z', 3: 'three' } });
      expect(rows[1]?.a).toMatchObject({ 1: 'eins', b: null, 10: null });
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
      expect((await rowsOf(table)).map(shown)).toEqual([
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
});
