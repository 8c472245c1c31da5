import { Long, ObjectId } from 'bson';
import { parquetReadObjects } from 'hyparquet';
import { afterEach, describe, expect, it } from 'vitest';
import { openState, type TableState } from '../../src/coordinator/table.ts';
import type { EngineName } from '../../src/shared/domain/plan.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { awayTable } from './away-table.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
/** hyparquet reads no ZSTD without help. */
const SNAPPY = { compression: 'snappy' } as const;
const COUNT = 300;
const documents = () =>
  Array.from({ length: COUNT }, (_, n) => ({
    _id: n % 3 === 0 ? `id ${n}` : new ObjectId(n.toString(16).padStart(24, '0')),
    n,
    updateTime: at(-60),
  }));

let table: Harness;
afterEach(() => table.close());

async function loaded(
  partitions: number,
  options: { readonly wrap?: (storage: Storage) => Storage; readonly engine?: EngineName } = {},
): Promise<void> {
  const { engine = 'duckdb', ...rest } = options;
  table = harness({ now: NOW, ...rest });
  table.collection.documents = documents();
  await table.sync({}, { ...SNAPPY, partitions, engine });
}

async function state(): Promise<TableState> {
  return (await openState(table.storage)) as TableState;
}

/** Partition → the `n` of its rows. */
async function rows(): Promise<Map<number, number[]>> {
  const all = new Map<number, number[]>();
  for (const [partition, files] of (await state()).files) {
    for (const { path } of files) {
      expect(path).toMatch(new RegExp(`^data/0*${partition}/`));
      const { body } = (await table.storage.get(path)) as { body: Buffer };
      const found = await parquetReadObjects({ file: new Uint8Array(body).buffer as ArrayBuffer });
      all.set(partition, [...(all.get(partition) ?? []), ...found.map(({ n }) => Number(n))]);
    }
  }
  return all;
}

const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

