import { Double, Int32, Long } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { load, loadValues } from './load.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  describe('what does not fit its column', () => {
    test('goes to a sibling, by type', async () => {
      const date = (ms: number) => new Date(ms);
      const { kinds, rows } = await loadValues(table, [
        date(0),
        date(1),
        date(2),
        date(3),
        date(-62_135_596_800_001),
        date(253_402_300_800_000),
        date(8.64e15),
        'x',
        7,
      ]);
      expect(kinds).toEqual(['a: timestamp', 'a__json: json', 'a__long: long', 'a__string: string']);
      expect(rows).toEqual([
        { a: date(0) },
        { a: date(1) },
        { a: date(2) },
        { a: date(3) },
        { a__json: '{"$date":{"$numberLong":"-62135596800001"}}' },
        { a__json: '{"$date":{"$numberLong":"253402300800000"}}' },
        { a__json: '{"$date":{"$numberLong":"8640000000000000"}}' },
        { a__string: 'x' },
        { a__long: 7n },
      ]);
    });

    test('an integer that a double column would round', async () => {
      await table.sync([[{ _id: 0, a: new Double(0.5) }]]);
      const big = Long.fromString('9007199254740993');
      const { rows } = await load(table, [
        { _id: 1, a: big },
        { _id: 2, a: new Int32(1) },
        { _id: 3, a: Long.MIN_VALUE },
      ]);
      expect(rows).toEqual([{ a: 0.5 }, { a__long: 9007199254740993n }, { a: 1 }, { a__long: -(2n ** 63n) }]);
    });

    test('a fraction in an integer column', async () => {
      await table.sync([[{ _id: 0, a: 1 }]]);
      const { rows } = await load(table, [
        { _id: 1, a: new Double(0.5) },
        { _id: 2, a: new Double(5) },
        { _id: 3, a: new Double(-0) },
      ]);
      expect(rows).toEqual([{ a: 1n }, { a__double: 0.5 }, { a: 5n }, { a__double: -0 }]);
    });

    test('an array with one element of another type, whole', async () => {
      await table.sync([[{ _id: 0, a: [1], n: [[1]] }]]);
      const { rows } = await load(table, [
        { _id: 1, a: [1, 'x', null], n: [[1], ['x']] },
        { _id: 2, a: [2, null], n: [[2], []] },
      ]);
      expect(rows).toEqual([
        { a: [1n], n: [[1n]] },
        {
          a__json: '[{"$numberInt":"1"},"x",null]',
          n__json: '[[{"$numberInt":"1"}],["x"]]',
        },
        { a: [2n, null], n: [[2n], []] },
      ]);
    });

    test('an array of mixed elements from the start, each as EJSON', async () => {
      const { kinds, rows } = await loadValues(table, [[1, 'x', null, { k: [true] }, []], [], [null]]);
      expect(kinds).toEqual(['a: array<json>']);
      expect(rows).toEqual([
        { a: ['{"$numberInt":"1"}', '"x"', null, '{"k":[true]}', '[]'] },
        { a: [] },
        { a: [null] },
      ]);
    });

    test('what is empty goes to the JSON column until it has a type', async () => {
      const first = await load(table, [
        {
          _id: 0,
          o: {},
          l: [],
          s: { x: 1, o: {}, 'a.b': [] },
          ls: [
            { x: 1, o: {} },
            { x: 2, o: { p: [] } },
          ],
        },
        { _id: 1, o: { p: null }, l: [[], {}] },
      ]);
      expect(first.kinds).toEqual(['s: struct', 'ls: array<struct>']);
      expect(first.rows).toEqual([
        {
          s: { x: 1n },
          ls: [{ x: 1n }, { x: 2n }],
          _extra: '{"o":{},"l":[],"s.o":{},"s.a\\\\.b":[],"ls.0.o":{},"ls.1.o":{"p":[]}}',
        },
        { _extra: '{"o":{"p":null},"l":[[],{}]}' },
      ]);
      const second = await load(table, [
        { _id: 2, o: { p: 'x' }, l: ['x'] },
        { _id: 3, o: {}, l: [] },
      ]);
      expect(second.rows.slice(2)).toEqual([
        { o: { p: 'x' }, l: ['x'] },
        { o: { p: null }, l: [] },
      ]);
      expect(second.rows[0]).toEqual(first.rows[0]);
    });
  });
});
