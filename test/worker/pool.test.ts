import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { foldSchema } from '../../src/shared/domain/fold.ts';
import { createSketcher } from '../../src/shared/domain/sketcher.ts';
import { createMergePool } from '../../src/worker/pool.ts';
import { bson, writeSection } from './thread/table.ts';

const folder = mkdtempSync(join(tmpdir(), 'mongolake-pool-'));
const pool = createMergePool({ threads: 2, memoryBytes: 256e6 });
afterAll(async () => {
  await pool.close();
  rmSync(folder, { recursive: true, force: true });
});

let tasks = 0;
/** A merge of `docs` new documents, in a scratch folder of its own. */
function mergeTask(docs: number) {
  const scratch = join(folder, `task-${tasks++}`);
  mkdirSync(scratch);
  const documents = Array.from({ length: docs }, (_, _id) => bson({ _id, updateTime: new Date(_id), text: `t${_id}` }));
  const sketcher = createSketcher();
  for (const document of documents.slice(0, 10)) sketcher.take(document, 0);
  return {
    kind: 'merge',
    engine: 'duckdb',
    scratch,
    schema: foldSchema(undefined, sketcher.sketch()),
    cursor: { field: 'updateTime', type: 'date' },
    sections: [writeSection(scratch, 0, documents, 10_000)],
    base: [],
    keepRows: 'none',
    write: { targetFileSize: 1e9, rowGroupSize: 2048, compression: 'zstd', compressionLevel: 9 },
  } as const;
}

test('a merge that is aborted while DuckDB writes stops: nothing of it goes on, and the others are as before', async () => {
  const controller = new AbortController();
  const task = mergeTask(300_000);
  const other = pool.merge(mergeTask(2000), new AbortController().signal);
  const aborted = pool.merge(task, controller.signal);
  let over = false;
  const outcome = aborted.then(
    () => 'done',
    (error: unknown) => error,
  );
  void outcome.then(() => {
    over = true;
  });
  await vi.waitUntil(() => over || readdirSync(task.scratch).includes('out'), { timeout: 30_000, interval: 1 });
  const reason = new Error('told to stop');
  controller.abort(reason);
  expect(await outcome).toBe(reason);
  // Where DuckDB still wrote, the folder would come back.
  rmSync(task.scratch, { recursive: true });
  expect((await other).counts.inserted).toBe(2000);
  expect((await pool.merge(mergeTask(2000), new AbortController().signal)).counts.inserted).toBe(2000);
  expect(readdirSync(folder)).not.toContain('task-0');
});

test('a merge that is aborted before it begins does not begin', async () => {
  await expect(pool.merge(mergeTask(1), AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
});

test('a pool that is closed stops what it does', async () => {
  const own = createMergePool({ threads: 1, memoryBytes: 256e6 });
  const task = mergeTask(300_000);
  const outcome = own.merge(task, new AbortController().signal).then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
  await vi.waitUntil(() => readdirSync(task.scratch).includes('out'), { timeout: 30_000, interval: 1 });
  await own.close();
  expect(await outcome).toBe('INTERRUPTED');
});