describe.each(['duckdb', 'parquetjs'] as const)('a table of %s', (engine) => {
  it('that is doubled has each partition split in two, in one version', async () => {
    await loaded(4, { engine });
    const [before, was] = [await rows(), await state()];
    expect(await table.repartition(SNAPPY, { partitions: 8 })).toMatchObject({
      version: 1,
      counts: { read: 0, inserted: 0, updated: 0, unchanged: 0 },
      partitionsTouched: 4,
      filesAdded: 8,
      filesRemoved: 4,
      watermark: was.watermark,
    });
    const after = await rows();
    expect([...after.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const [partition, own] of before)
      expect(sorted([...(after.get(partition) ?? []), ...(after.get(partition + 4) ?? [])])).toEqual(sorted(own));
    const now = await state();
    expect(now).toMatchObject({ partitions: 8, schema: was.schema, watermark: was.watermark, engine });
    expect(now.snapshot.metadata).toEqual({
      ...was.snapshot.metadata,
      configuration: { ...was.snapshot.metadata.configuration, 'mongolake.partitions': '8' },
    });
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('that is halved has partitions joined, and comes out as one that was loaded so', async () => {
    await loaded(8, { engine });
    const before = await rows();
    expect(await table.repartition(SNAPPY, { partitions: 2 })).toMatchObject({
      version: 1,
      partitionsTouched: 2,
      filesAdded: 2,
      filesRemoved: 8,
    });
    const after = await rows();
    for (const [partition, own] of after) {
      const joined = [...before].filter(([old]) => old % 2 === partition).flatMap(([, numbers]) => numbers);
      expect(sorted(own)).toEqual(sorted(joined));
    }
    await table.close();
    await loaded(2, { engine });
    expect(await rows()).toEqual(after);
  });
});

it('a sync after it finds every row in its new partition: nothing is new, one row per id', async () => {
  await loaded(2);
  await table.repartition(SNAPPY, { partitions: 16 });
  // What the configuration says of a table that is there does not count.
  expect(await table.sync({ mode: 'backfill' }, { ...SNAPPY, partitions: 64 })).toMatchObject({
    version: null,
    counts: { read: COUNT, unchanged: COUNT },
  });
  table.collection.documents.push({ _id: 'new', n: 1000, updateTime: at(0) });
  table.collection.now += MINUTE;
  expect(await table.sync({}, SNAPPY)).toMatchObject({ version: 2, counts: { inserted: 1 } });
  expect((await state()).partitions).toBe(16);
  expect(sorted([...(await rows()).values()].flat())).toEqual([...Array(COUNT).keys(), 1000]);
});

it('both at once: integers become text, and partitions are split by the same hash', async () => {
  table = harness({ now: NOW });
  table.collection.documents = Array.from({ length: 50 }, (_, n) => ({
    _id: Long.fromNumber(n - 25),
    n,
    updateTime: at(-60),
  }));
  await table.sync({}, SNAPPY);
  await table.repartition(SNAPPY, { idType: 'string', partitions: 4 });
  expect(await state()).toMatchObject({ partitions: 4, schema: { idType: 'string:long' } });
  expect((await table.entry(1))[0]).toMatchObject({
    commitInfo: { operation: 'REPARTITION', operationParameters: { idType: 'string:long', partitions: '4' } },
  });
  expect(await table.sync({ mode: 'backfill' }, SNAPPY)).toMatchObject({ version: null, counts: { unchanged: 50 } });
});

it('of a table that has as many already changes nothing', async () => {
  await loaded(2);
  const keys = await table.keys('');
  expect(await table.repartition(SNAPPY, { partitions: 2 })).toMatchObject({ version: null, filesAdded: 0 });
  expect(await table.keys('')).toEqual(keys);
});

describe('faults', () => {
  /** Forges the receipts of merges that read no document. */
  const forging =
    (forge: (file: Record<string, unknown>) => Record<string, unknown>) =>
    (storage: Storage): Storage => ({
      ...storage,
      putIfAbsent: (key, body, writerId) => {
        const receipt = key.includes('/merge-') ? JSON.parse(unsealed(body)) : undefined;
        if (receipt?.counts.read !== 0) return storage.putIfAbsent(key, body, writerId);
        const added = receipt.added.map(forge);
        return storage.putIfAbsent(key, Buffer.from(JSON.stringify({ ...receipt, added })), writerId);
      },
    });

  it.each([
    ['a row that is lost', (file: Record<string, unknown>) => ({ ...file, rows: Number(file.rows) - 1 })],
    [
      'a file of a partition of another group',
      (file: Record<string, unknown>) => ({ ...file, partition: Number(file.partition) ^ 1 }),
    ],
    ['a file that says no partition', ({ partition: _, ...file }: Record<string, unknown>) => file],
  ])('%s stops it before its commit', async (_, forge) => {
    await loaded(2, { wrap: forging(forge) });
    await expect(table.repartition(SNAPPY, { partitions: 4 })).rejects.toMatchObject({ code: 'BOOKS_UNBALANCED' });
    expect(await state()).toMatchObject({ version: 0, partitions: 2 });
  });
});

describe('one that was interrupted', () => {
  async function interrupted(partitions: number): Promise<void> {
    const away = awayTable(NOW);
    table = away.table;
    table.collection.documents = documents();
    await table.sync({}, { ...SNAPPY, partitions: 1 });
    await away.keptFrom('receipts/merge', () => table.repartition(SNAPPY, { partitions }));
    expect(await state()).toMatchObject({ version: 0, partitions: 1 });
  }

  it('is finished by the next, and is its answer where it asks for the same', async () => {
    await interrupted(4);
    expect(await table.repartition(SNAPPY, { partitions: 4 })).toMatchObject({ version: 1, filesAdded: 4 });
    expect(await state()).toMatchObject({ version: 1, partitions: 4 });
  });

  it('is finished first where something else is asked for', async () => {
    await interrupted(4);
    expect(await table.repartition(SNAPPY, { partitions: 2 })).toMatchObject({ version: 2, filesAdded: 6 });
    expect(await state()).toMatchObject({ version: 2, partitions: 2 });
    expect(sorted([...(await rows()).values()].flat())).toEqual([...Array(COUNT).keys()]);
  });

  it('is finished by a sync, which then reads into the new partitions', async () => {
    await interrupted(8);
    table.collection.documents.push({ _id: 'new', n: 1000, updateTime: at(0) });
    table.collection.now += MINUTE;
    expect(await table.sync({}, SNAPPY)).toMatchObject({ version: 2, counts: { inserted: 1 } });
    expect(await state()).toMatchObject({ version: 2, partitions: 8 });
  });
});
