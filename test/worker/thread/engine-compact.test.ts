import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, Double, Long } from 'bson';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import type { MergedFile } from '../../../src/worker/thread/engine.ts';
import { compact } from '../../../src/worker/thread/task.ts';
import { valueWith } from '../../shared/domain/arbitrary.ts';
import { rowsOf } from './inspect.ts';
import { type Row, widened } from './model.ts';
import { deletion, type LocalTable, localTable } from './table.ts';

const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`;
const SMALL = { targetFileSize: 10_000, rowGroupSize: 2048 };
const WRITE = { targetFileSize: 1e9, rowGroupSize: 2048, compression: 'snappy', compressionLevel: 1 } as const;

const names = fc.constantFrom('a', 'b', 'A', 'a b', '1', 'x.y', '', 'filename');
const delta = fc.array(
  fc.uniqueArray(fc.tuple(names, valueWith(names)), { maxLength: 4, selector: ([name]) => name }),
  {
    minLength: 30,
    maxLength: 60,
  },
);

describe.each(ENGINES)('%s', (engine) => {
  const tables: LocalTable[] = [];
  afterEach(() => {
    for (const table of tables.splice(0)) table.remove();
  });

  async function loaded(...deltas: readonly (readonly Document[])[]): Promise<LocalTable> {
    const table = localTable(engine);
    tables.push(table);
    for (const delta of deltas) await table.sync([delta], { write: SMALL });
    return table;
  }

  /** The files `[from, to)` of a table as one. */
  async function compacted(
    table: LocalTable,
    { from = 0, to = table.files().length, memoryBytes = 256e6 },
    signal?: AbortSignal,
  ): Promise<MergedFile> {
    const scratch = join(table.folder, `compacted-${from}`);
    mkdirSync(scratch);
    const base = table.files().slice(from, to);
    const schema = table.schema();
    return compact({ kind: 'compact', engine, scratch, memoryBytes, schema, base, write: WRITE }, signal);
  }

  test.each<[string, (i: number) => unknown]>([
    ['texts', (i) => `id ${i}`],
    ['integers', (i) => Long.fromNumber(i - 3000)],
  ])('files become one with the same rows in their order: ids that are %s', async (_, id) => {
    const table = await loaded(Array.from({ length: 9000 }, (_, i) => ({ _id: id(i), noise: noise(i) })));
    expect(table.files().length).toBeGreaterThan(3);
    const file = await compacted(table, {});
    expect(file).toMatchObject({ lower: null, upper: null, rows: 9000 });
    expect(await rowsOf({ ...table, files: () => [file] })).toEqual(await rowsOf(table));
    const stats = JSON.parse(file.stats) as { numRecords: number };
    expect(stats.numRecords).toBe(9000);
  });

  test('some of them become one, which owns the range of these', async () => {
    const table = await loaded(Array.from({ length: 9000 }, (_, i) => ({ _id: `id ${i}`, noise: noise(i) })));
    const files = table.files();
    const file = await compacted(table, { from: 1, to: 3 });
    expect(file).toMatchObject({ lower: files[1]?.lower, upper: files[2]?.upper });
    const after = [files[0] as MergedFile, file, ...files.slice(3)];
    expect(await rowsOf({ ...table, files: () => after })).toEqual(await rowsOf(table));
  });

  test('files of an older schema get the columns of the newest one', async () => {
    const zero = (i: number) => new Double(i % 2 === 0 ? -0 : 0);
    const many = Array.from({ length: 6000 }, (_, i) => ({ _id: i, noise: noise(i), zero: zero(i) }));
    const table = await loaded(many, [{ _id: 0, noise: 'first', late: true, zero: new Double(-0), inner: { a: 1 } }]);
    const file = await compacted(table, {});
    const rows = await rowsOf({ ...table, files: () => [file] });
    expect(rows).toEqual((await rowsOf(table)).map((row) => ({ late: null, inner: null, ...row })));
    expect(rows[0]).toMatchObject({ late: true });
    expect(rows[1]).toMatchObject({ late: null });
    expect(rows.every((row) => Object.is(row.zero, Number(row._id) % 2 === 0 ? -0 : 0))).toBe(true);
  });

  test('files of any schemas, one wider than the other, become one', { timeout: 300_000 }, async () => {
    let files = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(delta, { minLength: 3, maxLength: 4 }), async (deltas) => {
        // Only the last file, which all ids of a delta go to, is written anew with it: the others keep their schema.
        const id = (n: number, i: number) => `${n}-${String(i).padStart(3, '0')}`;
        const table = await loaded();
        for (const [n, documents] of deltas.entries()) {
          const own = documents.map((each, i) => new Map<string, unknown>([['_id', id(n, i)], ...each]));
          await table.sync([own as unknown as Document[]], { write: { ...SMALL, targetFileSize: 2000 } });
        }
        const file = await compacted(table, {});
        const widen = (rows: readonly Row[]) => rows.map((row) => widened(row, table.schema()));
        expect(widen(await rowsOf({ ...table, files: () => [file] }))).toEqual(widen(await rowsOf(table)));
        files += table.files().length;
      }),
      { numRuns: 6 },
    );
    expect(files).toBeGreaterThan(4 * 6);
  });

  test('files without rows become one without any, which keeps their range', async () => {
    const table = await loaded([{ _id: 1, n: 1 }]);
    const file = await compacted(table, {});
    const none = { ...file, ...(await emptied(table)) };
    const scratch = join(table.folder, 'empty');
    mkdirSync(scratch);
    const base = [
      { ...none, upper: '5' },
      { ...none, lower: '5' },
    ];
    const schema = table.schema();
    const joined = await compact({ kind: 'compact', engine, scratch, memoryBytes: 256e6, schema, base, write: WRITE });
    expect(joined).toMatchObject({ lower: null, upper: null, rows: 0 });
  });

  /** The file of a table whose only row is gone. */
  async function emptied(table: LocalTable): Promise<MergedFile> {
    const { added } = await table.sync([[deletion({ _id: 1 })]], {});
    return added[0] as MergedFile;
  }

  test('more than memory holds goes through it', { timeout: 300_000 }, async () => {
    const text = (i: number) => noise(i).repeat(20);
    const table = await loaded(Array.from({ length: 20_000 }, (_, i) => ({ _id: `id ${i}`, text: text(i) })));
    const file = await compacted(table, { memoryBytes: engine === 'duckdb' ? 64e6 : 8e6 });
    expect(await rowsOf({ ...table, files: () => [file] })).toEqual(await rowsOf(table));
  });

  test('one that is told to stop stops', async () => {
    const table = await loaded(Array.from({ length: 30_000 }, (_, i) => ({ _id: `id ${i}`, n: i })));
    const controller = new AbortController();
    const stopped = compacted(table, {}, controller.signal);
    controller.abort(new Error('told to stop'));
    await expect(stopped).rejects.toThrow('told to stop');
  });
});
