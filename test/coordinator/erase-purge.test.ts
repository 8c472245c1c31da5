import { ObjectId, serialize } from 'bson';
import { parquetReadObjects } from 'hyparquet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../src/coordinator/checkpoint.ts';
import { readFiles } from '../../src/coordinator/files.ts';
import { readHistory } from '../../src/coordinator/history.ts';
import { openTable, readEntry, readVersion } from '../../src/coordinator/log.ts';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import { vacuumTable } from '../../src/coordinator/vacuum.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { blockHeader, pack } from '../../src/shared/packing.ts';
import { documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { erase } from './erase-house.ts';
import { MINUTE, made, NOW, restoreTo } from './restore-house.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const SNAPPY = { compression: 'snappy', partitions: 2 } as const;
const SMALL = { ...SNAPPY, targetFileSize: 1 } as const;
const PURGE = { purges: true } as const;
const CANARY = 'canary-5f0c';

let table: Harness;
beforeEach(() => {
  table = harness({ now: NOW });
});
afterEach(() => table.close());

/** Every object of the table in which the text is found, Parquet files decoded. */
async function holding(text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of table.storage.list('')) {
    const body = (await table.storage.get(key))?.body ?? Buffer.alloc(0);
    if (body.includes(text) || (await decoded(key, body)).includes(text)) found.push(key);
  }
  return found;
}

