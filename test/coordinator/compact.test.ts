import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { afterEach, describe, expect, it } from 'vitest';
import { openState, type TableState } from '../../src/coordinator/table.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { fileStorage } from '../../src/shared/adapters/storage-file.ts';
import type { EngineName } from '../../src/shared/domain/plan.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { awayTable } from './away-table.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';
import { DAY, vacuumHouse } from './vacuum-house.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
const COUNT = 16_000;
const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`.repeat(3);
const documents = (count = COUNT) =>
  Array.from({ length: count }, (_, n) => ({ _id: `id ${n}`, n, noise: noise(n), updateTime: at(-60) }));
/** hyparquet reads no ZSTD without help. */
const SNAPPY = { compression: 'snappy', partitions: 2 } as const;
const SMALL = { ...SNAPPY, targetFileSize: 20_000, rowGroupSize: 512 } as const;
const LARGE = { ...SNAPPY, targetFileSize: 500_000 } as const;

let table: Harness;
const folders: string[] = [];
afterEach(async () => {
  await table.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A table on a disk. */
function onDisk(wrap: (storage: Storage) => Storage = (storage) => storage): Harness {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-compact-'));
  folders.push(folder);
  return harness({ now: NOW, wrap: () => wrap(fileStorage(folder, systemClock())) });
}

async function loaded(engine: EngineName = 'duckdb'): Promise<void> {
  table = onDisk();
  table.collection.documents = documents();
  await table.sync({}, { ...SMALL, engine });
}

async function state(): Promise<TableState> {
  return (await openState(table.storage)) as TableState;
}

async function fileCount(): Promise<number> {
  return [...(await state()).files.values()].flat().length;
}

/** Partition → its rows in the order of files and rows. Holds that ranges tile. */
async function rows(): Promise<ReadonlyMap<number, readonly Record<string, unknown>[]>> {
  const all = new Map<number, readonly Record<string, unknown>[]>();
  for (const [partition, files] of (await state()).files) {
    const own: Record<string, unknown>[] = [];
    expect([files[0]?.lower, files.at(-1)?.upper]).toEqual([null, null]);
    for (const [i, { path, lower, rows: count }] of files.entries()) {
      if (i > 0) expect(lower).toBe(files[i - 1]?.upper);
      const { body } = (await table.storage.get(path)) as { body: Buffer };
      const found = await parquetReadObjects({ file: new Uint8Array(body).buffer as ArrayBuffer });
      expect(found).toHaveLength(count);
      own.push(...found);
    }
    all.set(partition, own);
  }
  return all;
}

describe.each(['duckdb', 'parquetjs'] as const)('a table of %s', (engine) => {
  it('has its small files become fewer in one version, with the same rows in the same order', async () => {
    await loaded(engine);
    const [before, was, files] = [await rows(), await state(), await fileCount()];
    expect(files).toBeGreaterThanOrEqual(8);
    const result = await table.compact(LARGE);
    expect(result).toMatchObject({
      version: 1,
      counts: { read: 0, inserted: 0, updated: 0, deleted: 0, unchanged: 0 },
      partitionsTouched: 2,
      filesRemoved: files,
      watermark: was.watermark,
    });
    expect(result.filesAdded).toBeLessThan(files / 2);
    expect(await fileCount()).toBe(result.filesAdded);
    expect(await rows()).toEqual(before);
    const { files: _f, snapshot: _s, version: _v, checkpointVersion: _c, ...now } = await state();
    expect(was).toMatchObject(now);
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('has nothing to compact after that, and a sync goes on with what is there', async () => {
    await loaded(engine);
    await table.compact(LARGE);
    const keys = await table.keys('');
    expect(await table.compact(LARGE)).toMatchObject({ version: null, filesAdded: 0, filesRemoved: 0 });
    expect(await table.keys('')).toEqual(keys);
    expect(await table.sync({ mode: 'backfill' }, LARGE)).toMatchObject({
      version: null,
      counts: { read: COUNT, unchanged: COUNT },
    });
    table.collection.documents[7] = { _id: 'id 7', n: -7, noise: '', updateTime: at(0) };
    table.collection.documents.push({ _id: 'new', n: COUNT, noise: '', updateTime: at(0) });
    table.collection.now += MINUTE;
    expect(await table.sync({}, LARGE)).toMatchObject({ version: 2, counts: { inserted: 1, updated: 1 } });
    const found = [...(await rows()).values()].flat();
    expect(found).toHaveLength(COUNT + 1);
    expect(found.find(({ _id }) => _id === 'id 7')).toMatchObject({ n: -7n });
  });

  it('keeps its rows, whatever the sizes of its files and the target', async () => {
    await loaded(engine);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 50_000, max: 900_000 }), async (targetFileSize) => {
        const [before, files] = [await rows(), (await state()).files];
        await table.compact({ ...SNAPPY, targetFileSize });
        expect(await rows()).toEqual(before);
        // The large ones carry over by reference.
        const now = new Set([...(await state()).files.values()].flat().map(({ path }) => path));
        for (const { path, size } of [...files.values()].flat())
          if (size >= targetFileSize / 2) expect(now).toContain(path);
      }),
      { numRuns: 6 },
    );
  });

  it('loses the files of a partition of which no row is left, and keeps the range of those within one that has some', async () => {
    await loaded(engine);
    const ids = new Map([...(await rows())].map(([partition, own]) => [partition, own.map(({ _id }) => String(_id))]));
    const first = (await state()).files.get(0) ?? [];
    const upper = first[1]?.upper as string;
    // All of partition 1, and what the first two files of partition 0 hold.
    const gone = new Set([...(ids.get(1) ?? []), ...(ids.get(0) ?? []).filter((id) => id < upper)]);
    table.collection.documents = table.collection.documents.map((document) =>
      !Buffer.isBuffer(document) && gone.has(String(document._id))
        ? { ...document, deletedAt: at(0), updateTime: at(0) }
        : document,
    );
    table.collection.now += MINUTE;
    const deletes = { deletes: 'soft' } as const;
    await table.sync({}, { ...SMALL, ...deletes, engine });
    const own = (await state()).files.get(0) ?? [];
    expect(own.slice(0, 2).map(({ rows: count }) => count)).toEqual([0, 0]);
    const before = await rows();
    expect(await table.compact({ ...LARGE, ...deletes })).toMatchObject({ version: 2 });
    const after = await rows();
    expect([...after.keys()]).toEqual([0]);
    expect(after.get(0)).toEqual(before.get(0));
    expect((await state()).files.get(0)?.length).toBeLessThan(own.length);
  });
});

it('says in the entry what it did, and that no row changed by it', async () => {
  await loaded();
  await table.compact(LARGE);
  const entry = await table.entry(1);
  expect(entry[0]).toMatchObject({
    commitInfo: { operation: 'COMPACT', operationParameters: { targetFileSize: '500000' } },
  });
  const files = entry.flatMap(({ add, remove }) => [add ?? [], remove ?? []].flat()) as { dataChange: boolean }[];
  expect(files.length).toBeGreaterThanOrEqual(10);
  expect(files.every(({ dataChange }) => !dataChange)).toBe(true);
  const [first] = await table.entry(0);
  expect(first).toMatchObject({ commitInfo: { operation: 'BACKFILL' } });
  const added = (await table.entry(0)).flatMap(({ add }) => add ?? []) as { dataChange: boolean }[];
  expect(added.every(({ dataChange }) => dataChange)).toBe(true);
});

it('of a table with one file each, or without a table, changes nothing', async () => {
  table = onDisk();
  await expect(table.compact(LARGE)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
  expect(await table.keys('')).toEqual([]);
  table.collection.documents = documents(50);
  await table.sync({}, LARGE);
  expect(await table.compact(LARGE)).toMatchObject({ version: null, filesAdded: 0 });
  expect((await state()).version).toBe(0);
});

it('leaves the old files to the versions before it, until a vacuum takes them', async () => {
  const house = vacuumHouse();
  table = house;
  table.collection.documents = documents();
  await table.sync({}, SMALL);
  table.collection.now += DAY;
  await table.compact(LARGE);
  const before = await house.filesOf(0);
  expect(await house.readable()).toEqual([0, 1]);
  table.collection.now += 6 * DAY;
  expect((await house.vacuum(7 * DAY)).objects).toEqual([]);
  table.collection.now += 2 * DAY;
  const { objects } = await house.vacuum(7 * DAY);
  expect(objects.map(({ key }) => key).sort()).toEqual(before);
  expect(await house.readable()).toEqual([1]);
  expect([...(await rows()).values()].flat()).toHaveLength(COUNT);
});

describe('faults', () => {
  /** Forges the receipts of merges that read no document. */
  const forging =
    (forge: (added: Record<string, unknown>[]) => Record<string, unknown>[]) =>
    (storage: Storage): Storage => ({
      ...storage,
      putIfAbsent: (key, body, writerId) => {
        const receipt = key.includes('/merge-') ? JSON.parse(unsealed(body)) : undefined;
        if (receipt?.counts.read !== 0) return storage.putIfAbsent(key, body, writerId);
        const forged = { ...receipt, added: forge(receipt.added) };
        return storage.putIfAbsent(key, Buffer.from(JSON.stringify(forged)), writerId);
      },
    });

  it.each<[string, (added: Record<string, unknown>[]) => Record<string, unknown>[]]>([
    ['a row that is lost', (added) => added.map((file) => ({ ...file, rows: Number(file.rows) - 1 }))],
    ['a file of another partition', (added) => added.map((file) => ({ ...file, partition: 1 }))],
    ['a file that owns too little', (added) => added.map((file) => ({ ...file, upper: 'id 1' }))],
    ['a file that owns too much', (added) => added.map((file) => ({ ...file, lower: null, upper: null }))],
    ['a file too many', (added) => [...added, { ...added[0], rows: 0 }]],
    ['a file that is missing', (added) => added.slice(1).map((file) => ({ ...file, rows: 8000 }))],
  ])('%s stops it before its commit', async (_, forge) => {
    table = onDisk(forging(forge));
    table.collection.documents = documents();
    await table.sync({}, SMALL);
    await expect(table.compact({ ...LARGE, targetFileSize: 250_000 })).rejects.toMatchObject({
      code: 'BOOKS_UNBALANCED',
    });
    expect(await state()).toMatchObject({ version: 0 });
  });
});

describe('one that was interrupted', () => {
  async function interrupted(): Promise<void> {
    const away = awayTable(NOW);
    table = away.table;
    table.collection.documents = documents();
    await table.sync({}, { ...SMALL, partitions: 1 });
    await away.keptFrom('receipts/merge', () => table.compact(LARGE));
    expect(await state()).toMatchObject({ version: 0 });
  }

  it('is finished by the next, and is its answer', async () => {
    await interrupted();
    const before = await rows();
    expect(await table.compact(LARGE)).toMatchObject({ version: 1 });
    expect(await rows()).toEqual(before);
  });

  it('is finished by a sync, as it was planned, whatever the target is now', async () => {
    await interrupted();
    table.collection.documents.push({ _id: 'new', n: COUNT, noise: '', updateTime: at(0) });
    table.collection.now += MINUTE;
    expect(await table.sync({}, SMALL)).toMatchObject({ version: 2, counts: { inserted: 1 } });
    expect((await table.entry(1))[0]).toMatchObject({ commitInfo: { operation: 'COMPACT' } });
    expect([...(await rows()).values()].flat()).toHaveLength(COUNT + 1);
  });

  it('is finished first where another target is asked for', async () => {
    await interrupted();
    expect(await table.compact({ ...SNAPPY, targetFileSize: 5_000_000 })).toMatchObject({ version: 2 });
    expect(await fileCount()).toBe(1);
  });

  it('is given up where the table is to be replaced', async () => {
    await interrupted();
    expect(await table.sync({ mode: 'backfill', replace: true }, LARGE)).toMatchObject({ version: 1 });
    expect((await table.entry(1))[0]).toMatchObject({ commitInfo: { operation: 'REPLACE' } });
  });
});
