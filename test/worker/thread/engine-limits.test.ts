import { readFileSync, writeFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';
import { Binary, type Document } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BSON } from '../../../src/shared/domain/bson.ts';
import { FOLD_LIMITS } from '../../../src/shared/domain/fold.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { MOST_NAMES } from '../../../src/shared/domain/sketch.ts';
import { sectionBlocks } from '../../../src/worker/thread/sections.ts';
import { bson as bytesOf, documentOf, element, int32, text } from '../../shared/domain/bson-bytes.ts';
import { rowsOf } from './inspect.ts';
import { load, sequence } from './load.ts';
import { type LocalTable, localTable, writeSection } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const MB = 1024 * 1024;
  const ID = element(BSON.int32, '_id', int32(1));

  describe('large documents', () => {
    test('of 16 MB, as one text, one binary, many numbers', async () => {
      const documents = [
        { _id: 1, s: '😀'.repeat(4 * MB - 100) },
        { _id: 2, b: new Binary(Buffer.alloc(16 * MB - 100, 0xff)) },
        { _id: 3, l: sequence(700_000, (i) => i) },
        { _id: 4, s: 'small' },
      ];
      const { rows } = await load(table, documents);
      expect((rows[0]?.s as string) === documents[0]?.s).toBe(true);
      expect(Buffer.from(rows[1]?.b as Uint8Array).equals(Buffer.alloc(16 * MB - 100, 0xff))).toBe(true);
      const list = (rows[2]?.l ?? []) as bigint[];
      expect(list.every((n, i) => n === BigInt(i))).toBe(true);
      expect(list).toHaveLength(700_000);
      expect(rows[3]).toEqual({ s: 'small' });
    }, 120_000);

    test('with an id of 1 MB', async () => {
      const long = (i: number) => `${'x'.repeat(MB)}${i}`;
      await table.sync([[{ _id: long(1) }, { _id: long(2) }]]);
      expect((await table.sync([[{ _id: long(2), a: 1 }, { _id: long(3) }]])).counts).toMatchObject({
        updated: 1,
        inserted: 1,
      });
      expect((await rowsOf(table)).map(({ _id }) => (_id as string).slice(MB))).toEqual(['1', '2', '3']);
    });
  });

  describe('wide and deep documents', () => {
    test('of 5,000 fields: a thousand columns, and the rest in the JSON column', async () => {
      const wide = (v: number) => Object.fromEntries(sequence(5000, (i) => [`f${i}`, i % 2 ? v : `t${v}`]));
      const { kinds, rows } = await load(table, [
        { _id: 1, ...wide(1) },
        { _id: 2, ...wide(2) },
      ]);
      expect(kinds).toHaveLength(FOLD_LIMITS.columns);
      const { _extra, ...columns } = rows[1] ?? {};
      expect(columns).toEqual(Object.fromEntries(sequence(1000, (i) => [`f${i}`, i % 2 ? 2n : 't2'])));
      expect(JSON.parse(_extra as string)).toEqual(
        Object.fromEntries(sequence(4000, (i) => [`f${i + 1000}`, i % 2 ? { $numberInt: '2' } : 't2'])),
      );
    }, 120_000);

    test('an object whose keys are data is one column', async () => {
      const map = (from: number) => Object.fromEntries(sequence(20_000, (i) => [`user-${from + i}`, { seen: i }]));
      const { kinds, rows } = await load(table, [
        { _id: 1, map: map(0) },
        { _id: 2, map: map(20_000) },
        { _id: 3, map: {} },
      ]);
      expect(kinds).toEqual(['map: object']);
      expect(Object.keys(JSON.parse(rows[1]?.map as string)).length).toBe(20_000);
      expect(JSON.parse(rows[1]?.map as string)['user-39999']).toEqual({ seen: { $numberInt: '19999' } });
      expect(rows[2]).toEqual({ map: '{}' });
    }, 60_000);

    test('of 100 levels: objects, arrays, and both in turn', async () => {
      const deep = (wrap: (inner: unknown, i: number) => unknown): unknown => {
        let value: unknown = 'bottom';
        for (let i = 0; i < 98; i++) value = wrap(value, i);
        return value;
      };
      const document = {
        _id: 1,
        o: deep((inner) => ({ k: inner })),
        l: deep((inner) => [inner]),
        t: deep((inner, i) => (i % 2 ? [inner] : { k: inner })),
      };
      const { rows } = await load(table, [document]);
      // Past ten levels it is EJSON, in which text stays text.
      const levels = (value: unknown): number => {
        if (value === 'bottom') return 0;
        if (typeof value === 'string') return levels(JSON.parse(value));
        return 1 + levels(Array.isArray(value) ? value[0] : (value as { k: unknown }).k);
      };
      expect([rows[0]?.o, rows[0]?.l, rows[0]?.t].map(levels)).toEqual([98, 98, 98]);
      expect((await table.sync([[document]])).counts).toMatchObject({ unchanged: 1, updated: 0 });
    }, 60_000);
  });

  describe('documents that can not be stored stop the run with their reason', () => {
    const CASES: readonly (readonly [string, Buffer, string])[] = [
      [
        'a field twice',
        documentOf([ID, element(BSON.int32, 'a', int32(1)), element(BSON.int32, 'a', int32(2))]),
        'field "a" occurs twice',
      ],
      [
        'a name of invalid UTF-8',
        documentOf([ID, element(BSON.int32, Buffer.from([0xff]), int32(1))]),
        'not valid UTF-8',
      ],
      ['a length that lies', documentOf([ID, element(BSON.string, 'a', text('x', 400))]), 'reaches past its document'],
      ['no id', documentOf([element(BSON.int32, 'a', int32(1))]), 'a document without _id'],
    ];
    test.each(CASES)('%s', async (_, document, message) => {
      await table.sync([[{ _id: 0, a: 'x' }]]);
      const attempt = table.sync([[{ _id: 2, a: 'y' }, document]]);
      await expect(attempt).rejects.toThrow(expect.objectContaining({ code: 'DOCUMENT_BROKEN' }));
      await expect(attempt).rejects.toThrow(message);
    });
  });

  test('a column called __proto__ is a column', async () => {
    const document = new Map<string, unknown>([
      ['_id', 1],
      ['__proto__', 'x'],
      ['s', new Map([['__proto__', 'y']])],
    ]);
    await table.sync([[document as unknown as Document]]);
    await table.sync([[bytesOf({ _id: 2 })]]);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const path = table.files()[0]?.path;
    const result = await connection.runAndReadAll(
      `SELECT "__proto__", s::VARCHAR FROM read_parquet('${path}') ORDER BY _id`,
    );
    expect(result.getRows()).toEqual([
      ['x', expect.stringContaining('y')],
      [null, null],
    ]);
    connection.closeSync();
    instance.closeSync();
  });

  test('a field twice past the names that are kept goes to its column and to the JSON column', async () => {
    await table.sync([[bytesOf({ _id: 1, x: 1 })]]);
    const names = sequence(MOST_NAMES.level, (i) => element(BSON.int32, `k${i}`, int32(i)));
    const x = element(BSON.int32, 'x', int32(7));
    const id = element(BSON.int32, '_id', int32(2));
    expect((await table.sync([[documentOf([id, ...names, x, x])]])).counts).toMatchObject({ inserted: 1 });
    const row = (await rowsOf(table)).find(({ _id }) => _id === 2n);
    expect([row?.x, String(row?._extra).includes('"x":{"$numberInt":"7"}')]).toEqual([7n, true]);
  });

  describe('a section', () => {
    const documents = sequence(10, (i) => bytesOf({ _id: i }));
    const read = (section: ReturnType<typeof writeSection>) => Buffer.concat([...sectionBlocks([section])]);
    const corrupt = expect.objectContaining({ code: 'OBJECT_CORRUPT' });

    test('is read chunk by chunk', () => {
      const section = writeSection(table.folder, 0, documents, 3);
      expect(section.chunks).toHaveLength(4);
      expect(read(section).equals(Buffer.concat(documents))).toBe(true);
    });

    test('that is cut short is refused', () => {
      const section = writeSection(table.folder, 0, documents);
      writeFileSync(section.path, readFileSync(section.path).subarray(0, -5));
      expect(() => read(section)).toThrow(corrupt);
    });

    test('whose bytes changed is refused', () => {
      const section = writeSection(table.folder, 0, documents);
      const bytes = readFileSync(section.path);
      bytes[20] = (bytes[20] as number) ^ 0xff;
      writeFileSync(section.path, bytes);
      expect(() => read(section)).toThrow(corrupt);
    });

    test.each([[-1], [1]])('of %i bytes more than its index says is refused', (difference) => {
      const section = writeSection(table.folder, 0, documents);
      const chunks = section.chunks.map((chunk) => ({ ...chunk, rawLength: chunk.rawLength - difference }));
      expect(() => read({ ...section, chunks })).toThrow(corrupt);
    });
  });
});
