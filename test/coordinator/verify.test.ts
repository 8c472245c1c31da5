import { ObjectId } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLease } from '../../src/coordinator/lease.ts';
import { readVerification } from '../../src/coordinator/verification.ts';
import { type Harness, harness, silent } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T12:00:00Z');
const SNAPPY = { compression: 'snappy', partitions: 4 } as const;

let house: Harness;
beforeEach(() => {
  house = harness({ now: START });
});
afterEach(() => house.close());

const document = (_id: unknown, at: number, more: object = {}) => ({ _id, updateTime: new Date(at), ...more });
const OLD = START - 60 * MINUTE;

async function loaded(count: number, of = (i: number) => document(i, OLD + i)) {
  house.collection.documents = Array.from({ length: count }, (_, i) => of(i));
  await house.sync({}, SNAPPY);
}

const idsOf = ({ ids }: { readonly ids: readonly { readonly id: string; readonly difference: string }[] }) =>
  ids.map(({ id, difference }) => `${id} ${difference}`).sort();

describe('verify', () => {
  it('finds nothing in a table that is as its source, and leaves nothing behind but a note', async () => {
    await loaded(50);
    const result = await house.verify({}, SNAPPY);
    expect(result).toMatchObject({ version: 0, documents: 50, rows: 50, leftOut: 0, partitions: 4, unconfirmed: 0 });
    expect(result.differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    expect(await house.keys('_mongolake/verifications/')).toEqual([]);
    expect(await readVerification(house.storage)).toMatchObject({ version: 0, isDeep: false, repairedIn: null });
  });

  it('tells by id what is missing, stale and gone, and changes nothing', async () => {
    await loaded(50);
    const [, , ...rest] = house.collection.documents as ReturnType<typeof document>[];
    house.collection.documents = [...rest.slice(1), document(2, OLD + 77), document(99, OLD)];
    const result = await house.verify({}, SNAPPY);
    expect(idsOf(result)).toEqual(['0 gone', '1 gone', '2 stale', '99 missing']);
    expect(result.differences).toEqual({ missing: 1, stale: 1, gone: 2 });
    const told = new Set(result.ids.map(({ partition }) => partition));
    expect(new Set(result.different.map(({ partition }) => partition))).toEqual(told);
    expect(await house.keys('_mongolake/verifications/')).toEqual([]);
    expect((await house.sync({}, SNAPPY)).version).toBeNull();
    expect((await tableRows(house.storage)).size).toBe(50);
  });

  it('repairs what differs in one version, and rewrites no other partition', async () => {
    await loaded(200);
    const documents = house.collection.documents as ReturnType<typeof document>[];
    const [first] = documents;
    house.collection.now += 30 * MINUTE;
    // The last of them is for the next sync, which reads from where the last one ended.
    house.collection.documents = [...documents.slice(1), document(900, OLD), document(901, START + MINUTE)];
    const result = await house.verify({ repairs: true }, SNAPPY);
    expect(result.repaired).toMatchObject({ version: 1, counts: { read: 2, inserted: 1, deleted: 1, unchanged: 0 } });
    expect(result.repaired?.partitionsTouched).toBe(result.different.length);
    const rows = await tableRows(house.storage);
    expect([rows.size, rows.has('900'), rows.has(String(first?._id))]).toEqual([200, true, false]);
    const [entry] = await house.entry(1);
    expect(entry?.commitInfo).toMatchObject({ operation: 'REPAIR', mongolake: { watermark: START - 5 * MINUTE } });
    const again = await house.verify({}, SNAPPY);
    expect([again.differences, again.leftOut]).toEqual([{ missing: 0, stale: 0, gone: 0 }, 1]);
    expect(await readVerification(house.storage)).toMatchObject({ version: 1, differences: { missing: 0 } });
    expect((await house.sync({}, SNAPPY)).counts).toMatchObject({ inserted: 1 });
  });

  it('raises no alarm for what changes while it reads, nor for what no sync has read yet', async () => {
    await loaded(100);
    house.collection.now += 10 * MINUTE;
    const changed = (i: number) => document(i, house.collection.now);
    // Since the version: 0 changed, 1 came.
    house.collection.documents[0] = changed(0);
    house.collection.documents.push(changed(1000));
    let read = 0;
    house.collection.onRead = () => {
      // In the first look: 3 was read as of an older time, as from a secondary that lags.
      if (read++ === 0) house.collection.documents[3] = document(3, OLD - 1);
    };
    const restore = house.collection.documents[3];
    const { lookUp } = house.runContext.source;
    house.runContext.source.lookUp = (ids, ...more) => {
      house.collection.documents[3] = restore as object;
      return lookUp(ids, ...more);
    };
    const result = await house.verify({}, SNAPPY);
    expect(result.differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    expect(result.leftOut).toBe(2);
    expect(read).toBeGreaterThan(100);
  });

  it('asks the source once more before a row goes', async () => {
    await loaded(20);
    const [first, ...rest] = house.collection.documents;
    house.collection.documents = rest;
    let looks = 0;
    const { lookUp } = house.runContext.source;
    house.runContext.source.lookUp = (ids, ...more) => {
      // It is back when the repair asks.
      if (++looks === 2) house.collection.documents.push(first as object);
      return lookUp(ids, ...more);
    };
    const result = await house.verify({ repairs: true }, SNAPPY);
    expect(idsOf(result)).toEqual(['0 gone']);
    expect(result.repaired).toMatchObject({ version: null, counts: { read: 1, deleted: 0, unchanged: 1 } });
    expect((await tableRows(house.storage)).size).toBe(20);
  });

  it('waits for a run that has the table when it is to repair', async () => {
    await loaded(20);
    house.collection.documents = house.collection.documents.slice(1);
    const { storage, clock } = house.runContext;
    const never = new AbortController().signal;
    const holder = await acquireLease({ storage, clock, logger: silent, signal: never, run: 'other', ttlMs: 60_000 });
    let waited = 0;
    const sleep: typeof clock.sleep = async (ms, signal) => {
      // The lease is renewed beside that.
      if (ms !== 2000) return clock.sleep(ms, signal);
      if (++waited === 3) await holder.release();
    };
    Object.assign(house.runContext, { clock: { ...clock, sleep } });
    expect((await house.verify({ repairs: true }, SNAPPY)).repaired).toMatchObject({ counts: { deleted: 1 } });
    expect(waited).toBe(3);
  });

  it('compares every column only where it is to be deep', async () => {
    await loaded(20, (i) => document(i, OLD + i, { a: 'x' }));
    house.collection.documents[7] = document(7, OLD + 7, { a: 'changed without its cursor', b: 1 });
    expect(idsOf(await house.verify({}, SNAPPY))).toEqual([]);
    const result = await house.verify({ isDeep: true, repairs: true }, SNAPPY);
    expect(idsOf(result)).toEqual(['7 stale']);
    expect((await tableRows(house.storage)).get('7')).toMatchObject({ a: 'changed without its cursor', b: 1n });
    expect(idsOf(await house.verify({ isDeep: true }, SNAPPY))).toEqual([]);
  });

  it('of an empty collection takes every row, and the table goes on from there', async () => {
    await loaded(30);
    house.collection.documents = [];
    const { repaired } = await house.verify({ repairs: true }, SNAPPY);
    expect(repaired).toMatchObject({ version: 1, counts: { deleted: 30 }, filesAdded: 0, filesRemoved: 4 });
    expect((await tableRows(house.storage)).size).toBe(0);
    house.collection.now += 10 * MINUTE;
    house.collection.documents = [document(3, house.collection.now)];
    expect((await house.sync({}, SNAPPY)).counts).toMatchObject({ read: 1, inserted: 1 });
    expect([...(await tableRows(house.storage)).keys()]).toEqual(['3']);
  });

  it('reads only some of the ranges where a sample will do, and then finds nothing that is gone', async () => {
    await loaded(20);
    house.collection.documents = [document(100, OLD), ...house.collection.documents.slice(1)];
    const result = await house.verify({ sample: 0.5 }, SNAPPY);
    expect(idsOf(result)).toEqual(['100 missing']);
    // It says nothing of the table as a whole.
    expect(await readVerification(house.storage)).toBeUndefined();
  });

  it('leaves documents that can not be stored to the quarantine', async () => {
    await loaded(10);
    const broken = Buffer.from(
      '2b000000105f6964006300000009757064617465' +
        '54696d6500' +
        '0000000000000000' +
        '10610001000000' +
        '10610002000000' +
        '00',
      'hex',
    );
    broken.writeInt32LE(broken.length);
    house.collection.documents.push(broken);
    const result = await house.verify({ isDeep: true, repairs: true }, SNAPPY);
    expect(result.differences).toEqual({ missing: 0, stale: 0, gone: 0 });
    expect((await tableRows(house.storage)).size).toBe(10);
  });

  it('of a table of mode full compares ids', async () => {
    house.collection.documents = Array.from({ length: 10 }, () => ({ _id: new ObjectId(), a: 1 }));
    const full = { ...SNAPPY, mode: 'full' } as const;
    await house.sync({}, full);
    house.collection.documents.pop();
    expect((await house.verify({ repairs: true }, full)).repaired).toMatchObject({
      version: 1,
      counts: { deleted: 1 },
    });
    expect((await tableRows(house.storage)).size).toBe(9);
  });

  it('of a dump leaves rows alone that are newer than its start', async () => {
    await loaded(10);
    house.collection.kind = 'dump';
    house.collection.now += 60 * MINUTE;
    house.collection.documents.push(document(50, house.collection.now - 20 * MINUTE));
    await house.sync({}, SNAPPY);
    house.collection.now -= 50 * MINUTE;
    house.collection.documents = house.collection.documents.slice(1, 10);
    expect(idsOf(await house.verify({}, SNAPPY))).toEqual(['0 gone']);
    expect((await house.verify({ repairs: true }, SNAPPY)).repaired).toMatchObject({
      version: 2,
      counts: { deleted: 1 },
    });
    expect([...(await tableRows(house.storage)).keys()]).toHaveLength(10);
  });

  it('refuses a table of another policy, and what there is no table of', async () => {
    await expect(house.verify({}, SNAPPY)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    await loaded(3);
    await expect(house.verify({ columns: { exclude: ['a'] } }, SNAPPY)).rejects.toMatchObject({ code: 'TABLE_POLICY' });
    await expect(house.verify({}, { ...SNAPPY, cursorField: 'other' })).rejects.toMatchObject({ code: 'TABLE_CURSOR' });
    expect(await house.keys('_mongolake/verifications/')).toEqual([]);
  });
});

describe('soft deletes', () => {
  const SOFT = { ...SNAPPY, deletes: 'soft', deletedField: 'meta.deletedAt' } as const;

  it('take the rows of documents that say they are deleted, and none is made of them', async () => {
    house.collection.documents = [
      document(1, OLD),
      document(2, OLD, { meta: { deletedAt: new Date(OLD) } }),
      document(3, OLD, { meta: { deletedAt: null } }),
      document(4, OLD, { meta: { deletedAt: false } }),
    ];
    const first = await house.sync({}, SOFT);
    expect(first.counts).toMatchObject({ read: 4, inserted: 3, unchanged: 1 });
    house.collection.now += 10 * MINUTE;
    house.collection.documents[0] = document(1, house.collection.now, { meta: { deletedAt: 1 } });
    const { counts } = await house.sync({}, SOFT);
    expect(counts).toMatchObject({ read: 1, deleted: 1 });
    expect([...(await tableRows(house.storage)).keys()].sort()).toEqual(['3', '4']);
    expect(idsOf(await house.verify({}, SOFT))).toEqual([]);
    expect((await house.sync({ mode: 'backfill', replace: true }, SOFT)).counts).toMatchObject({
      read: 4,
      inserted: 2,
    });
  });
});
