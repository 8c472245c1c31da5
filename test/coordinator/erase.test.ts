import { ObjectId } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../src/coordinator/history.ts';
import { openState } from '../../src/coordinator/table.ts';
import { keyedHash } from '../../src/shared/keyed-hash.ts';
import { awayTable } from './away-table.ts';
import { erase } from './erase-house.ts';
import { MINUTE, made, NOW, restoreTo } from './restore-house.ts';
import { type Harness, harness } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const SNAPPY = { compression: 'snappy', partitions: 4 } as const;

let table: Harness;
beforeEach(() => {
  table = harness({ now: NOW });
});
afterEach(() => table.close());

async function loaded(count: number): Promise<void> {
  table.collection.documents = Array.from({ length: count }, (_, id) => made(id + 1, -60));
  await table.sync({}, SNAPPY);
}

const rowIds = async () => [...(await tableRows(table.storage)).keys()].map(Number).sort((a, b) => a - b);
const listed = async () =>
  Promise.all(
    (await table.keys('_mongolake/erased/')).map(async (key) => {
      const body = (await table.storage.get(key))?.body.toString();
      return (JSON.parse(body ?? '{}') as { digests: string[] }).digests.length;
    }),
  );

describe('erase', () => {
  it('takes rows in one version, reads nothing, and tells which ids had none', async () => {
    await loaded(20);
    let read = 0;
    table.collection.onRead = () => read++;
    const { source } = table.runContext;
    const away = () => Promise.reject(new Error('the source is away'));
    Object.assign(source, { clock: away, ranges: away, estimate: away });
    const erased = await erase(table, ['3', '7', '3', '99'], {}, SNAPPY);
    expect(erased).toMatchObject({ ids: 3, notFound: ['99'], listed: 3, onList: 3, purged: undefined });
    expect(erased.run).toMatchObject({ version: 1, counts: { read: 3, deleted: 2, unchanged: 1 } });
    expect(read).toBe(0);
    expect(await rowIds()).toEqual([1, 2, 4, 5, 6, ...Array.from({ length: 13 }, (_, i) => i + 8)]);
    expect(await readHistory(table.storage, 1)).toMatchObject([
      { version: 1, operation: 'ERASE', window: undefined, watermark: undefined, counts: { deleted: 2 } },
    ]);
    expect(await openState(table.storage)).toMatchObject({ watermark: NOW - 5 * MINUTE });
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('keeps what is erased from coming back: by a sync, a backfill, one that replaces, and a verification', async () => {
    await loaded(20);
    await erase(table, ['3', '99'], {}, SNAPPY);
    table.collection.now += 60 * MINUTE;
    table.collection.documents.push(made(99, 1), made(21, 1));
    table.collection.documents[2] = made(3, 2);
    expect(await table.sync({}, SNAPPY)).toMatchObject({ version: 2, counts: { inserted: 1, erased: 2 } });
    expect(await table.sync({ mode: 'backfill' }, SNAPPY)).toMatchObject({ version: null, counts: { erased: 2 } });
    const verified = await table.verify({ repairs: true }, SNAPPY);
    expect(verified).toMatchObject({ documents: 20, rows: 20, differences: { missing: 0, stale: 0, gone: 0 } });
    const replaced = await table.sync({ mode: 'backfill', replace: true }, SNAPPY);
    expect(replaced.counts).toMatchObject({ read: 22, inserted: 20, erased: 2 });
    expect(await rowIds()).not.toContain(3);
    expect((await rowIds()).length).toBe(20);
    expect((await table.sync({}, SNAPPY)).counts).toMatchObject({ inserted: 0 });
  });

  it('moves the watermark past a document that it left out', async () => {
    await loaded(3);
    await erase(table, ['9'], {}, SNAPPY);
    table.collection.documents.push(made(9, 1));
    table.collection.now += 60 * MINUTE;
    expect(await table.sync({}, SNAPPY)).toMatchObject({ version: 2, filesAdded: 0, counts: { erased: 1 } });
    expect(await table.sync({}, SNAPPY)).toMatchObject({ version: null, counts: { read: 0 } });
  });

  it('does nothing twice, and adds to the list what is new', async () => {
    await loaded(5);
    await erase(table, ['1'], {}, SNAPPY);
    const again = await erase(table, ['1'], {}, SNAPPY);
    expect(again).toMatchObject({ listed: 0, onList: 1, notFound: ['1'], run: { version: null } });
    expect(await erase(table, ['1', '2'], {}, SNAPPY)).toMatchObject({ listed: 1, onList: 2, run: { version: 2 } });
    expect(await listed()).toEqual([1, 2]);
  });

  it('lets an id be stored again that is taken off the list', async () => {
    await loaded(5);
    await erase(table, ['1', '2'], {}, SNAPPY);
    expect(await erase(table, ['1', '4'], { kind: 'allow' }, SNAPPY)).toMatchObject({
      listed: 1,
      onList: 1,
      run: { version: 2 },
    });
    expect(await readHistory(table.storage, 1)).toMatchObject([{ operation: 'ALLOW' }]);
    expect(await erase(table, ['1'], { kind: 'allow' }, SNAPPY)).toMatchObject({ listed: 0, run: { version: null } });
    expect((await table.sync({ mode: 'backfill' }, SNAPPY)).counts).toMatchObject({ inserted: 1, erased: 1 });
    expect(await rowIds()).toEqual([1, 3, 4, 5]);
  });

  it('refuses what is no id of the table, by its place, and changes nothing', async () => {
    await loaded(3);
    const ids = [{ text: 'x1', where: 'ids.txt:7' }];
    await expect(erase(table, [], { ids }, SNAPPY)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('ids.txt:7: x1 is no id'),
      hint: expect.stringContaining('an integer'),
    });
    expect(await table.keys('_mongolake/erased/')).toEqual([]);
    expect(await openState(table.storage)).toMatchObject({ version: 0 });
  });

  it('takes ids as the table shows them, of any type', async () => {
    const [one, two] = [new ObjectId(), new ObjectId()];
    const at = new Date(NOW - MINUTE);
    const ids = [one, two, 'text', 5, { a: 1 }];
    table.collection.documents = ids.map((_id) => ({ _id, updateTime: at }));
    await table.sync({}, SNAPPY);
    const given = [one.toHexString().toUpperCase(), '"text"', '{"$numberLong":"5"}', '{"a":{"$numberLong":"1"}}'];
    expect(await erase(table, given, {}, SNAPPY)).toMatchObject({ notFound: [], run: { counts: { deleted: 4 } } });
    expect([...(await tableRows(table.storage)).keys()]).toEqual([two.toHexString()]);
    await table.sync({ mode: 'backfill' }, SNAPPY);
    expect((await tableRows(table.storage)).size).toBe(1);
  });

  it('refuses to restore a version that may hold what was erased since, and not what came after', async () => {
    await loaded(5);
    await erase(table, ['1'], {}, SNAPPY);
    table.collection.documents.push(made(6, 1));
    await table.sync({}, SNAPPY);
    await expect(restoreTo(table, 0)).rejects.toMatchObject({
      code: 'VERSION_MISSING',
      hint: expect.stringContaining('--allow'),
    });
    expect(await restoreTo(table, 1)).toMatchObject({ version: 3, rows: 4 });
    table.collection.now += MINUTE;
    expect((await table.sync({ mode: 'backfill' }, SNAPPY)).counts).toMatchObject({ inserted: 1, erased: 1 });
    await erase(table, ['1'], { kind: 'allow' }, SNAPPY);
    expect(await restoreTo(table, 0)).toMatchObject({ rows: 5 });
  });
});

describe('erase in a table that hashes its ids', () => {
  const keyed = keyedHash('secret');
  const columns = { hash: ['_id'], key: keyed.fingerprint };

  it('takes the ids themselves', async () => {
    table = harness({ now: NOW, keyed });
    const id = new ObjectId();
    table.collection.documents = [{ _id: id, updateTime: new Date(NOW) }, made(2, 0), made(3, 0)];
    await table.sync({ columns }, SNAPPY);
    const erased = await erase(table, [id.toHexString(), '2', 'none'], { columns, keyed }, SNAPPY);
    expect(erased).toMatchObject({ notFound: ['none'], run: { counts: { deleted: 2, unchanged: 1 } } });
    expect((await table.sync({ mode: 'backfill', columns }, SNAPPY)).counts).toMatchObject({ erased: 2, inserted: 0 });
    expect((await tableRows(table.storage)).size).toBe(1);
    table.collection.documents.push({ _id: '17', updateTime: new Date(NOW) });
    await table.sync({ mode: 'backfill', columns }, SNAPPY);
    expect(await erase(table, ['17'], { columns, keyed }, SNAPPY)).toMatchObject({ notFound: ['17'] });
    expect(await erase(table, ['"17"'], { columns, keyed }, SNAPPY)).toMatchObject({ notFound: [] });
    await expect(erase(table, ['2'], { columns, keyed: keyedHash('other') }, SNAPPY)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

describe('an erasure that did not end', () => {
  it.each(['plan.json', 'receipts/extract', 'schema.json', 'receipts/merge'])(
    'is finished by whatever run comes next, where it was kept from %s',
    async (key) => {
      const away = awayTable(NOW);
      table = away.table;
      await loaded(20);
      await away.keptFrom(key, () => erase(table, ['3'], {}, SNAPPY));
      table.collection.documents[2] = made(3, 2);
      table.collection.documents.push(made(21, 3));
      const result = await table.sync({}, SNAPPY);
      const isPlanned = key !== 'plan.json';
      expect(result).toMatchObject({ counts: { inserted: 1, deleted: isPlanned ? 1 : 0, erased: isPlanned ? 1 : 0 } });
      expect((await rowIds()).includes(3)).toBe(!isPlanned);
      // The same call again is what completes it, in any case.
      await erase(table, ['3'], {}, SNAPPY);
      expect(await rowIds()).not.toContain(3);
      expect((await table.sync({ mode: 'backfill' }, SNAPPY)).counts).toMatchObject({ inserted: 0, erased: 1 });
    },
  );

  it('is finished before a backfill that replaces the table', async () => {
    const away = awayTable(NOW);
    table = away.table;
    await loaded(20);
    await away.keptFrom('receipts/merge', () => erase(table, ['3'], {}, SNAPPY));
    const replaced = await table.sync({ mode: 'backfill', replace: true }, SNAPPY);
    expect(replaced).toMatchObject({ version: 2, counts: { erased: 1 } });
    expect(await rowIds()).not.toContain(3);
  });
});
