import { Long } from 'bson';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareIds, type IdType } from '../../../src/shared/domain/ids.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { locate } from '../../../src/worker/thread/task.ts';
import { text } from '../../shared/domain/arbitrary.ts';
import { rowsOf } from './inspect.ts';
import { bson, type LocalTable, localTable, writeSection } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  /** So small that every row group of 2,048 rows, the least that DuckDB writes, makes a file. */
  const SMALL = { write: { targetFileSize: 20_000, rowGroupSize: 2048 } };
  const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}${i}`;
  const id = (i: number) => `k${String(i).padStart(6, '0')}`;
  const rows = (ids: readonly (string | number | Long)[], v = 0) => ids.map((_id, i) => ({ _id, v, noise: noise(i) }));
  const range = (from: number, to: number, step = 1) =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);

  describe('files of a partition', () => {
    test('a first load is split at the target size; ranges tile the ids and nothing is lost', async () => {
      const outcome = await table.sync([rows(range(0, 12_000).reverse().map(id))], SMALL);
      expect(outcome.added.length).toBeGreaterThan(3);
      const all = await rowsOf(table);
      expect(all.map(({ _id }) => _id)).toEqual(range(0, 12_000).map(id));
      expect(outcome.added.reduce((sum, file) => sum + file.rows, 0)).toBe(12_000);
    }, 60_000);

    test('only files that the delta touches are rewritten, each over its own range', async () => {
      await table.sync([rows(range(0, 12_000, 2).map(id))], SMALL);
      const before = table.files();
      expect(before.length).toBeGreaterThanOrEqual(3);
      const [first, second] = before;
      const bound = second?.lower as string;
      // One id at the bound, which is the second file's, and one just below it, which is the first's.
      const outcome = await table.sync([rows([bound, `${bound.slice(0, -1)}!`], 1)]);
      expect(outcome.counts.inserted + outcome.counts.updated).toBe(2);
      expect(outcome.removed).toEqual([0, 1]);
      expect(table.files().slice(2)).toEqual(before.slice(2));
      expect(table.files()[0]).toMatchObject({ lower: null, upper: bound, rows: (first?.rows ?? 0) + 1 });
      expect(table.files()[1]).toMatchObject({ lower: bound, upper: second?.upper });
      await rowsOf(table);
    }, 60_000);

    test('ids below and beyond all known find a home', async () => {
      await table.sync([rows(range(0, 8000).map(id))], SMALL);
      const before = table.files();
      const outcome = await table.sync([rows(['', '!', '😀', '\uffff'], 1)]);
      expect(outcome.counts.inserted).toBe(4);
      expect(table.files().slice(1, -1)).toEqual(before.slice(1, -1));
      const ids = (await rowsOf(table)).map(({ _id }) => _id);
      expect(ids).toHaveLength(8004);
      expect([...ids.slice(0, 2), ...ids.slice(-2)]).toEqual(['', '!', '\uffff', '😀']);
    }, 60_000);

    test('a touched file without a change stays beside one with a change', async () => {
      await table.sync([rows(range(0, 8000).map(id))], SMALL);
      const before = table.files();
      const last = before.length - 1;
      const outcome = await table.sync(
        [
          [
            { _id: id(0), v: 0, noise: noise(0) },
            { _id: id(7999), v: 1 },
          ],
        ],
        SMALL,
      );
      expect(outcome.counts).toMatchObject({ unchanged: 1, updated: 1 });
      expect(outcome.removed).toEqual([1]);
      expect(table.files().slice(0, last)).toEqual(before.slice(0, last));
    }, 60_000);

    test('a file that grew past half as much again is split, one that grew a little is not', async () => {
      const target = { write: { targetFileSize: 200_000, rowGroupSize: 2048 } };
      await table.sync([rows(range(0, 16_000, 4).map(id))], target);
      expect(table.files()).toHaveLength(1);
      await table.sync([rows(range(1, 400, 4).map(id))], target);
      expect(table.files()).toHaveLength(1);
      await table.sync([rows(range(2, 16_000, 4).map(id)), rows(range(3, 16_000, 4).map(id))], target);
      expect(table.files().map((file) => file.rows)).toEqual([6050, 6050]);
      expect(await rowsOf(table)).toHaveLength(4000 + 100 + 4000 + 4000);
    }, 60_000);

    test('a split leaves no small rest, also of rows fewer than a row group', async () => {
      await table.sync([rows(range(0, 2048).map(id))]);
      const outcome = await table.sync([rows(['', 'x', 'y'], 1)], SMALL);
      expect(outcome.added.map((file) => file.rows)).toEqual([684, 684, 683]);
      const next = await table.sync([rows(['a', 'b'], 1)], SMALL);
      expect(next.added).toHaveLength(1);
      expect((await rowsOf(table)).map(({ _id }) => _id).slice(0, 2)).toEqual(['', 'a']);
    }, 60_000);

    test('integer ids are ordered and parted by value, both ends of 64 bits included', async () => {
      const ends = [
        Long.MIN_VALUE,
        Long.MAX_VALUE,
        Long.fromString('9007199254740993'),
        Long.fromString('-9007199254740993'),
      ];
      await table.sync([[...rows(ends), ...rows(range(-4000, 4000))]], SMALL);
      expect(table.schema().idType).toBe('long');
      expect(table.files().length).toBeGreaterThan(2);
      const ids = (await rowsOf(table)).map(({ _id }) => _id as bigint);
      expect(ids.slice(0, 3)).toEqual([-(2n ** 63n), -9007199254740993n, -4000n]);
      expect(ids.slice(-2)).toEqual([9007199254740993n, 2n ** 63n - 1n]);
      const outcome = await table.sync([rows([Long.MAX_VALUE, Long.MIN_VALUE, 5000], 1)], SMALL);
      expect(outcome.counts).toMatchObject({ updated: 2, inserted: 1 });
      await rowsOf(table);
    }, 60_000);

    test('long ids leave short bounds in the log', async () => {
      const long = (i: number) => `${id(i)}${'x'.repeat(5000)}`;
      await table.sync([range(0, 4200).map((i) => ({ _id: long(i) }))], SMALL);
      expect(table.files().length).toBeGreaterThan(1);
      for (const { lower } of table.files().slice(1)) expect(lower?.length).toBeLessThanOrEqual(7);
      expect((await table.sync([[{ _id: long(4199), v: 1 }, { _id: long(0) }]], SMALL)).counts).toMatchObject({
        updated: 1,
        unchanged: 1,
      });
      await rowsOf(table);
    }, 60_000);

    test.each([
      ['quotes, NULs and percent signs', (i: number) => `\0'"%_\\${i % 2 ? '\0' : "''"}${String(i).padStart(5, '0')}`],
      ['a byte order mark in front', (i: number) => `\ufeff${String(i).padStart(5, '0')}`],
    ])(
      'ids with %s are bounds like any other',
      async (_, strange) => {
        await table.sync([rows(range(0, 6000).map(strange))], SMALL);
        expect(table.files().length).toBeGreaterThan(1);
        const bounds = table
          .files()
          .slice(1)
          .map(({ lower }) => lower as string);
        const outcome = await table.sync([rows([...bounds, '\0', "'"], 1)], SMALL);
        expect(outcome.counts.read).toBe(bounds.length + 2);
        expect(outcome.counts.inserted + outcome.counts.updated).toBe(bounds.length + 2);
        await rowsOf(table);
      },
      60_000,
    );
  });

  describe('locate', () => {
    const tiles = (bounds: readonly string[]) =>
      [null, ...bounds].map((lower, i) => ({ lower, upper: bounds[i] ?? null }));

    function touchedBy(idType: IdType, bounds: readonly string[], ids: readonly unknown[]): readonly number[] {
      const sections = [
        writeSection(
          table.folder,
          0,
          ids.map((_id) => bson({ a: 1, _id })),
          2,
        ),
      ];
      return locate({ kind: 'locate', schema: { idType, columns: [], extra: null }, sections, base: tiles(bounds) });
    }

    test.each([
      ['below all', ['a'], [0]],
      ['at a bound it is the file above', ['m'], [1]],
      ['just below a bound', ['lzzz'], [0]],
      ['between', ['o', 'n'], [1]],
      ['above all', ['zz'], [2]],
      ['several, each once, in order', ['zz', 'a', 'b', 'z'], [0, 2]],
      ['by UTF-8 bytes, not by UTF-16', ['\uffff', '😀'], [2]],
    ])('%s', (_, ids, expected) => {
      expect(touchedBy('string:string', ['m', 't'], ids)).toEqual(expected);
    });

    test('integers by value', () => {
      expect(touchedBy('long', ['-5', '10', '9007199254740993'], [9, 1e3])).toEqual([1, 2]);
      expect(touchedBy('long', ['-5', '10', '9007199254740993'], [Long.fromString('9007199254740993')])).toEqual([3]);
      expect(touchedBy('long', ['-5', '10', '9007199254740993'], [Long.fromString('9007199254740992'), -6])).toEqual([
        0, 2,
      ]);
    });

    test('nothing for no document, and the only file for any', () => {
      expect(touchedBy('string:string', ['m'], [])).toEqual([]);
      expect(touchedBy('string:string', [], ['x'])).toEqual([0]);
    });

    test('the file whose range holds the id, for any bounds and ids', () => {
      fc.assert(
        fc.property(
          fc.uniqueArray(text, { maxLength: 6 }),
          fc.array(text, { minLength: 1, maxLength: 4 }),
          (some, ids) => {
            const order = (a: string, b: string) => compareIds('string:objectId', a, b);
            const bounds = some.filter((bound) => bound !== '').sort(order);
            const expected = new Set(
              ids.map((each) => bounds.filter((bound) => order(bound, JSON.stringify(each)) <= 0).length),
            );
            expect(touchedBy('string:objectId', bounds, ids)).toEqual([...expected].sort((a, b) => a - b));
          },
        ),
        { numRuns: 300 },
      );
    });
  });
});
