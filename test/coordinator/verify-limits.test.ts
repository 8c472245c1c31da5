import { Long, ObjectId } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readVerification } from '../../src/coordinator/verification.ts';
import { lookUpRanges } from '../../src/coordinator/verify-plan.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import { readList } from '../../src/shared/id-source.ts';
import { type Harness, harness } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T12:00:00Z');
const OLD = START - 60 * MINUTE;
const SNAPPY = { compression: 'snappy', partitions: 2 } as const;
const NONE = { missing: 0, stale: 0, gone: 0 };

let house: Harness;
beforeEach(() => {
  house = harness({ now: START });
});
afterEach(() => house.close());

const document = (_id: unknown, at: number, more: object = {}) => ({ _id, updateTime: new Date(at), ...more });
const idsOf = ({ ids }: { readonly ids: readonly { readonly id: string; readonly difference: string }[] }) =>
  ids.map(({ id, difference }) => `${id} ${difference}`).sort();

async function loaded(documents: readonly object[], settings: object = {}) {
  house.collection.documents = [...documents];
  await house.sync({}, { ...SNAPPY, ...settings });
}

describe('a cursor that is the id', () => {
  const BY_ID = { ...SNAPPY, cursorField: '_id', cursorType: 'objectId' } as const;
  const id = (minutes: number) => ObjectId.createFromTime((OLD + minutes * MINUTE) / 1000);

  it.each(['duckdb', 'parquetjs'] as const)('never makes a row stale, by %s', async (engine) => {
    const settings = { ...BY_ID, engine };
    await loaded(
      [1, 2, 3].map((n) => ({ _id: id(n) })),
      settings,
    );
    const result = await house.verify({}, settings);
    expect(result.differences).toEqual(NONE);
    expect(result.documentsChecksum).toBe(result.rowsChecksum);
    house.collection.documents = [{ _id: id(1) }, { _id: id(3) }, { _id: id(4) }];
    expect((await house.verify({}, settings)).differences).toEqual({ missing: 1, stale: 0, gone: 1 });
  });

  it('lets nothing be gone from a dump, of which it can not be told what is newer', async () => {
    await loaded(
      [1, 2, 3].map((n) => ({ _id: id(n) })),
      BY_ID,
    );
    house.collection.kind = 'dump';
    house.collection.documents.pop();
    expect((await house.verify({}, BY_ID)).differences).toEqual(NONE);
  });
});

describe('a dump', () => {
  it('without a start lets nothing be gone; one with a start not what came less than allowedLateness before it', async () => {
    await loaded([document(1, OLD), document(2, OLD), document(3, START - MINUTE)]);
    house.collection.kind = 'dump';
    house.collection.documents = [document(1, OLD)];
    house.collection.tellsStart = false;
    expect(idsOf(await house.verify({}, SNAPPY))).toEqual([]);
    house.collection.tellsStart = true;
    expect(idsOf(await house.verify({}, SNAPPY))).toEqual(['2 gone']);
  });

  it('is read once for all lists of ids, a server is asked for many at once', () => {
    const list = (n: number, ids: number) => ({ key: `k${n}`, ids, crc32: '00000000' });
    const lists = [list(0, 20_000), list(1, 40_000), list(2, 1), list(3, 50_000), list(4, 1)];
    const keysOf = (kind: 'live' | 'dump') =>
      lookUpRanges(lists, kind).map(({ part }) => (JSON.parse(part ?? '') as { key: string }[]).map(({ key }) => key));
    expect(keysOf('dump')).toEqual([['k0', 'k1', 'k2', 'k3', 'k4']]);
    expect(keysOf('live')).toEqual([['k0', 'k1'], ['k2', 'k3'], ['k4']]);
    expect(lookUpRanges([], 'dump')).toEqual([]);
  });
});

