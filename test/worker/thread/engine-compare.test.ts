import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Comparison } from '../../../src/shared/domain/comparison.ts';
import { documentsOf } from '../../../src/shared/domain/id-list.ts';
import { ENGINES, type EngineName } from '../../../src/shared/domain/plan.ts';
import { compare } from '../../../src/worker/thread/task.ts';
import { bson, type Doc, deletion, folded, type LocalTable, localTable, writeSection } from './table.ts';

const at = (ms: number) => new Date(ms);
const WHOLE: Comparison = { isWhole: true, isDeep: false, documentsUntil: null, rowsUntil: null };

describe.each(ENGINES)('comparing, %s', (engine) => {
  let table: LocalTable;
  let scratch: string;
  beforeEach(() => {
    table = localTable(engine);
    scratch = mkdtempSync(join(tmpdir(), 'mongolake-compare-'));
  });
  afterEach(() => {
    table.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Compares the table with documents, as `verify` does. */
  async function compared(documents: readonly Doc[], change: Partial<Comparison> = {}, of: EngineName = engine) {
    const comparison = { ...WHOLE, ...change };
    const bytes = documents.map(bson);
    const known = table.schema();
    const before = comparison.isDeep ? known : { ...known, columns: [], extra: null };
    const schema = folded(before, bytes);
    const outcome = await compare({
      kind: 'compare',
      engine: of,
      scratch,
      memoryBytes: 256e6,
      schema,
      table: comparison.isDeep ? schema : known,
      cursor: { field: 'updateTime', type: 'date' },
      sections: [writeSection(scratch, 0, bytes, 3)],
      base: table.files(),
      comparison,
    });
    const listed = outcome.lists.flatMap(({ path }) => documentsOf(readFileSync(path)));
    return { ...outcome, listed: listed.length };
  }

  const row = (_id: number | string, ms: number, more: object = {}) => ({ _id, updateTime: at(ms), ...more });

  test('a table that is as its source: both sums are equal', async () => {
    const documents = [row(3, 1), row(1, 2), { _id: 2 }, row(4, 7)];
    await table.sync([documents]);
    const { differences, documents: source, rows, leftOut, lists } = await compared(documents);
    expect([differences, leftOut, lists]).toEqual([{ missing: 0, stale: 0, gone: 0 }, 0, []]);
    expect(source).toEqual(rows);
    // Known from both engines: the sum of the low halves of MD5("3|1"), MD5("1|2"), MD5("2|") and MD5("4|7").
    expect(rows).toEqual({ count: 4, checksum: CHECKSUM });
  });

  test('names what is missing, stale and gone; what is later than the watermark is left out', async () => {
    await table.sync([[row(1, 1), row(2, 2), row(3, 3), row(4, 4), row(5, 5), row(6, 6)]]);
    const { differences, examples, listed, leftOut, documents, rows } = await compared(
      // 1 is equal, 2 stale, 3 gone, 4 changed since, 5 deleted since, 6 says that it is deleted, 7 missing, 8 came since.
      [row(1, 1), row(2, 3), row(4, 90), deletion(row(5, 91)), deletion(row(6, 8)), row(7, 10), row(8, 92)],
      { documentsUntil: 10 },
    );
    expect(differences).toEqual({ missing: 1, stale: 1, gone: 2 });
    expect(examples).toEqual([
      { id: '2', difference: 'stale' },
      { id: '3', difference: 'gone' },
      { id: '6', difference: 'gone' },
      { id: '7', difference: 'missing' },
    ]);
    expect([listed, leftOut, documents.count, rows.count]).toEqual([4, 3, 3, 4]);
  });

  test('of part of the source nothing is gone but what is read as a deletion', async () => {
    await table.sync([[row('a', 1), row('b', 2), row('c', 3)]]);
    const { examples } = await compared([row('a', 9), deletion({ _id: 'b' }), deletion({ _id: 'x' }), row('y', 1)], {
      isWhole: false,
    });
    expect(examples.map(({ id, difference }) => `${id} ${difference}`).sort()).toEqual([
      'a stale',
      'b gone',
      'y missing',
    ]);
  });

  test('rows that are newer than a dump are left out', async () => {
    await table.sync([[row(1, 1), row(2, 50), row(3, 50)]]);
    const { examples, rows, documents, leftOut } = await compared([row(3, 2), row(4, 3)], { rowsUntil: 10 });
    expect(examples).toEqual([
      { id: '1', difference: 'gone' },
      { id: '4', difference: 'missing' },
    ]);
    expect([rows.count, documents.count, leftOut]).toEqual([1, 1, 2]);
  });

  test('only a deep comparison sees what changed without its cursor', async () => {
    await table.sync([[row(1, 1, { a: 'x', z: 0 }), row(2, 1, { a: 'y', z: 0 }), row(3, 1, { a: 'y', z: 0 })]]);
    const now = [row(1, 1, { a: 'x', z: 0 }), row(2, 1, { a: 'Y', z: 0 }), row(3, 1, { a: 'y', z: 0, more: 1 })];
    expect((await compared(now)).differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    const { examples } = await compared(now, { isDeep: true });
    expect(examples).toEqual([
      { id: '2', difference: 'stale' },
      { id: '3', difference: 'stale' },
    ]);
  });

  test('an id that no source can be asked for is told and not listed', async () => {
    await table.sync([
      [
        row('a', 1),
        {
          _id: new Map([
            ['2', 'x'],
            ['1', 'y'],
          ]),
        },
      ],
    ]);
    const { differences, listed } = await compared([]);
    expect([differences.gone, listed]).toEqual([2, 1]);
  });

  test('a table without files, and a source without documents', async () => {
    await table.sync([[row(1, 1)]]);
    const none = await compared([row(1, 1), row(2, 2)], {}, engine);
    expect(none.differences.missing).toBe(1);
    expect((await compared([])).differences).toEqual({ missing: 0, stale: 0, gone: 1 });
  });
});

const CHECKSUM = '3f43f89570f56bb3';
