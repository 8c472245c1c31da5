import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assembler } from '../../../src/shared/parquetjs/assemble.ts';
import {
  type Field,
  type From,
  type LeafType,
  leaf,
  list,
  required,
  struct,
} from '../../../src/shared/parquetjs/fields.ts';
import { openParquetReader } from '../../../src/shared/parquetjs/read.ts';
import { openParquetWriter } from '../../../src/shared/parquetjs/write.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-parquetjs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at =
  (index: number): From =>
  (row) =>
    (row as readonly unknown[])[index];

async function write(fields: readonly Field[], groups: readonly (readonly unknown[])[]): Promise<string> {
  const path = join(folder, 'a.parquet');
  const parts: Uint8Array[] = [];
  const writer = openParquetWriter(fields, async (bytes) => void parts.push(bytes));
  for (const rows of groups) {
    for (const row of rows) writer.append(row);
    await writer.flush();
  }
  await writer.close();
  writeFileSync(path, Buffer.concat(parts));
  expect(writer.size).toBe(Buffer.concat(parts).length);
  return path;
}

async function read(path: string, fields: readonly Field[]): Promise<readonly unknown[]> {
  const reader = await openParquetReader(path);
  const { leaves, rows } = assembler(fields, reader.fields);
  const all: unknown[] = [];
  for (const [group, count] of reader.groups.entries()) {
    const columns = [];
    for (const one of leaves) columns.push(await reader.read(group, one));
    all.push(...rows(columns, count));
  }
  await reader.close();
  return all;
}

/** What DuckDB reads, as text: another's reader. */
async function byDuckDB(path: string, sql: string): Promise<readonly unknown[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const result = await connection.runAndReadAll(sql.replace('FILE', `read_parquet('${path}')`));
  connection.closeSync();
  instance.closeSync();
  return result.getRows();
}

describe('decimals', () => {
  test.each([
    [1, 0],
    [9, 2],
    [10, 9],
    [18, 3],
    [19, 0],
    [38, 37],
  ])('of %i digits, %i of them after the point', async (precision, scale) => {
    const type: LeafType = { kind: 'decimal', precision, scale };
    const fields = [leaf('d', type, at(0)), list('l', (name, from) => leaf(name, type, from), at(1))];
    const most = 10n ** BigInt(precision) - 1n;
    const rows = [
      [most, [most, null]],
      [-most, [-most]],
      [0n, []],
      [null, null],
      [-1n, [1n]],
    ];
    const path = await write(fields, [rows]);
    expect(await read(path, fields)).toEqual(rows);
    const text = (n: unknown) => {
      if (typeof n !== 'bigint') return null;
      const digits = String(n < 0n ? -n : n).padStart(scale + 1, '0');
      const whole = digits.slice(0, digits.length - scale);
      return `${n < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
    };
    const type_ = `DECIMAL(${precision},${scale})`;
    expect(await byDuckDB(path, 'SELECT d::VARCHAR, typeof(d) FROM FILE')).toEqual(rows.map(([d]) => [text(d), type_]));
  });
});

describe('timestamps', () => {
  test('are in UTC, to the microsecond, also before 1970', async () => {
    const fields = [leaf('t', { kind: 'timestamp' }, at(0))];
    const rows = [[-1n], [0n], [-62_135_596_800_000_000n], [253_402_300_799_999_999n]];
    const path = await write(fields, [rows]);
    expect(await read(path, fields)).toEqual(rows);
    expect(await byDuckDB(path, 'SELECT t::VARCHAR, typeof(t) FROM FILE LIMIT 3')).toEqual([
      ['1969-12-31 23:59:59.999999+00', 'TIMESTAMP WITH TIME ZONE'],
      ['1970-01-01 00:00:00+00', 'TIMESTAMP WITH TIME ZONE'],
      ['0001-01-01 00:00:00+00', 'TIMESTAMP WITH TIME ZONE'],
    ]);
  });
});

describe('rows', () => {
  const LONG: LeafType = { kind: 'long' };
  const item = (name: string, from: From): Field =>
    struct(name, [leaf('1', LONG, at(0)), leaf('0', LONG, at(1))], from);
  const fields: readonly Field[] = [
    required(leaf('id', LONG, at(0))),
    list('__proto__', (name, from) => list(name, item, from), at(1)),
    struct('constructor', [leaf('a.b', { kind: 'double' }, at(0)), list('l', item, at(1))], at(2)),
  ];
  const nullable = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 3 });
  const long = nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  const items = fc.array(nullable(fc.tuple(long, long)), { maxLength: 12 });
  const row = fc.tuple(
    fc.bigInt({ min: 0n, max: 9n }),
    nullable(fc.array(nullable(items), { maxLength: 5 })),
    nullable(fc.tuple(nullable(fc.double()), nullable(items))),
  );

  test('of any shape come back as they were', async () => {
    const groups = fc.array(fc.array(row, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(groups, async (given) => {
        expect(await read(await write(fields, given), fields)).toEqual(given.flat());
      }),
      { numRuns: 50 },
    );
  });

  test('have null where the file has no such column, at every level', async () => {
    const path = await write(fields, [[[1n, [[[5n, null]]], [0.5, []]]]]);
    const wider = [
      struct('constructor', [leaf('new', LONG, at(0)), leaf('a.b', { kind: 'double' }, at(1))], at(0)),
      list(
        '__proto__',
        (name, from) =>
          list(name, (own, of) => struct(own, [leaf('1', LONG, at(0)), leaf('2', LONG, at(1))], of), from),
        at(1),
      ),
      leaf('later', LONG, at(2)),
    ];
    expect(await read(path, wider)).toEqual([[[null, 0.5], [[[5n, null]]], null]]);
  });

  test('with a long array of nulls between values', async () => {
    const numbers = Array.from({ length: 200_000 }, (_, i) => (i % 3 === 0 ? null : BigInt(i)));
    const own = [list('l', (name, from) => leaf(name, LONG, from), at(0))];
    const path = await write(own, [[[numbers]]]);
    const [[back]] = (await read(path, own)) as unknown as [[bigint[]]];
    expect(back.length).toBe(numbers.length);
    expect(back.every((n, i) => n === numbers[i])).toBe(true);
  });
});