it('fields of the column policy are as the runs have them, also in the second look', async () => {
  const columns = { json: ['payload'] };
  house.collection.documents = [document(1, OLD, { payload: 'text' }), document(2, OLD, { payload: { a: 1 } })];
  await house.sync({ columns }, SNAPPY);
  house.collection.documents.push(document(3, OLD, { payload: 7 }));
  const result = await house.verify({ columns, repairs: true }, SNAPPY);
  expect(idsOf(result)).toEqual(['3 missing']);
  expect((await tableRows(house.storage)).get('3')).toMatchObject({ payload: '{"$numberInt":"7"}' });
});

it('what can not be looked up is counted, and nothing is done about it', async () => {
  const odd = new Map([
    ['2', 'x'],
    ['1', 'y'],
  ]);
  await loaded([document('a', OLD), document(odd, OLD)]);
  house.collection.documents = [document('a', OLD)];
  const result = await house.verify({ repairs: true }, SNAPPY);
  expect([result.differences, result.unconfirmed, result.repaired]).toEqual([NONE, 1, undefined]);
  expect((await tableRows(house.storage)).size).toBe(2);
});

describe('a repair that nobody watches', () => {
  it('deletes no more than a share of the rows, and leaves word of what it found', async () => {
    await loaded(Array.from({ length: 3000 }, (_, i) => document(i, OLD)));
    house.collection.documents = house.collection.documents.slice(0, 1500);
    const asked = { repairs: true, deletesAtMost: 0.1 };
    await expect(house.verify(asked, SNAPPY)).rejects.toMatchObject({ code: 'DELETES_REFUSED' });
    expect(await readVerification(house.storage)).toMatchObject({ differences: { gone: 1500 }, repairedIn: null });
    expect((await tableRows(house.storage)).size).toBe(3000);
    expect((await house.verify({ ...asked, deletesAtMost: 1 }, SNAPPY)).repaired?.counts.deleted).toBe(1500);
  });
});

describe('a repair that did not end', () => {
  async function interrupted() {
    await loaded([document(1, OLD), document(2, OLD)]);
    house.collection.documents.pop();
    const { source } = house.runContext;
    const { lookUp } = source;
    let looks = 0;
    source.lookUp = (...asked) => {
      if (++looks > 1) throw new MongolakeError('SOURCE_UNREACHABLE', 'away');
      return lookUp(...asked);
    };
    await expect(house.verify({ repairs: true }, SNAPPY)).rejects.toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(await house.keys('_mongolake/runs/')).not.toEqual([]);
    source.lookUp = lookUp;
  }

  it('is finished by the next run', async () => {
    await interrupted();
    expect((await house.sync({}, SNAPPY)).recovered).toHaveLength(1);
    expect([...(await tableRows(house.storage)).keys()]).toEqual(['1']);
  });

  it('is given up where the source is another one now', async () => {
    await interrupted();
    Object.assign(house.runContext.source, { description: 'fake://elsewhere' });
    house.collection.documents = [];
    expect((await house.sync({}, SNAPPY)).recovered).toBeUndefined();
    expect((await tableRows(house.storage)).size).toBe(2);
    expect(await house.keys('_mongolake/runs/')).toEqual([]);
  });
});

it('a list of ids that is damaged is none', async () => {
  const { storage } = house;
  await storage.put('list', Buffer.from('other bytes'));
  const read = readList(storage, { key: 'list', ids: 1, crc32: '00000000' });
  await expect(read).rejects.toMatchObject({ code: 'OBJECT_CORRUPT' });
  await expect(readList(storage, { key: 'none', ids: 1, crc32: '' })).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
});

it('of a deleted document nothing but its id is looked at: no column comes of it, and nothing in it can be broken', async () => {
  const soft = { ...SNAPPY, deletes: 'soft' } as const;
  await loaded([document(Long.fromNumber(1), OLD), document(Long.fromNumber(2), OLD)], soft);
  house.collection.now += 10 * MINUTE;
  const gone = document(Long.fromNumber(1), house.collection.now, { deletedAt: true, other: 'x', more: { a: 1 } });
  house.collection.documents = [gone];
  expect((await house.sync({}, soft)).counts).toMatchObject({ read: 1, deleted: 1, quarantined: 0 });
  expect(Object.keys((await tableRows(house.storage)).get('2') ?? {})).toEqual(['_id', 'updateTime']);
});
