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
