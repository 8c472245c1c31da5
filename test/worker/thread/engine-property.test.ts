import { type Document, Int32 } from 'bson';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import type { MergeCounts } from '../../../src/worker/thread/engine.ts';
import { int32, valueWith } from '../../shared/domain/arbitrary.ts';
import { rowsOf } from './inspect.ts';
import { type Fields, modelRow, type Row, widened } from './model.ts';
import { type LocalTable, localTable } from './table.ts';

/** How many tables are made, and how many documents they are given at least. MONGOLAKE_TEST_RUNS asks for more. */
const RUNS = Number(process.env.MONGOLAKE_TEST_RUNS ?? 30);
const DOCUMENTS = RUNS * 334;
const MINUTE = 60_000;
/** Printed with the test's name, also where it passes. */
const SEED = fc.readConfigureGlobal().seed ?? Math.floor(Math.random() * 2 ** 31);

/** hyparquet makes rows by assignment, where `__proto__` is no field. */
const names = fc.constantFrom(
  'a',
  'b',
  'c',
  'A',
  'a b',
  'a_b',
  '1',
  '$oid',
  'constructor',
  'ä',
  'x.y',
  'x,y',
  '',
  'rowid',
  '=seq',
  'filename',
);
const integers = int32.map((id) => new Int32(id.value % 50));
const mixed = fc.oneof(fc.constantFrom('x', 'y', 'true', '😀'), integers);
const cursor = fc.oneof(
  fc.integer({ min: 0, max: 5 }).map((ms) => new Date(ms)),
  fc.constant(null),
);

/** Two or three deltas, each of one or two extract jobs. A table of mixed ids sees a string first, or it would be one of integers. */
const deltas = fc.constantFrom(integers, mixed).chain((ids) => {
  const document: fc.Arbitrary<Fields> = fc
    .tuple(ids, cursor, fc.uniqueArray(fc.tuple(names, valueWith(names)), { maxLength: 5, selector: ([name]) => name }))
    .map(([id, updateTime, fields]) => new Map<string, unknown>([['_id', id], ...fields, ['updateTime', updateTime]]));
  const section = fc.array(document, { minLength: 80, maxLength: 160 });
  const first: Fields[] = ids === mixed ? [new Map([['_id', 'x']])] : [];
  return fc
    .array(fc.array(section, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 3 })
    .map(([head = [], ...rest]) => [[first, ...head], ...rest]);
});

/** What a table must hold, by plain JavaScript: id as MongoDB compares it → row. */
function model() {
  const rows = new Map<string, Row>();
  return {
    rows,
    take(documents: readonly Fields[], schema: Parameters<typeof modelRow>[1]) {
      const latest = new Map<string, { readonly time: number; readonly row: Row }>();
      for (const each of documents) {
        const row = modelRow(each, schema);
        const time = (each.get('updateTime') as Date | null)?.getTime() ?? -Infinity;
        const known = latest.get(String(row._id));
        if (known === undefined || time >= known.time) latest.set(String(row._id), { time, row });
      }
      const counts = { inserted: 0, updated: 0, unchanged: 0 };
      for (const [id, { row }] of latest) {
        const before = rows.get(id);
        if (before === undefined) counts.inserted++;
        else counts[same(widened(before, schema), row) ? 'unchanged' : 'updated']++;
        rows.set(id, row);
      }
      return { ...counts, read: documents.length, superseded: documents.length - latest.size, deleted: 0 };
    },
  };
}

function same(a: unknown, b: unknown): boolean {
  try {
    expect(a).toEqual(b);
    return true;
  } catch {
    return false;
  }
}

/** One delta into one table: the counts are the model's, and a file is written where something changed. */
async function syncAndCheck(
  table: LocalTable,
  sections: readonly (readonly Fields[])[],
  expected: ReturnType<typeof model>,
): Promise<MergeCounts> {
  const { counts, added } = await table.sync(sections as unknown as Document[][], { chunk: 2 });
  expect(counts).toEqual(expected.take(sections.flat(), table.schema()));
  expect(added.length > 0).toBe(counts.inserted + counts.updated > 0);
  return counts;
}

/** What is in a table by id, as hyparquet reads it. */
async function contentOf(table: LocalTable): Promise<ReadonlyMap<string, Row>> {
  const rows = (await rowsOf(table)).map((row) => widened(row, table.schema()));
  return new Map(rows.map((row) => [String(row._id), row]));
}

const TITLE = `both engines hold what the mapping says, over deltas of changing shapes (seed ${SEED})`;

test(TITLE, { timeout: RUNS * MINUTE }, async () => {
  let documents = 0;
  await fc.assert(
    fc.asyncProperty(deltas, async (given) => {
      const tables = ENGINES.map((engine) => ({ table: localTable(engine), expected: model() }));
      try {
        for (const sections of given) {
          const counts = [];
          for (const { table, expected } of tables) counts.push(await syncAndCheck(table, sections, expected));
          expect(counts[1]).toEqual(counts[0]);
          documents += sections.flat().length;
        }
        const contents = [];
        for (const { table, expected } of tables) {
          const content = await contentOf(table);
          expect(content).toEqual(new Map([...expected.rows].map(([id, row]) => [id, widened(row, table.schema())])));
          contents.push(content);
        }
        expect(contents[1]).toEqual(contents[0]);
      } finally {
        for (const { table } of tables) table.remove();
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  expect(documents).toBeGreaterThan(DOCUMENTS);
});
