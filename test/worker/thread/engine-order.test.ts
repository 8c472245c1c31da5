import { randomBytes } from 'node:crypto';
import { ObjectId } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf } from './inspect.ts';
import { type LocalTable, localTable } from './table.ts';

const objectId = (n: number) => new ObjectId(n.toString(16).padStart(24, '0'));
const long = (n: number) => `${'x'.repeat(1100)}${n}`;

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const at = (ms: number) => new Date(ms);

  test.each([
    ['integers', (n: number) => n],
    ['ObjectIds', objectId],
    ['strings', (n: number) => `s${n}`],
    ['strings that begin alike', (n: number) => 's'.repeat(n)],
    ['long strings', long],
  ])('%s in any order, and twice, are one sorted row each: the last reading', async (_, id) => {
    for (const order of [
      [1, 2, 3, 3],
      [1, 3, 2, 3],
      [3, 2, 1, 3],
    ]) {
      const own = localTable(engine);
      const documents = order.map((n, i) => ({ _id: id(n), reading: i, updateTime: at(i) }));
      const { counts } = await own.sync([documents]);
      expect(counts).toMatchObject({ read: 4, inserted: 3, superseded: 1 });
      const readings = (await rowsOf(own)).map(({ reading }) => Number(reading));
      expect(readings).toEqual([1, 2, 3].map((n) => order.lastIndexOf(n)));
      own.remove();
    }
  });

  test('a short text after a longer one in the same place is the same when it is read again', async () => {
    const rows = (from: number, text: string) =>
      Array.from({ length: 2048 }, (_, i) => ({ _id: from + i, text, updateTime: at(1) }));
    const documents = [...rows(0, 'x'.repeat(12)), ...rows(2048, 'y')];
    await table.sync([documents]);
    expect((await table.sync([documents])).counts).toMatchObject({ read: 4096, unchanged: 4096, updated: 0 });
  });
});

/** DuckDB counts 150 MB as its own at least, and a fifth of that may be replaced in place. */
const IN_PLACE_BYTES = 150e6 / 5;
const NOISE = randomBytes(1 << 20)
  .toString('latin1')
  .replaceAll(/[^ -~]/g, '.');

test.each([
  ['as much as is replaced in place', 0.9],
  ['more than that', 1.2],
])(
  'duckdb: rows stay sorted where %s changes, with the least memory',
  async (_, share) => {
    const table = localTable('duckdb');
    const rows = Math.floor((IN_PLACE_BYTES * share) / 1050);
    const text = (seed: number, n: number) => NOISE.slice((n * 17 + seed) % 1_000_000).slice(0, 1000);
    const documents = (seed: number) =>
      Array.from({ length: rows }, (_, n) => ({ _id: n, text: text(seed, n), updateTime: new Date(seed) }));
    await table.sync([documents(1)], { memoryBytes: 64e6 });
    const { counts } = await table.sync([documents(2)], { memoryBytes: 64e6 });
    expect(counts).toMatchObject({ updated: rows, inserted: 0 });
    const seen = await rowsOf(table);
    expect(seen.length).toBe(rows);
    expect(seen[rows - 1]).toMatchObject({ text: text(2, rows - 1) });
    table.remove();
  },
  120_000,
);

test('duckdb: wide rows in any order are sorted with all of the memory, where its usual part is too little', async () => {
  const table = localTable('duckdb');
  const rows = 55_000;
  const text = (n: number) => NOISE.slice((n * 19) % 1_000_000).slice(0, 2000);
  // An odd factor: each id once, in no order.
  const documents = Array.from({ length: rows }, (_, n) => ({ _id: (n * 7919) % rows, text: text(n) }));
  const { counts } = await table.sync([documents], { memoryBytes: 512e6 });
  expect(counts).toMatchObject({ inserted: rows });
  const seen = await rowsOf(table);
  expect(seen.map(({ _id }) => Number(_id))).toEqual(Array.from({ length: rows }, (_, n) => n));
  table.remove();
}, 120_000);
