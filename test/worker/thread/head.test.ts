import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { Binary, Double, Long } from 'bson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { readHead } from '../../../src/worker/thread/head.ts';
import { localTable } from './table.ts';

const schema: TableSchema = {
  idType: 'string:objectId',
  columns: [
    { name: 'n', source: 'n', type: { kind: 'long' } },
    { name: 'x', source: 'x', type: { kind: 'double' } },
    { name: 'at', source: 'at', type: { kind: 'timestamp' } },
    { name: 'bytes', source: 'bytes', type: { kind: 'binary' } },
    {
      name: 's',
      source: 's',
      type: {
        kind: 'struct',
        fields: [{ name: 'a', source: 'a', type: { kind: 'array', element: { kind: 'long' } } }],
      },
    },
    { name: 'later', source: 'later', type: { kind: 'boolean' } },
  ],
  extra: null,
};

describe('the head of a table', () => {
  let folder: string;
  const read = (files: readonly string[], limit: number) =>
    readHead('duckdb', {
      paths: files.map((file) => join(folder, file)),
      schema,
      limit,
      memoryBytes: 100e6,
      scratch: folder,
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mongolake-head-test-'));
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run("SET TimeZone = 'UTC'");
    await connection.run(`COPY (SELECT * FROM (VALUES
      ('b', 9007199254740993::BIGINT, 'nan'::DOUBLE, '2026-01-02 03:04:05.678901+00'::TIMESTAMPTZ, '\\x00\\xFF'::BLOB, {'a': [1::BIGINT, NULL]}),
      ('a', -5, -1.5, '1969-12-31 23:59:59.999999+00', NULL, NULL)
      ) t("_id", n, x, "at", bytes, s)) TO '${folder}/one.parquet' (FORMAT parquet)`);
    await connection.run(`COPY (SELECT 'c' AS "_id", 1::BIGINT AS n, 'inf'::DOUBLE AS x, NULL::TIMESTAMPTZ AS "at",
      NULL::BLOB AS bytes, {'a': []::BIGINT[]} AS s, true AS later) TO '${folder}/two.parquet' (FORMAT parquet)`);
    connection.closeSync();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is ordered by id, every value as JSON has it, columns that a file lacks null', async () => {
    expect(await read(['one.parquet'], 10)).toEqual([
      ['a', -5, -1.5, '1969-12-31T23:59:59.999999Z', null, null, null],
      ['b', '9007199254740993', 'NaN', '2026-01-02T03:04:05.678901Z', 'AP8=', { a: [1, null] }, null],
    ]);
  });

  it('goes on in the next file until there are enough rows', async () => {
    expect((await read(['one.parquet', 'two.parquet'], 3)).map(([id]) => id)).toEqual(['a', 'b', 'c']);
    expect((await read(['one.parquet', 'two.parquet'], 1)).map(([id]) => id)).toEqual(['a']);
    expect(await read(['two.parquet'], 1)).toEqual([['c', 1, 'Infinity', null, null, { a: [] }, true]]);
  });

  it('is the same by both engines, for a table that either can read', async () => {
    const table = localTable('parquetjs');
    try {
      const values = {
        n: Long.MAX_VALUE,
        x: new Double(-0),
        at: new Date(-1),
        bytes: new Binary(Buffer.from([0, 255])),
      };
      await table.sync([
        [{ _id: 'b', ...values, s: { a: [1, null] } }, { _id: 'a', x: new Double(Number.NaN) }, { _id: 'c' }],
      ]);
      const paths = table.files().map((file) => file.path);
      const task = { paths, schema: table.schema(), limit: 2, memoryBytes: 100e6, scratch: folder };
      const rows = await readHead('parquetjs', task);
      expect(rows).toEqual([
        ['a', null, 'NaN', null, null, null],
        ['b', '9223372036854775807', -0, '1969-12-31T23:59:59.999Z', 'AP8=', { a: [1, null] }],
      ]);
      expect(await readHead('duckdb', task)).toEqual(rows);
    } finally {
      table.remove();
    }
  });
});
