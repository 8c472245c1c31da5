import { type Document, Int32 } from 'bson';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { int32, valueWith } from '../../shared/domain/arbitrary.ts';
import { rowsOf } from './inspect.ts';
import { type Fields, modelRow, type Row, widened } from './model.ts';
import { localTable } from './table.ts';

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
  '',
  'rowid',
  '=seq',
  'filename',
);
const integers = int32.map((id) => new Int32(id.value % 5));
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
  const section = fc.array(document, { minLength: 1, maxLength: 5 });
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

test('rows read back are what the mapping says, over deltas of changing shapes', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(deltas, async (given) => {
      const table = localTable('duckdb');
      const expected = model();
      try {
        for (const sections of given) {
          const outcome = await table.sync(sections as unknown as Document[][], { chunk: 2 });
          expect(outcome.counts).toEqual(expected.take(sections.flat(), table.schema()));
          const changed = outcome.counts.inserted + outcome.counts.updated > 0;
          expect(outcome.added.length > 0).toBe(changed);
        }
        const rows = (await rowsOf(table)).map((row) => widened(row, table.schema()));
        const byId = new Map(rows.map((row) => [String(row._id), row]));
        const wanted = new Map([...expected.rows].map(([id, row]) => [id, widened(row, table.schema())]));
        expect(byId).toEqual(wanted);
      } finally {
        table.remove();
      }
    }),
    { numRuns: 60 },
  );
});
