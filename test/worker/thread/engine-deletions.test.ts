import { Binary, Long, ObjectId } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { rowsOf } from './inspect.ts';
import { sequence } from './load.ts';
import { deletion, type LocalTable, localTable } from './table.ts';

const NOTHING = { read: 0, inserted: 0, updated: 0, unchanged: 0, superseded: 0, deleted: 0 };
const at = (ms: number) => new Date(ms);

describe.each(ENGINES)('deletions, %s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const ids = async () => (await rowsOf(table)).map(({ _id }) => _id);

  test('take the rows of their ids and no others, beside an update and an insert', async () => {
    await table.sync([sequence(5, (_id) => ({ _id, a: 'old', updateTime: at(1) }))]);
    const { counts } = await table.sync([
      [
        deletion({ _id: 1 }),
        { _id: 2, a: 'new', updateTime: at(2) },
        deletion({ _id: 7 }),
        { _id: 9, a: 'new', updateTime: at(2) },
        deletion({ _id: Long.fromNumber(3) }),
      ],
    ]);
    expect(counts).toEqual({ ...NOTHING, read: 5, inserted: 1, updated: 1, deleted: 2, unchanged: 1 });
    expect((await rowsOf(table)).map(({ _id, a }) => [_id, a])).toEqual([
      [0n, 'old'],
      [2n, 'new'],
      [4n, 'old'],
      [9n, 'new'],
    ]);
  });

  test('of ids of every kind of text', async () => {
    const kinds = [
      'a',
      'a\0b',
      '\ufeffbom',
      'ä',
      '{"x":1}',
      '',
      new ObjectId(),
      new Binary(Buffer.from('x')),
      { k: 1 },
      true,
    ];
    await table.sync([kinds.map((_id) => ({ _id }))]);
    for (const [n, _id] of kinds.entries()) {
      const { counts } = await table.sync([[deletion({ _id })]]);
      expect([n, counts]).toEqual([n, { ...NOTHING, read: 1, deleted: 1 }]);
    }
    expect(await ids()).toEqual([]);
  });

  test('and documents of one id: the last reading by cursor wins, then by order', async () => {
    await table.sync([sequence(4, (_id) => ({ _id, v: 0, updateTime: at(1) }))]);
    const { counts } = await table.sync([
      [
        // Later by its cursor, though read first.
        deletion({ _id: 0, updateTime: at(5) }),
        { _id: 0, v: 1, updateTime: at(4) },
        // It came back.
        deletion({ _id: 1, updateTime: at(4) }),
        { _id: 1, v: 1, updateTime: at(5) },
      ],
      [{ _id: 2, v: 1, updateTime: at(5) }],
      [deletion({ _id: 2, updateTime: at(5) }), { _id: 3, v: 1, updateTime: at(5) }],
    ]);
    expect(counts).toEqual({ ...NOTHING, read: 7, updated: 2, deleted: 2, superseded: 3 });
    expect((await rowsOf(table)).map(({ _id, v }) => [_id, v])).toEqual([
      [1n, 1n],
      [3n, 1n],
    ]);
  });

  test('of a dump leave rows that are newer', async () => {
    await table.sync([
      [
        { _id: 1, updateTime: at(9) },
        { _id: 2, updateTime: at(1) },
      ],
    ]);
    const { counts } = await table.sync(
      [[deletion({ _id: 1, updateTime: at(5) }), deletion({ _id: 2, updateTime: at(5) })]],
      { keepRows: 'newer' },
    );
    expect(counts).toEqual({ ...NOTHING, read: 2, superseded: 1, deleted: 1 });
    expect(await ids()).toEqual([1n]);
  });

  test('before there is a table, and of what it has not, make no file', async () => {
    const first = await table.sync([[deletion({ _id: 1 }), { _id: 2 }, { _id: 3 }, deletion({ _id: 4 })]]);
    expect(first.counts).toEqual({ ...NOTHING, read: 4, inserted: 2, unchanged: 2 });
    const again = await table.sync([[deletion({ _id: 1 })]]);
    expect([again.counts, again.added, again.removed]).toEqual([{ ...NOTHING, read: 1, unchanged: 1 }, [], []]);
    expect(await ids()).toEqual([2n, 3n]);
  });

  test('of all rows of a file leave one without rows that keeps its range', async () => {
    await table.sync([sequence(6_200, (_id) => ({ _id, a: `text ${_id} ${'x'.repeat(50)}` }))], {
      write: { targetFileSize: 1, rowGroupSize: 2048 },
    });
    expect(table.files().length).toBeGreaterThan(2);
    const gone = table.files()[1];
    const from = Number(gone?.lower);
    const { counts } = await table.sync([sequence(gone?.rows ?? 0, (i) => deletion({ _id: from + i }))]);
    expect(counts.deleted).toBe(gone?.rows);
    expect(table.files().filter(({ rows }) => rows === 0)).toHaveLength(1);
    expect(await ids()).toHaveLength(6_200 - counts.deleted);
    const back = await table.sync([[{ _id: from, a: 'again' }]]);
    expect(back.counts).toEqual({ ...NOTHING, read: 1, inserted: 1 });
    expect(await ids()).toHaveLength(6_200 - counts.deleted + 1);
    expect(table.files().filter(({ rows }) => rows === 0)).toHaveLength(0);
  });
});
