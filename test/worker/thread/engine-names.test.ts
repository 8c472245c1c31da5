import { Double } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf } from './inspect.ts';
import { load } from './load.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

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
      const outcome = await table.sync([[document(2, 3), document(3, 3)]], { cursor: { field: 'b.x', type: 'date' } });
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
      const { rows } = await load(table, [document]);
      expect(rows).toEqual([{ a: 1n, A_2: 'x', s: { B: 1n, b_2: 'y', l: [{ C: 1n, c_2: 'z' }] } }]);
    });

    test('of JavaScript', async () => {
      const { rows } = await load(table, [{ _id: 0, constructor: 1, toString: { valueOf: 'x' }, hasOwnProperty: [1] }]);
      expect(rows).toEqual([{ constructor: 1n, toString: { valueOf: 'x' }, hasOwnProperty: [1n] }]);
    });

    test('of folders do not become columns', async () => {
      // A path with `day=1` in it would be read as a partition by hive's rule.
      const odd = localTable(engine, 'day=1');
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
});
