import { afterEach, expect, test } from 'vitest';
import { runTable } from '../../src/coordinator/run.ts';
import type { Plan } from '../../src/shared/domain/plan.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness, SETTINGS, silent } from './table-harness.ts';

const NOW = Date.UTC(2026, 0, 1);

let table: Harness | undefined;
afterEach(() => table?.close());

/** A table, and the plans of its runs. */
function planned() {
  const plans: Plan[] = [];
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    putIfAbsent(key, body, writerId) {
      if (key.endsWith('/plan.json')) plans.push(JSON.parse(body.toString()) as Plan);
      return storage.putIfAbsent(key, body, writerId);
    },
  });
  table = harness({ now: NOW, wrap });
  table.collection.documents = [{ _id: 1, updateTime: new Date(NOW - 1000) }];
  table.collection.ranges = 3;
  return { table, plans };
}

test('the limits of reading are in the plan, and every range is read under them', async () => {
  const { table, plans } = planned();
  const read: number[] = [];
  table.collection.onRead = () => read.push(read.length);
  const result = await table.sync({}, { maxConcurrentReads: 2, documentsPerSecond: 3000 });
  expect(plans[0]?.limits).toEqual({ jobsAtOnce: 2, documentsPerSecond: 1500 });
  expect(read).toHaveLength(3);
  expect(result.counts).toMatchObject({ read: 3, inserted: 1 });
});

test('without settings there are none', async () => {
  const { table, plans } = planned();
  await table.sync();
  expect(plans[0]).not.toHaveProperty('limits');
});

test('a retry reads the table’s own list as fast as it can', async () => {
  const { table, plans } = planned();
  table.collection.documents.push(Buffer.from('080000000a5f696400'.padEnd(16, '0'), 'hex'));
  await table.sync({}, { maxConcurrentReads: 1 });
  await table.sync({ mode: 'retry' }, { maxConcurrentReads: 1 });
  expect(plans.map(({ reads, limits }) => [reads, limits])).toEqual([
    ['source', { jobsAtOnce: 1 }],
    ['quarantine', undefined],
  ]);
});

test.each([
  [undefined, false],
  [{ hash: ['guest.email'] }, false],
  [{ hash: ['_id'] }, true],
])('ranges of a table with the policy %j may tell no ids: %s', async (columns, hides) => {
  const { table } = planned();
  const asked: unknown[] = [];
  const warnings: string[] = [];
  const context = {
    ...table.runContext,
    source: {
      ...table.runContext.source,
      ranges: async (...[scope, how]: Parameters<typeof table.runContext.source.ranges>) => {
        asked.push(how?.hidesIds);
        how?.warn?.('the whole collection is read as one range');
        throw new Error(`no ranges of ${scope.kind}`);
      },
    },
    logger: { ...silent, child: () => ({ ...silent, warn: (message: string) => void warnings.push(message) }) },
  };
  const request = { pipeline: 'guest', collection: 'notifications', mode: 'sync', from: null, to: null } as const;
  const more = { overwrite: false, replace: false, settings: SETTINGS, columns };
  await expect(runTable({ ...request, ...more }, context)).rejects.toThrow('no ranges of full');
  expect(asked).toEqual([hides]);
  expect(warnings).toContain('the whole collection is read as one range');
});
