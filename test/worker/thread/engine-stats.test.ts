import { Double, Long } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf, statsOf } from './inspect.ts';
import { load, sequence } from './load.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  describe('statistics', () => {
    test('are exact for numbers and timestamps, before 1970 too', async () => {
      await load(table, [
        {
          _id: 1,
          d: new Date(-1500),
          l: Long.MIN_VALUE,
          f: new Double(-0.5),
          s: { t: new Date('0001-01-01T00:00:00.000Z') },
        },
        { _id: 2, d: new Date(-1), l: Long.MAX_VALUE, f: new Double(1e300), s: null },
        { _id: 3, d: null, l: null, f: null, s: { t: null } },
      ]);
      expect(statsOf(table.files()[0] as never)).toEqual({
        numRecords: 3n,
        minValues: {
          _id: 1n,
          d: '1969-12-31T23:59:58.500Z',
          l: -(2n ** 63n),
          f: -0.5,
          s: { t: '0001-01-01T00:00:00.000Z' },
        },
        maxValues: {
          _id: 3n,
          d: '1969-12-31T23:59:59.999Z',
          l: 2n ** 63n - 1n,
          f: 1e300,
          s: { t: '0001-01-01T00:00:00.000Z' },
        },
        nullCount: { _id: 0n, d: 1n, l: 1n, f: 1n, s: { t: 2n } },
      });
    });

    test('have no bounds where there is a NaN, nor infinite ones', async () => {
      await load(table, [
        { _id: 1, n: new Double(Number.NaN), i: new Double(-Infinity) },
        { _id: 2, n: new Double(7.5), i: new Double(7.5) },
      ]);
      const stats = statsOf(table.files()[0] as never);
      expect(stats.minValues).toEqual({ _id: 1n });
      expect(stats.maxValues).toEqual({ _id: 2n, i: 7.5 });
    });

    test('of strings are bounds by UTF-8 order, and short', async () => {
      const long = 'x'.repeat(300);
      await load(table, [
        { _id: 1, e: '😀', s: 'a'.repeat(100), q: `"\\'\n\0`, l: `a${long}`, z: '\u{10ffff}'.repeat(40) },
        { _id: 2, e: '\uffff', s: 'b'.repeat(100), q: '"', l: `b${long}`, z: '\u{10ffff}'.repeat(40) },
      ]);
      const { minValues, maxValues } = statsOf(table.files()[0] as never);
      expect([minValues.e, maxValues.e]).toEqual(['\uffff', '😀']);
      expect([minValues.s, maxValues.s]).toEqual(['a'.repeat(32), `${'b'.repeat(31)}c`]);
      expect([minValues.q, maxValues.q]).toEqual(['"', `"\\'\n\0`]);
      expect([minValues.l, maxValues.l]).toEqual([`a${'x'.repeat(31)}`, `b${'x'.repeat(30)}y`]);
      expect(maxValues.z).toBeUndefined();
    });

    test('of long texts are bounds wherever a character ends', async () => {
      const units = ['ß', '\uffff', '😀', '\u{10ffff}'];
      for (const [u, unit] of units.entries()) {
        const documents = sequence(5, (i) => ({
          _id: u * 10 + i,
          [`c${u}${i}`]: `${'x'.repeat(i)}${unit.repeat(300)}`,
        }));
        await table.sync([documents]);
      }
      // Every bound is checked against every row.
      expect(await rowsOf(table)).toHaveLength(20);
      const { minValues } = statsOf(table.files()[0] as never);
      expect(minValues).toHaveProperty('_id');
    });

    test('of a renamed and a quoted column have its name', async () => {
      await load(table, [{ _id: 1, 'a b': 1, '"': 2, 'x.y': { 'u.v': 3 }, x: { y: 4 } }]);
      expect(statsOf(table.files()[0] as never).minValues).toEqual({
        _id: 1n,
        a_b: 1n,
        '"': 2n,
        'x.y': { 'u.v': 3n },
        x: { y: 4n },
      });
    });
  });
});