/** What a Parquet file holds, as JSON. */
async function decoded(key: string, body: Buffer): Promise<string> {
  if (!key.endsWith('.parquet')) return '';
  const read = async () => [...(await readCheckpoint(body, 0)).files.values()];
  const rows = key.startsWith('_delta_log/')
    ? await read()
    : await parquetReadObjects({ file: new Uint8Array(body).buffer });
  return JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

/** A document with a field twice, which can not be stored. */
const broken = (_id: number, text: string) =>
  documentOf([
    element(0x10, '_id', int32(_id)),
    element(0x02, 'a', Buffer.concat([int32(text.length + 1), Buffer.from(`${text}\0`)])),
    element(0x10, 'a', int32(2)),
  ]);

/** Versions 0 to 3: the document with the canary comes, another column comes, the document changes, one of its states is put aside. */
async function fourVersions(settings: object = SNAPPY): Promise<void> {
  table.collection.documents = Array.from({ length: 40 }, (_, id) => made(id + 1, -60, { name: `n${id}` }));
  table.collection.documents.push(made(777, -60, { name: CANARY }));
  await table.sync({}, settings);
  table.collection.now += 60 * MINUTE;
  table.collection.documents.push(made(50, 10, { other: 1 }));
  await table.sync({}, settings);
  table.collection.now += 60 * MINUTE;
  table.collection.documents.push(made(777, 70, { name: `${CANARY} again` }));
  await table.sync({}, settings);
  table.collection.documents.push(broken(777, CANARY), broken(8, 'fine'));
  await table.sync({}, { ...settings, checkpointInterval: 3 });
}

describe('erase --purge', () => {
  it('leaves neither the id nor its document in any object, and proves it', async () => {
    await fourVersions();
    const held = await holding(CANARY);
    expect(held.length).toBeGreaterThan(5);
    const { purged, run, notFound } = await erase(table, ['777'], PURGE, SNAPPY);
    expect(notFound).toEqual([]);
    expect(run).toMatchObject({ version: 4, counts: { deleted: 1 } });
    expect(purged).toMatchObject({ version: 5, givenUp: { from: 0, to: 4 } });
    expect(await holding(CANARY)).toEqual([]);
    expect(await holding('"777"')).toEqual([]);
    const proof = purged?.proof ?? [];
    expect(proof.every(({ gone }) => gone)).toBe(true);
    expect(proof.map(({ key }) => key)).toEqual(expect.arrayContaining(held));
    expect((await tableRows(table.storage)).size).toBe(41);
    expect((await table.keys('_mongolake/quarantine/')).length).toBe(2);
    expect(await table.keys('_mongolake/erased/')).toHaveLength(1);
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('keeps the numbers of the versions that it gives up, and says that these are gone', async () => {
    await fourVersions();
    // The store's time of an entry is not that of its commit.
    await table.storage.put(entryKey(0), (await table.storage.get(entryKey(0)))?.body ?? Buffer.alloc(0));
    await erase(table, ['777'], PURGE, SNAPPY);
    const entries = await readHistory(table.storage, 9);
    expect(entries.map(({ operation }) => operation)).toEqual(['PURGE', ...Array(5).fill('PURGED')]);
    expect(entries.at(-1)).toMatchObject({ version: 0, time: NOW, parameters: { version: '5' } });
    const refused = { code: 'VERSION_MISSING', message: expect.stringContaining('given up by the purge of version 5') };
    await expect(readFiles(table.storage, { kind: 'version', version: 2 })).rejects.toMatchObject(refused);
    await expect(readFiles(table.storage, { kind: 'at', time: NOW })).rejects.toMatchObject(refused);
    await expect(restoreTo(table, 4)).rejects.toMatchObject(refused);
    await expect(readFiles(table.storage, { kind: 'version', version: 9 })).rejects.toMatchObject({
      message: expect.stringContaining('those that can be read are 5 to 5'),
    });
    await expect(readVersion(table.storage, 3)).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    expect(await openTable(table.storage)).toMatchObject({ checkpointVersion: 5, notes: [] });
    expect(await readFiles(table.storage, { kind: 'newest' })).toMatchObject({ version: 5 });
  });

  it('goes on from there: syncs, restores, vacuums, and another purge', async () => {
    await fourVersions();
    await erase(table, ['777'], PURGE, SNAPPY);
    table.collection.documents.push(made(60, 121));
    expect(await table.sync({}, SNAPPY)).toMatchObject({ version: 6, counts: { inserted: 1 } });
    expect(await restoreTo(table, 5)).toMatchObject({ version: 7, rows: 41 });
    const vacuum = () => vacuumTable({ retention: SETTINGS.retention, leaseTtl: SETTINGS.leaseTtl }, table.runContext);
    expect((await vacuum()).objects).toEqual([]);
    const { purged } = await erase(table, ['777', '50'], PURGE, SNAPPY);
    expect(purged).toMatchObject({ version: 9, givenUp: { from: 0, to: 8 } });
    expect((await vacuum()).objects).toEqual([]);
    expect((await tableRows(table.storage)).size).toBe(40);
    table.collection.documents.push(made(61, 122));
    await table.sync({}, SNAPPY);
    table.collection.now += 2 * SETTINGS.retention;
    expect((await vacuum()).objects.length).toBeGreaterThan(0);
    await expect(readFiles(table.storage, { kind: 'version', version: 8 })).rejects.toMatchObject({
      message: expect.stringContaining('given up by the purge of version 9'),
    });
  });

  it('completes what was interrupted, wherever', async () => {
    await fourVersions();
    const { storage } = table;
    const real = { put: storage.put, delete: storage.delete };
    for (let calls = 1; ; calls++) {
      let left = calls;
      const counted = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
        return async (...args: A): Promise<R> => {
          if (--left < 0) throw new Error('cut off');
          return call(...args);
        };
      };
      Object.assign(storage, { put: counted(real.put), delete: counted(real.delete) });
      const done = await erase(table, ['777'], PURGE, SNAPPY).catch(() => undefined);
      Object.assign(storage, real);
      if (done === undefined) continue;
      expect(calls).toBeGreaterThan(5);
      expect(done.purged?.proof.every(({ gone }) => gone)).toBe(true);
      break;
    }
    expect(await holding(CANARY)).toEqual([]);
    expect((await tableRows(storage)).size).toBe(41);
  });

  it('lets no bound of a range tell the id: files are parted anew, or lose an empty one', async () => {
    table.collection.documents = Array.from({ length: 9000 }, (_, id) =>
      made(id + 1, -60, { text: `${id}`.repeat(20) }),
    );
    const settings = { ...SNAPPY, targetFileSize: 20_000, partitions: 1 };
    await table.sync({}, settings);
    const state = await openState(table.storage);
    const bounds = filesOf(state).flatMap(({ lower }) => (lower === null ? [] : [lower]));
    expect(bounds.length).toBeGreaterThan(1);
    const { purged } = await erase(table, bounds, PURGE, { ...settings, targetFileSize: 1e6 });
    expect(purged?.proof.filter(({ gone }) => !gone)).toEqual([]);
    const after = filesOf(await openState(table.storage));
    expect(after.map(({ lower }) => lower)).toEqual([null, ...bounds.map((bound) => String(Number(bound) + 1))]);
    expect(after.map(({ upper }) => upper)).toEqual([...after.slice(1).map(({ lower }) => lower), null]);
    expect((await readEntry(table.storage, purged?.version ?? 0))?.filter((action) => 'add' in action)).toHaveLength(
      after.length,
    );
    // Ids at the new bounds still have one home.
    table.collection.documents = bounds.map((bound) => made(Number(bound) + 1, 1));
    expect((await table.sync({}, settings)).counts).toMatchObject({ updated: bounds.length, inserted: 0 });
    expect((await tableRows(table.storage)).size).toBe(9000 - bounds.length);
  });

  it('of string ids, where a file has become empty', async () => {
    const ids = Array.from({ length: 9000 }, () => new ObjectId().toHexString());
    table.collection.documents = ids.map((hex) => ({
      _id: new ObjectId(hex),
      updateTime: new Date(NOW),
      t: hex.repeat(5),
    }));
    const settings = { ...SNAPPY, targetFileSize: 20_000, partitions: 1 };
    await table.sync({}, settings);
    const files = filesOf(await openState(table.storage));
    const [, second] = files;
    const own = ids.filter((hex) => hex >= (second?.lower ?? '') && hex < (second?.upper ?? '~'));
    expect(own.length).toBeGreaterThan(100);
    const { purged } = await erase(table, own, PURGE, settings);
    expect(purged?.proof.filter(({ gone }) => !gone)).toEqual([]);
    const after = filesOf(await openState(table.storage));
    expect(after.length).toBe(files.length - 1);
    expect(after.map(({ upper }) => upper)).toEqual([...after.slice(1).map(({ lower }) => lower), null]);
    expect((await tableRows(table.storage)).size).toBe(9000 - own.length);
  });

  it('clears what verifications and attempts have left, and tells where the ids were', async () => {
    await fourVersions();
    const { storage } = table;
    const packed = pack(Buffer.from(serialize({ _id: 777, name: CANARY })));
    const segment = '_mongolake/verifications/verify-1/segments/000000-a.bson.snappy';
    await storage.put(segment, Buffer.concat([blockHeader(packed.length), packed]));
    await storage.put('_mongolake/verifications/verify-1/plan.json', Buffer.from('{}'));
    const [file = ''] = (await table.keys('data/')).slice(-1);
    await storage.put('data/000000/gone-1.parquet', (await storage.get(file))?.body ?? Buffer.alloc(0));
    await storage.put('data/000000/broken-1.parquet', Buffer.from('PAR1'));
    const { purged } = await erase(table, ['777'], PURGE, SNAPPY);
    const told = new Map(purged?.proof.map(({ key, what }) => [key, what]));
    expect(told.get(segment)).toBe('staged by a run');
    expect(told.get('data/000000/broken-1.parquet')).toContain('can not be read');
    expect(told.has('_mongolake/verifications/verify-1/plan.json')).toBe(false);
    expect(await table.keys('_mongolake/verifications/')).toEqual([]);
    const live = filesOf(await openState(storage)).map(({ path }) => path);
    expect(await table.keys('data/')).toEqual(live.sort());
    expect(purged?.proof.every(({ gone }) => gone)).toBe(true);
  });

  it('deletes nothing that a run can have written which stands on its version', async () => {
    await fourVersions();
    const { storage } = table;
    const { putIfAbsent } = storage;
    const later = [
      'data/000001/later-a-0.parquet',
      '_mongolake/runs/later/plan.json',
      '_mongolake/quarantine/000099.json',
    ];
    Object.assign(storage, {
      async putIfAbsent(...args: Parameters<typeof putIfAbsent>) {
        const result = await putIfAbsent(...args);
        if (args[0] === entryKey(5)) for (const key of later) await storage.put(key, Buffer.from('{"documents":[]}'));
        return result;
      },
    });
    expect((await erase(table, ['777'], PURGE, SNAPPY)).purged).toMatchObject({ version: 5 });
    for (const key of later) expect(await storage.get(key)).toBeDefined();
  });

  it('says what it did not get rid of', async () => {
    await fourVersions();
    const { storage } = table;
    const real = storage.delete;
    // A store that keeps what it is told to delete.
    Object.assign(storage, { delete: async (keys: string[]) => real(keys.filter((key) => !key.startsWith('data/'))) });
    const { purged } = await erase(table, ['777'], PURGE, SNAPPY);
    Object.assign(storage, { delete: real });
    const left = purged?.proof.filter(({ gone }) => !gone) ?? [];
    expect(left.length).toBeGreaterThan(0);
    expect(left.every(({ key }) => key.startsWith('data/'))).toBe(true);
  });

  it.each(['duckdb', 'parquetjs'] as const)(
    'finds ids in files from when the table had another id type and other partitions, by %s',
    async (engine) => {
      const settings = { ...SNAPPY, engine };
      await fourVersions(settings);
      await table.repartition(settings, { idType: 'string', partitions: 4 });
      const { purged, run } = await erase(table, ['777'], PURGE, settings);
      expect(run.counts.deleted).toBe(1);
      const told = (purged?.proof ?? []).filter(({ key }) => key.startsWith('data/')).map(({ what }) => what);
      expect(told.length).toBeGreaterThanOrEqual(3);
      expect(told.every((what) => what.endsWith('1 of the ids'))).toBe(true);
      expect(await holding(CANARY)).toEqual([]);
    },
  );

  it('purges a table of the engine parquetjs', async () => {
    const portable = { ...SMALL, engine: 'parquetjs' } as const;
    await fourVersions(portable);
    const { purged } = await erase(table, ['777'], PURGE, portable);
    expect(purged?.proof.filter(({ gone }) => !gone)).toEqual([]);
    expect(await holding(CANARY)).toEqual([]);
    expect((await tableRows(table.storage)).size).toBe(41);
  });
});
