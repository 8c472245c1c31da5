import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Harness, harness } from './table-harness.ts';

const NOW = Date.parse('2026-01-10T12:00:00Z');
const document = (id: number, n: number) => ({ _id: id, n, updateTime: new Date(NOW - 1000 + n) });

let table: Harness;
beforeEach(() => {
  table = harness({ now: NOW });
  table.collection.documents = Array.from({ length: 20 }, (_, id) => document(id, 0));
});
afterEach(() => table.close());

/** The engine that an entry's metadata names; `undefined` where it has no metadata. */
async function engineIn(version: number): Promise<unknown> {
  const metadata = (await table.entry(version)).find((action) => 'metaData' in action)?.metaData;
  return (metadata as { configuration: Record<string, string> } | undefined)?.configuration['mongolake.engine'];
}

/** Changes one document and syncs. */
function change(n: number, engine: 'duckdb' | 'parquetjs') {
  table.collection.documents[3] = document(3, n);
  return table.sync({}, { engine });
}

describe('the engine of a table', () => {
  it('is the configured one when the table is made, and stays', async () => {
    await table.sync({}, { engine: 'parquetjs' });
    expect(await engineIn(0)).toBe('parquetjs');
    expect((await change(1, 'parquetjs')).counts).toMatchObject({ updated: 1, unchanged: 19 });
    expect(await engineIn(1)).toBeUndefined();
  });

  it('becomes DuckDB in the commit of the first run that DuckDB does', async () => {
    await table.sync({}, { engine: 'parquetjs' });
    expect((await change(1, 'duckdb')).counts).toMatchObject({ updated: 1, unchanged: 19 });
    expect(await engineIn(1)).toBe('duckdb');
    expect((await change(2, 'duckdb')).counts).toMatchObject({ updated: 1, unchanged: 19 });
    expect(await engineIn(2)).toBeUndefined();
  });

  it('is never parquetjs again', async () => {
    await table.sync({}, { engine: 'duckdb' });
    const attempt = change(1, 'parquetjs');
    await expect(attempt).rejects.toMatchObject({ code: 'TABLE_ENGINE', exitCode: 78 });
    await expect(attempt).rejects.toThrow("is a table of the engine duckdb, which parquetjs can't read");
    expect((await change(1, 'duckdb')).counts).toMatchObject({ updated: 1 });
  });
});
