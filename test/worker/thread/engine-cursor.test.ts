import { Decimal128, type Document, Double, Long, ObjectId, Timestamp } from 'bson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CURSOR_TYPES, type CursorType } from '../../../src/shared/domain/cursor.ts';
import { ENGINES } from '../../../src/shared/domain/plan.ts';
import { type LocalTable, localTable } from './table.ts';

describe.each(ENGINES)('%s', (engine) => {
  let table: LocalTable;
  beforeEach(() => {
    table = localTable(engine);
  });
  afterEach(() => table.remove());

  const SECOND = 1_700_000_000;

  /** A value of each type at the n-th second. */
  const VALUES: Readonly<Record<CursorType, (n: number) => unknown>> = {
    date: (n) => new Date((SECOND + n) * 1000),
    timestamp: (n) => new Timestamp({ t: SECOND + n, i: 9 - n }),
    epochSeconds: (n) => SECOND + n,
    epochMilliseconds: (n) => Long.fromNumber((SECOND + n) * 1000),
    objectId: (n) => new ObjectId(`${(SECOND + n).toString(16)}${'0'.repeat(16)}`),
  };

  /** Which of the documents a dump leaves as the table has them: ids of the base whose row has the greater cursor. */
  async function kept(
    cursor: { field: string; type: CursorType },
    base: readonly unknown[],
    delta: readonly unknown[],
  ) {
    const place = (at: unknown): Document => (cursor.field === 'at' ? { at } : { meta: { at } });
    const documents = (v: string, values: readonly unknown[]) => values.map((at, _id) => ({ _id, v, ...place(at) }));
    await table.sync([documents('table', base)], { cursor });
    const { counts } = await table.sync([documents('delta', delta)], { cursor, keepNewer: true });
    expect(counts.superseded + counts.updated).toBe(base.length);
    return counts.superseded;
  }

  describe('a dump never replaces a row with a greater cursor', () => {
    test.each(CURSOR_TYPES.flatMap((type) => [[type, 'at'] as const, [type, 'meta.at'] as const]))(
      '%s in %s',
      async (type, field) => {
        const at = VALUES[type];
        // Greater, equal, smaller; a wrong type on either side; missing in the row, in the document.
        const base = [at(2), at(2), at(2), 'text', at(2), null, at(2)];
        const delta = [at(1), at(2), at(3), at(1), 'text', at(1), null];
        expect(await kept({ field, type }, base, delta)).toBe(3);
      },
    );

    test('epoch numbers of all types in one field, in seconds cut to one', async () => {
      const base = [
        new Double(SECOND + 1.5),
        Decimal128.fromString(`${SECOND + 1}.9`),
        Decimal128.fromString('1.7E+9'),
        Long.MAX_VALUE,
        new Double(Number.NaN),
        Decimal128.fromString('NaN'),
        new Double(SECOND + 0.9),
      ];
      const delta = Array(base.length).fill(SECOND) as number[];
      // The first two are a second later; the rest are the same second, or no time at all.
      expect(await kept({ field: 'at', type: 'epochSeconds' }, base, delta)).toBe(2);
    });

    test('an epoch number in a column of decimals that was configured once', async () => {
      const cursor = { field: 'at', type: 'epochSeconds' } as const;
      const rows = (v: string, values: readonly number[]) => values.map((at, _id) => ({ _id, v, at }));
      await table.sync([rows('table', [20, 20, 20])], {
        cursor,
        columns: { decimal: { at: { precision: 18, scale: 1 } } },
      });
      const { counts } = await table.sync([rows('delta', [5, 20, 21])], { cursor, keepNewer: true });
      expect(counts).toMatchObject({ superseded: 1, updated: 2 });
    });

    test('a date beyond the years of a timestamp column', async () => {
      const [far, farther] = [new Date('+010001-01-01T00:00:00Z'), new Date('+010002-01-01T00:00:00Z')];
      const base = [farther, new Date(0), far];
      expect(await kept({ field: 'at', type: 'date' }, base, [far, far, farther])).toBe(1);
    });

    test('a cursor that is the _id is the same on both sides', async () => {
      const _id = VALUES.objectId(1);
      const cursor = { field: '_id', type: 'objectId' } as const;
      await table.sync([[{ _id, v: 1 }]], { cursor });
      expect((await table.sync([[{ _id, v: 2 }]], { cursor, keepNewer: true })).counts.updated).toBe(1);
    });
  });

  describe('two readings of one id', () => {
    test.each(CURSOR_TYPES)('the greater %s wins, wherever it was read', async (type) => {
      const at = VALUES[type];
      const cursor = { field: 'at', type };
      await table.sync(
        [
          [
            { _id: 1, v: 'newer', at: at(2) },
            { _id: 1, v: 'older', at: at(1) },
            { _id: 1, v: 'no cursor', at: 'text' },
          ],
        ],
        { cursor },
      );
      const again = await table.sync([[{ _id: 1, v: 'newer', at: at(2) }]], { cursor });
      expect(again.counts.unchanged).toBe(1);
    });
  });
});
