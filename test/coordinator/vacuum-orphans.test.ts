import { afterEach, describe, expect, it } from 'vitest';
import { jsonBody } from '../../src/shared/documents.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import {
  dataKey,
  LEASE_KEY,
  planKey,
  probeKey,
  quarantineListKey,
  quarantineObjectKey,
  segmentKey,
} from '../../src/shared/domain/keys.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { DAY, DEAD, dailyVersions, keysOf, MINUTE, NOW, type VacuumHouse, vacuumHouse } from './vacuum-house.ts';

let table: VacuumHouse;
afterEach(() => table.close());

describe('what no version has', () => {
  it('goes once it is older than the retention: losing attempts, runs given up, probes', async () => {
    table = await dailyVersions(1);
    const files = await table.filesOf(0);
    const lost = await table.put((files[0] as string).replace(/-[0-9a-f]+-0\.parquet$/, '-00ff00ff-0.parquet'));
    const orphan = await table.put(dataKey(1, DEAD, 'ab', 0));
    const bytes = await table.put(quarantineObjectKey(DEAD, 'c0ffee'));
    const list = await table.put(quarantineListKey(900), jsonBody({ formatVersion: 1, run: DEAD, documents: [] }));
    const probe = await table.put(probeKey('ab'));
    expect(await table.vacuum()).toMatchObject({ objects: [], young: { objects: 5 } });
    table.collection.now += 7 * DAY + MINUTE;
    const young = await table.put(dataKey(1, DEAD, 'ef', 0));
    const result = await table.vacuum();
    expect(keysOf(result).sort()).toEqual([bytes, list, lost, orphan, probe].sort());
    expect(result.young).toEqual({ objects: 1, bytes: 1 });
    expect(await table.keys('data/')).toEqual([...files, young].sort());
    expect(await table.readable()).toEqual([0]);
  });

  it('stays where it is not ours', async () => {
    table = await dailyVersions(1);
    const foreign = [
      await table.put('data/notes.txt'),
      await table.put('data/000000/other.parquet'),
      await table.put('README.md'),
    ];
    table.collection.now += 365 * DAY;
    await table.vacuum();
    expect(await table.keys('')).toEqual(expect.arrayContaining(foreign));
  });

  it('staging goes at once, but for that of a run that can be finished, whose files and lists stay with it', async () => {
    table = await dailyVersions(1);
    const dead = await table.put(segmentKey(DEAD, 0, 'ab'));
    const run = '20260301t000000z-00001111';
    const living = [
      await table.put(planKey(run), jsonBody({ formatVersion: 1, run, epoch: 7, base: 0 })),
      await table.put(segmentKey(run, 0, 'ab')),
      await table.put(dataKey(1, run, 'ab', 0)),
      await table.put(quarantineObjectKey(run, 'c0ffee')),
      await table.put(quarantineListKey(7), jsonBody({ formatVersion: 1, run, documents: [] })),
    ];
    table.collection.now += 365 * DAY;
    const result = await table.vacuum();
    expect(keysOf(result)).toEqual([dead]);
    expect(result.unfinished.objects).toBe(5);
    expect(await table.keys('')).toEqual(expect.arrayContaining(living));
    // A version that is no fence took the one that the run could have made.
    await table.put(planKey(run), jsonBody({ formatVersion: 1, run, epoch: 7, base: -1 }));
    expect(keysOf(await table.vacuum()).sort()).toEqual(living.sort());
  });
});

describe('where there is no table', () => {
  it('and nothing else, nothing is left by it', async () => {
    table = vacuumHouse();
    expect(await table.vacuum()).toMatchObject({ version: null, objects: [] });
    expect(await table.preview()).toMatchObject({ version: null, objects: [] });
    expect(await table.keys('')).toEqual([]);
  });

  it('but what a first load left that crashed: it goes, after its version was taken', async () => {
    table = vacuumHouse();
    const file = await table.put(dataKey(0, DEAD, 'ab', 0));
    const body = { formatVersion: 1, epoch: 1, state: 'held', owner: 'gone:1', run: DEAD, nonce: 'n', renewedAt: NOW };
    await table.put(LEASE_KEY, jsonBody({ ...body, ttlMs: 20 }));
    table.collection.now += 8 * DAY;
    expect(keysOf(await table.preview())).toEqual([]);
    expect(keysOf(await table.vacuum())).toEqual([file]);
    expect(await table.entry(0)).toMatchObject([{ commitInfo: { operation: 'FENCE' } }, {}, {}]);
    table.collection.documents = [{ _id: 1, updateTime: new Date(NOW) }];
    expect(await table.sync()).toMatchObject({ version: 1, counts: { inserted: 1 } });
  });

  it('any more, or not all of its log: nothing is deleted', async () => {
    table = await dailyVersions(3);
    table.collection.now += 365 * DAY;
    const files = await table.keys('data/');
    await table.storage.delete([entryKey(2)]);
    await expect(table.vacuum()).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('ends with version 1'),
    });
    await table.storage.delete([entryKey(0), entryKey(1)]);
    await expect(table.vacuum()).rejects.toMatchObject({
      code: 'TABLE_CORRUPT',
      message: expect.stringContaining('no table'),
    });
    await expect(table.preview()).rejects.toMatchObject({ code: 'TABLE_CORRUPT' });
    expect(await table.keys('data/')).toEqual(files);
  });
});

describe('faults', () => {
  it('a delete whose answer is lost, or that never arrived: the next vacuum finds what is left', async () => {
    table = await dailyVersions(3);
    table.collection.now += 30 * DAY;
    const lossy = (arrives: boolean): Storage => ({
      ...table.storage,
      delete: async (keys) => {
        if (arrives) await table.storage.delete(keys.slice(0, 1));
        throw new Error('the answer is lost');
      },
    });
    await expect(table.vacuum(DAY, { storage: lossy(false) })).rejects.toThrow('lost');
    expect(await table.readable()).toEqual([0, 1, 2]);
    await expect(table.vacuum(DAY, { storage: lossy(true) })).rejects.toThrow('lost');
    expect((await table.vacuum(DAY)).objects).toHaveLength(3);
    expect(await table.readable()).toEqual([2]);
    expect(await table.keys('data/')).toEqual(await table.filesOf(2));
  });

  it('told to stop, or without its lease, it deletes no more', async () => {
    table = await dailyVersions(3);
    table.collection.now += 30 * DAY;
    const stop = new AbortController();
    const stopping: Storage = {
      ...table.storage,
      list: (...args) => {
        stop.abort(new Error('stopped'));
        return table.storage.list(...args);
      },
    };
    await expect(table.vacuum(DAY, { storage: stopping, signal: stop.signal })).rejects.toThrow('stopped');
    expect(await table.readable()).toEqual([0, 1, 2]);
  });
});
