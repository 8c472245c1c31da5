import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Binary, Code, Decimal128, type Document, Double, Long, MinKey, ObjectId, Timestamp, UUID } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findElement } from '../../../src/shared/domain/bson.ts';
import { partitionOf } from '../../../src/shared/domain/hash.ts';
import { idHash, idText, mainClass } from '../../../src/shared/domain/ids.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import type { RewriteTask, RewrittenFile } from '../../../src/worker/thread/engine.ts';
import { rewrite } from '../../../src/worker/thread/task.ts';
import { rowsOf } from './inspect.ts';
import type { Row } from './model.ts';
import { bson, type HeldFile, type LocalTable, localTable } from './table.ts';

/** Ids of every class, and texts that look like another one. */
const MIXED: readonly unknown[] = [
  ...Array.from({ length: 40 }, (_, i) => new ObjectId(Buffer.alloc(12, i))),
  ...Array.from({ length: 20 }, (_, i) => `text ${i}`),
  ...Array.from({ length: 10 }, (_, i) => new UUID(Buffer.alloc(16, i))),
  ...Array.from({ length: 10 }, (_, i) => Long.fromNumber(i - 5)),
  ...Array.from({ length: 10 }, (_, i) => new Date(i)),
  ...['\ufeff', '\ufeffmark', 'NUL \0 within', '{"$oid":"000000000000000000000000"}', '"quoted"', 'null', '😀', ''],
  new Double(0.5),
  Decimal128.fromString('1E+6000'),
  new Binary(Buffer.from('abc'), 5),
  new Timestamp({ t: 1, i: 2 }),
  new Code('f()'),
  new MinKey(),
  true,
  null,
  { a: 1, b: 'x' },
];

/** The partition of a document, by the bytes of its `_id` as the extract has it. */
function placeOf(document: Document, partitions: number): number {
  const bytes = bson(document);
  const id = findElement(bytes, 0, ['_id']);
  if (id === undefined) throw new Error('a document without _id');
  return partitionOf(idHash(bytes, id.type, id.at, id.end), partitions);
}

function textOf(document: Document, { idType }: TableSchema): string {
  const bytes = bson(document);
  const id = findElement(bytes, 0, ['_id']);
  if (id === undefined) throw new Error('a document without _id');
  return idText(bytes, id.type, id.at, id.end, mainClass(idType));
}

