import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Long } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import type { RewriteOutcome } from '../../../src/worker/thread/engine.ts';
import { rewrite } from '../../../src/worker/thread/task.ts';
import { rowsOf } from './inspect.ts';
import type { Row } from './model.ts';
import { type Doc, type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  /** Every row group of 2,048 rows, the least that DuckDB writes, makes a file. */
  const SMALL = { targetFileSize: 10_000, rowGroupSize: 2048 };

  /** Rewrites all files of the table with string ids, and shows the new rows; their invariants are held on the way. */
  async function rewritten(
    files = table.files(),
    schema: TableSchema = { ...table.schema(), idType: 'string:long' },
  ): Promise<{ readonly outcome: RewriteOutcome; readonly rows: readonly Row[] }> {
    const scratch = join(table.folder, 'rewrite');
    mkdirSync(scratch);
    const outcome = await rewrite({
      kind: 'rewrite',
      engine,
      scratch,
      memoryBytes: 256e6,
      schema,
      oldIdType: 'long',
      base: files,
      into: { partitions: [0], of: 1 },
      write: { ...SMALL, compression: 'snappy', compressionLevel: 1 },
    });
    const rows = await rowsOf({ ...table, files: () => outcome.added, schema: () => schema });
    expect(outcome.rows).toBe(rows.length);
    return { outcome, rows };
  }

  async function rewriteOf(documents: readonly Doc[]): Promise<readonly Row[]> {
    await table.sync([documents]);
    return (await rewritten()).rows;
  }

  test('ids become their digits, sorted as text', async () => {
    const ids = [2, 10, -1, 0, 100, -10, Long.MAX_VALUE, Long.MIN_VALUE, Long.fromString('9007199254740993')];
    const rows = await rewriteOf(ids.map((_id, n) => ({ _id, n })));
    expect(rows).toEqual([
      { _id: '-1', n: 2n },
      { _id: '-10', n: 5n },
      { _id: '-9223372036854775808', n: 7n },
      { _id: '0', n: 3n },
      { _id: '10', n: 1n },
      { _id: '100', n: 4n },
      { _id: '2', n: 0n },
      { _id: '9007199254740993', n: 8n },
      { _id: '9223372036854775807', n: 6n },
    ]);
  });

  test('one row is one file that owns all ids', async () => {
    await table.sync([[{ _id: 7, a: 'x' }]]);
    const { outcome, rows } = await rewritten();
    expect(outcome.added).toMatchObject([{ partition: 0, lower: null, upper: null, rows: 1 }]);
    expect(rows).toEqual([{ _id: '7', a: 'x' }]);
  });

  test('no file is no file', async () => {
    const { outcome } = await rewritten([], { idType: 'string:long', columns: [], extra: null });
    expect(outcome).toEqual({ added: [], rows: 0 });
  });

  test('many files become others whose ranges tile the ids: not a row is lost, whatever file it was in', async () => {
    const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`;
    const documents = Array.from({ length: 9000 }, (_, _id) => ({ _id, noise: noise(_id) }));
    await table.sync([documents], { write: SMALL });
    const before = table.files().length;
    expect(before).toBeGreaterThan(2);
    const { outcome, rows } = await rewritten();
    expect(outcome.added.length).toBeGreaterThan(2);
    expect(rows).toHaveLength(9000);
    for (const { _id, noise: own } of rows) expect(own).toBe(noise(Number(_id)));
  });

  test('files of an older schema get the columns that they lack, as null', async () => {
    const many = Array.from({ length: 5000 }, (_, _id) => ({ _id, o: { a: `${Math.imul(_id, 2654435761)}` } }));
    await table.sync([many], { write: SMALL });
    await table.sync([[{ _id: 0, o: { a: 'x', b: true }, late: 'y' }]], { write: SMALL });
    const { rows } = await rewritten();
    expect(rows[0]).toEqual({ _id: '0', o: { a: 'x', b: true }, late: 'y' });
    expect(rows.at(-1)).toMatchObject({ _id: '999', o: { b: null }, late: null });
  });

  test('0.0 and -0.0 stay what they are beside each other', async () => {
    const zero = (i: number) => (i % 2 === 0 ? 0 : -0);
    // Enough rows for a dictionary, which would take the two for one.
    const rows = await rewriteOf(
      Array.from({ length: 3000 }, (_, _id) => ({ _id, d: zero(_id), s: { d: -zero(_id) } })),
    );
    expect(rows).toEqual(rows.map(({ _id }) => ({ _id, d: zero(Number(_id)), s: { d: -zero(Number(_id)) } })));
  });
});
