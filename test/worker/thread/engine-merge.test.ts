import { Long } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf, statsOf } from './inspect.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const NOTHING = { read: 0, inserted: 0, updated: 0, unchanged: 0, superseded: 0, deleted: 0 };
  const at = (ms: number) => new Date(ms);
  const NO_FIELD = { field: 'none', type: 'date' } as const;

  describe('one partition', () => {
    test('the worked example: an update, an insert, and the rest as it was', async () => {
      const first = await table.sync([
        [
          { _id: 1, status: 'queued', tags: ['a', null], updateTime: at(1) },
          { _id: 2, status: 'queued', tags: [], updateTime: at(2) },
          { _id: 3, status: 'sent', tags: null, updateTime: at(3) },
        ],
      ]);
      expect(first.counts).toEqual({ ...NOTHING, read: 3, inserted: 3 });
      expect(first.removed).toEqual([]);
      const second = await table.sync([
        [
          { _id: 2, status: 'sent', tags: ['b'], updateTime: at(9) },
          { _id: 4, status: 'queued', tags: ['c'], updateTime: at(9) },
        ],
      ]);
      expect(second.counts).toEqual({ ...NOTHING, read: 2, inserted: 1, updated: 1 });
      expect(second.removed).toEqual([0]);
      expect(await rowsOf(table)).toEqual([
        { _id: 1n, status: 'queued', tags: ['a', null], updateTime: at(1) },
        { _id: 2n, status: 'sent', tags: ['b'], updateTime: at(9) },
        { _id: 3n, status: 'sent', tags: null, updateTime: at(3) },
        { _id: 4n, status: 'queued', tags: ['c'], updateTime: at(9) },
      ]);
      expect(statsOf(table.files()[0] as never)).toEqual({
        numRecords: 4n,
        minValues: { _id: 1n, status: 'queued', updateTime: '1970-01-01T00:00:00.001Z' },
        maxValues: { _id: 4n, status: 'sent', updateTime: '1970-01-01T00:00:00.009Z' },
        nullCount: { _id: 0n, status: 0n, updateTime: 0n },
      });
    });

    test('no document makes no file', async () => {
      expect(await table.sync([])).toEqual({ counts: NOTHING, added: [], removed: [] });
      expect(await table.sync([[], []])).toEqual({ counts: NOTHING, added: [], removed: [] });
      await table.sync([[{ _id: 1 }]]);
      expect(await table.sync([[]])).toEqual({ counts: NOTHING, added: [], removed: [] });
    });

    test('a document that is nothing but an id', async () => {
      await table.sync([[{ _id: 'x' }]]);
      expect(await rowsOf(table)).toEqual([{ _id: 'x' }]);
      expect((await table.sync([[{ _id: 'x' }]])).counts).toEqual({ ...NOTHING, read: 1, unchanged: 1 });
    });

    test('ten thousand rows, in many chunks, and a tenth of them changed', async () => {
      const row = (i: number, v: number) => ({ _id: `id-${i}`, v, s: `text ${i % 7}`, n: i % 3 ? null : i });
      const order = Array.from({ length: 10_000 }, (_, i) => (i * 7919) % 10_000);
      const load = await table.sync([
        order.slice(0, 4000).map((i) => row(i, 0)),
        order.slice(4000).map((i) => row(i, 0)),
      ]);
      expect(load.counts).toEqual({ ...NOTHING, read: 10_000, inserted: 10_000 });
      const delta = await table.sync([Array.from({ length: 1100 }, (_, i) => row(i * 10, 1))], { chunk: 300 });
      expect(delta.counts).toEqual({ ...NOTHING, read: 1100, inserted: 100, updated: 1000 });
      const rows = await rowsOf(table);
      expect(rows).toHaveLength(10_100);
      const wrong = rows.filter(({ _id, v, s, n }) => {
        const i = Number(String(_id).slice(3));
        return v !== (i % 10 === 0 ? 1n : 0n) || s !== `text ${i % 7}` || (n ?? null) !== (i % 3 ? null : BigInt(i));
      });
      expect(wrong).toEqual([]);
    }, 60_000);

    test('read again unchanged it costs nothing: no file is written', async () => {
      const documents = [
        { _id: 1, a: 'x', d: 0.5, s: { t: at(5), l: [{ d: 1.5 }, null] }, n: null },
        { _id: 2, a: null, d: Number.NaN, s: null, n: null },
      ];
      await table.sync([documents]);
      const before = table.files();
      const again = await table.sync([documents]);
      expect(again).toEqual({ counts: { ...NOTHING, read: 2, unchanged: 2 }, added: [], removed: [] });
      expect(table.files()).toEqual(before);
    });

    test('a field that is missing now is null now', async () => {
      await table.sync([[{ _id: 1, a: 1, s: { x: 1, y: 1 } }]]);
      expect((await table.sync([[{ _id: 1, s: { y: 2 } }]])).counts.updated).toBe(1);
      expect(await rowsOf(table)).toEqual([{ _id: 1n, a: null, s: { x: null, y: 2n } }]);
    });

    test.each([
      ['null and an empty object', { s: null }, { s: {} }],
      ['an empty object and one of nulls', { s: {} }, { s: { a: 1 } }],
      ['null and an empty array', { l: null }, { l: [] }],
      ['an empty array and one null', { l: [] }, { l: [null] }],
      ['0 and -0', { d: 0 }, { d: -0 }],
      ['0 and -0 in an object', { s: { d: 0 } }, { s: { d: -0 } }],
      ['0 and -0 in an array', { ld: [1.5, 0] }, { ld: [1.5, -0] }],
      ['0 and -0 in an object in an array', { ls: [null, { d: 0 }] }, { ls: [null, { d: -0 }] }],
      ['"" and null', { t: '' }, { t: null }],
      ['"a" and "a "', { t: 'a' }, { t: 'a ' }],
      ['NaN and null', { d: Number.NaN }, { d: null }],
      ['a composed and a decomposed ü', { t: '\u00fc' }, { t: 'u\u0308' }],
    ])('%s are two values', async (_, one, other) => {
      const shape = { s: { a: 1, d: 0.5 }, l: [1], d: 0.5, ld: [0.5], ls: [{ d: 0.5, x0: 1 }], t: 'x', x0: 1 };
      await table.sync([
        [
          { _id: 1, ...one },
          { _id: 2, ...shape },
        ],
      ]);
      expect((await table.sync([[{ _id: 1, ...other }]])).counts).toEqual({ ...NOTHING, read: 1, updated: 1 });
      expect((await table.sync([[{ _id: 1, ...other }]])).counts).toEqual({ ...NOTHING, read: 1, unchanged: 1 });
      expect((await table.sync([[{ _id: 1, ...one }]])).counts).toEqual({ ...NOTHING, read: 1, updated: 1 });
    });

    test('0 and -0 stay what they are beside each other, also when their file is rewritten', async () => {
      const zero = (i: number) => (i % 2 === 0 ? 0 : -0);
      const documents = Array.from({ length: 3000 }, (_, i) => ({
        _id: i,
        d: zero(i),
        h: 0.5,
        l: [zero(i)],
        s: { d: zero(i + 1) },
      }));
      const wrong = async () =>
        (await rowsOf(table)).filter(({ _id, d, l, s }) => {
          const i = Number(_id);
          return (
            !Object.is(d, zero(i)) ||
            !Object.is((l as number[])[0], zero(i)) ||
            !Object.is((s as { d: number }).d, zero(i + 1))
          );
        });
      // A plain 0 is an Int32 to the driver: the halves make the columns doubles.
      await table.sync([[{ _id: -1, d: 0.5, l: [0.5], s: { d: 0.5 } }, ...documents]]);
      expect((await wrong()).map(({ _id }) => _id)).toEqual([-1n]);
      await table.sync([
        [
          { _id: -1, d: 0, l: [0], s: { d: -0 } },
          { _id: 3000, d: 0.5, l: [0], s: { d: -0 }, h: 7 },
        ],
      ]);
      expect((await wrong()).map(({ _id }) => _id)).toEqual([-1n, 3000n]);
    });
  });

  describe('two readings of one id in a delta', () => {
    test('the greater cursor wins, wherever it was read; then the later reading', async () => {
      const outcome = await table.sync(
        [
          [
            { _id: 1, v: 'newest', updateTime: at(9) },
            { _id: 2, v: 'first', updateTime: at(5) },
            { _id: 2, v: 'second', updateTime: at(5) },
            { _id: 3, v: 'no cursor' },
            { _id: 3, v: 'with cursor', updateTime: at(-5) },
            { _id: 3, v: 'no cursor again' },
            { _id: 4, v: 'first' },
          ],
          [
            { _id: 1, v: 'older', updateTime: at(8) },
            { _id: 2, v: 'next job', updateTime: at(5) },
            { _id: 4, v: 'second', updateTime: 'no date' },
          ],
        ],
        { chunk: 2 },
      );
      expect(outcome.counts).toEqual({ ...NOTHING, read: 10, inserted: 4, superseded: 6 });
      expect((await rowsOf(table)).map(({ v }) => v)).toEqual(['newest', 'next job', 'with cursor', 'second']);
    });

    test('in three forms of the same number', async () => {
      const outcome = await table.sync([
        [
          { _id: 1, v: 1 },
          { _id: Long.ONE, v: 2 },
        ],
        [{ _id: 1.0, v: 3 }],
      ]);
      expect(outcome.counts).toEqual({ ...NOTHING, read: 3, inserted: 1, superseded: 2 });
      expect(await rowsOf(table)).toEqual([{ _id: 1n, v: 3n }]);
    });

    test('the loser is superseded also where the winner changes nothing', async () => {
      await table.sync([[{ _id: 1, v: 1 }]]);
      const outcome = await table.sync([
        [
          { _id: 1, v: 2 },
          { _id: 1, v: 1 },
        ],
      ]);
      expect(outcome).toEqual({ counts: { ...NOTHING, read: 2, unchanged: 1, superseded: 1 }, added: [], removed: [] });
    });

    test('within a nested cursor field', async () => {
      const documents = [
        { _id: 1, v: 'new', meta: { at: at(9) } },
        { _id: 1, v: 'old', meta: { at: at(1) } },
      ];
      await table.sync([documents], { cursor: { field: 'meta.at', type: 'date' } });
      expect(await rowsOf(table)).toMatchObject([{ v: 'new' }]);
    });
  });

  describe('a delta against newer rows', () => {
    const base = [
      { _id: 1, v: 'table', updateTime: at(10) },
      { _id: 2, v: 'table', updateTime: at(10) },
      { _id: 3, v: 'table', updateTime: at(10) },
      { _id: 4, v: 'table' },
      { _id: 5, v: 'table', updateTime: at(10) },
    ];
    const delta = [
      { _id: 1, v: 'delta', updateTime: at(9) },
      { _id: 2, v: 'delta', updateTime: at(10) },
      { _id: 3, v: 'delta', updateTime: at(11) },
      { _id: 4, v: 'delta', updateTime: at(1) },
      { _id: 5, v: 'delta' },
      { _id: 6, v: 'delta' },
    ];

    test('a live reading wins, whatever its cursor says', async () => {
      await table.sync([base]);
      expect((await table.sync([delta])).counts).toEqual({ ...NOTHING, read: 6, inserted: 1, updated: 5 });
      expect((await rowsOf(table)).map(({ v }) => v)).toEqual(Array(6).fill('delta'));
    });

    test('a dump never replaces a greater cursor', async () => {
      await table.sync([base]);
      const outcome = await table.sync([delta], { keepNewer: true });
      expect(outcome.counts).toEqual({ ...NOTHING, read: 6, inserted: 1, updated: 3, superseded: 2 });
      expect((await rowsOf(table)).map(({ v }) => v)).toEqual(['table', 'delta', 'delta', 'delta', 'table', 'delta']);
    });

    test('a dump of nothing new writes nothing', async () => {
      await table.sync([base]);
      const outcome = await table.sync([[delta[0] as object, delta[4] as object]], { keepNewer: true });
      expect(outcome).toEqual({ counts: { ...NOTHING, read: 2, superseded: 2 }, added: [], removed: [] });
    });

    test('what is retried replaces only rows with a smaller cursor', async () => {
      await table.sync([base]);
      const outcome = await table.sync([delta], { keepRows: 'notOlder' });
      expect(outcome.counts).toEqual({ ...NOTHING, read: 6, inserted: 1, updated: 1, superseded: 4 });
      expect((await rowsOf(table)).map(({ v }) => v)).toEqual(['table', 'table', 'delta', 'table', 'table', 'delta']);
      expect((await table.sync([[{ _id: 6, v: 'again' }]], { keepRows: 'notOlder', cursor: NO_FIELD })).counts).toEqual(
        {
          ...NOTHING,
          read: 1,
          superseded: 1,
        },
      );
    });

    test('finds a cursor within an object', async () => {
      const rows = (v: string, ms: number) => [{ _id: 1, v, b: { d: { at: at(ms) } } }];
      await table.sync([rows('table', 10)], { cursor: { field: 'b.d.at', type: 'date' } });
      const outcome = await table.sync([rows('delta', 9)], {
        keepNewer: true,
        cursor: { field: 'b.d.at', type: 'date' },
      });
      expect(outcome.counts.superseded).toBe(1);
      expect(
        (await table.sync([rows('delta', 11)], { keepNewer: true, cursor: { field: 'b.d.at', type: 'date' } })).counts
          .updated,
      ).toBe(1);
    });

    test('finds a cursor in a sibling column', async () => {
      await table.sync([
        [
          { _id: 1, updateTime: 'x' },
          { _id: 2, updateTime: 'y' },
          { _id: 3, updateTime: at(10) },
        ],
      ]);
      const outcome = await table.sync([[{ _id: 3, updateTime: at(9) }]], { keepNewer: true });
      expect(outcome.counts.superseded).toBe(1);
    });

    test('a cursor field that no document has keeps nothing', async () => {
      await table.sync([[{ _id: 1, v: 1 }]]);
      expect((await table.sync([[{ _id: 1, v: 2 }]], { keepNewer: true })).counts.updated).toBe(1);
    });
  });
});