describe.each(ENGINES)('%s', (engine) => {
  let tables: LocalTable[];
  let rewrites = 0;
  beforeEach(() => {
    tables = [];
  });
  afterEach(() => {
    for (const table of tables) table.remove();
  });

  async function loaded(documents: readonly Document[], write = {}): Promise<LocalTable> {
    const table = localTable(engine);
    tables.push(table);
    await table.sync([documents], { write });
    return table;
  }

  /** Rewrites files of the table; partition → its rows. Of each partition the invariants are held. */
  async function rewritten(
    table: LocalTable,
    task: Pick<RewriteTask, 'into'> & Partial<RewriteTask>,
  ): Promise<ReadonlyMap<number, readonly Row[]>> {
    const schema = task.schema ?? table.schema();
    const scratch = join(table.folder, `rewrite-${rewrites++}`);
    mkdirSync(scratch);
    const { added, rows } = await rewrite({
      kind: 'rewrite',
      engine,
      scratch,
      memoryBytes: 256e6,
      schema,
      oldIdType: table.schema().idType,
      base: table.files(),
      write: { targetFileSize: 10_000, rowGroupSize: 2048, compression: 'snappy', compressionLevel: 1 },
      ...task,
    });
    const partitions = new Map<number, Row[]>();
    for (const partition of new Set(added.map((file) => file.partition)))
      partitions.set(
        partition,
        await rowsOf({ ...table, files: () => filesOf(added, partition), schema: () => schema }),
      );
    expect([...partitions.values()].flat()).toHaveLength(rows);
    return partitions;
  }

  const filesOf = (files: readonly RewrittenFile[], partition: number): readonly HeldFile[] =>
    files.filter((file) => file.partition === partition);

  /** Partition → ids of its documents, in order, as the extract places them. */
  function places(documents: readonly Document[], schema: TableSchema, partitions: number): Map<number, string[]> {
    const expected = new Map<number, string[]>();
    for (const document of documents) {
      const partition = placeOf(document, partitions);
      expected.set(partition, [...(expected.get(partition) ?? []), textOf(document, schema)]);
    }
    for (const ids of expected.values()) ids.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return expected;
  }

  const idsOf = (partitions: ReadonlyMap<number, readonly Row[]>) =>
    new Map([...partitions].map(([partition, rows]) => [partition, rows.map(({ _id }) => _id)]));

  test('every id of a partition goes where the extract would place it, whatever its type', async () => {
    const documents = MIXED.map((_id, n) => ({ _id, n }));
    const table = await loaded(documents);
    const partitions = await rewritten(table, { into: { partitions: [0, 1, 2, 3], of: 4 } });
    expect(partitions.size).toBe(4);
    expect(idsOf(partitions)).toEqual(places(documents, table.schema(), 4));
  });

  test('integers stay integers, or become text on the way', async () => {
    const documents = [-7, 0, 1, 2, 10, Long.MAX_VALUE, Long.MIN_VALUE].map((_id, n) => ({ _id, n }));
    const table = await loaded(documents);
    const into = { partitions: [0, 1, 2, 3], of: 4 };
    const numbers = await rewritten(table, { into });
    const texts = await rewritten(table, { into, schema: { ...table.schema(), idType: 'string:long' } });
    for (const [partition, rows] of numbers) {
      expect(new Set(rows.map(({ _id }) => String(_id)))).toEqual(new Set(texts.get(partition)?.map(({ _id }) => _id)));
      for (const { n } of rows) expect(placeOf(documents[Number(n)] as Document, 4)).toBe(partition);
    }
    expect([...numbers.values()].flat()).toHaveLength(documents.length);
  });

  test('a partition to which no id goes has no file', async () => {
    const table = await loaded([{ _id: 1 }]);
    const partitions = await rewritten(table, { into: { partitions: [0, 1, 2, 3], of: 4 } });
    expect([...partitions.keys()]).toEqual([placeOf({ _id: 1 }, 4)]);
  });

  test('files of several partitions become one, whose ranges tile the ids anew', async () => {
    const noise = (i: number) => `${Math.imul(i, 2654435761)}`.repeat(5);
    const documents = Array.from({ length: 9000 }, (_, i) => ({ _id: `id ${i}`, noise: noise(i) }));
    const small = { targetFileSize: 10_000, rowGroupSize: 2048 };
    const table = await loaded(documents, small);
    const halves = [0, 1].map((half) => documents.filter((document) => placeOf(document, 2) === half));
    const parts = await Promise.all(halves.map((half) => loaded(half, small)));
    const base = parts.flatMap((part) => part.files());
    expect(base.length).toBeGreaterThan(3);
    const partitions = await rewritten(table, { base, into: { partitions: [0], of: 1 } });
    expect(idsOf(partitions)).toEqual(places(documents, table.schema(), 1));
  });

  test('more than memory holds is parted on disk', { timeout: 300_000 }, async () => {
    const text = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`.repeat(20);
    const documents = Array.from({ length: 20_000 }, (_, i) => ({ _id: `id ${i}`, text: text(i) }));
    const table = await loaded(documents);
    const memoryBytes = engine === 'duckdb' ? 64e6 : 8e6;
    const partitions = await rewritten(table, { memoryBytes, into: { partitions: [0, 1], of: 2 } });
    expect(idsOf(partitions)).toEqual(places(documents, table.schema(), 2));
  });

  test('a rewrite that is told to stop stops', async () => {
    const documents = Array.from({ length: 30_000 }, (_, i) => ({ _id: `id ${i}`, n: i }));
    const table = await loaded(documents);
    const controller = new AbortController();
    const scratch = join(table.folder, 'stopped');
    mkdirSync(scratch);
    const stopped = rewrite(
      {
        kind: 'rewrite',
        engine,
        scratch,
        memoryBytes: 256e6,
        schema: table.schema(),
        oldIdType: table.schema().idType,
        base: table.files(),
        into: { partitions: [0, 1], of: 2 },
        write: { targetFileSize: 1e6, rowGroupSize: 2048, compression: 'snappy', compressionLevel: 1 },
      },
      controller.signal,
    );
    controller.abort(new Error('told to stop'));
    await expect(stopped).rejects.toThrow('told to stop');
  });
});
