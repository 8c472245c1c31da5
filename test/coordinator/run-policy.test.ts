import { afterEach, describe, expect, it } from 'vitest';
import { policyText, type TablePolicy } from '../../src/shared/domain/policy.ts';
import { keyedHash } from '../../src/shared/keyed-hash.ts';
import { unpackBlocks } from '../../src/shared/packing.ts';
import { type Harness, harness } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const KEY = 'the key of the tests, of 32 bytes';
const keyed = keyedHash(KEY);
const HASHED: TablePolicy = { hash: ['email'], key: keyed.fingerprint };
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);

let table: Harness;
afterEach(() => table.close());

const metaDataOf = async (version: number) => {
  const actions = (await table.entry(version)) as {
    metaData?: { configuration: Record<string, string>; schemaString: string };
  }[];
  return actions.find(({ metaData }) => metaData !== undefined)?.metaData;
};
const policyOf = async (version: number) => (await metaDataOf(version))?.configuration['mongolake.columns'];

describe('a table with a policy', () => {
  it('remembers it, and has what it leaves', async () => {
    table = harness({ now: NOW, keyed });
    table.collection.documents = [{ _id: 1, email: 'x', secret: 'y', updateTime: at(-60) }];
    const columns = { ...HASHED, exclude: ['secret'] };
    expect(await table.sync({ columns })).toMatchObject({ version: 0, counts: { inserted: 1 } });
    expect(await policyOf(0)).toBe(policyText(columns));
    expect((await metaDataOf(0))?.schemaString).not.toContain('secret');
    const add = (await table.entry(0)).find((action) => 'add' in action) as { add: { stats: string } };
    const prefix = keyed.hash('x').slice(0, 32);
    expect(JSON.parse(add.add.stats)).toMatchObject({ minValues: { email: prefix } });
    table.collection.now = NOW + MINUTE;
    table.collection.documents.push({ _id: 2, email: 'x', updateTime: at(0) });
    expect(await table.sync({ columns })).toMatchObject({ version: 1, counts: { inserted: 1 } });
  });

  it('refuses a sync with another, and takes it by one backfill', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [
      { _id: 1, secret: 'x', updateTime: at(-60) },
      { _id: 2, updateTime: at(-60) },
    ];
    await table.sync();
    expect(await policyOf(0)).toBeUndefined();
    const columns = { exclude: ['secret'] };
    await expect(table.sync({ columns })).rejects.toMatchObject({ code: 'TABLE_POLICY' });
    const window = { mode: 'backfill', from: NOW - 120 * MINUTE } as const;
    await expect(table.sync({ ...window, columns })).rejects.toMatchObject({ code: 'TABLE_POLICY' });
    expect(await table.sync({ mode: 'backfill', columns })).toMatchObject({
      version: 1,
      counts: { updated: 1, unchanged: 1 },
    });
    expect(await policyOf(1)).toBe(policyText(columns));
    await expect(table.sync()).rejects.toMatchObject({ code: 'TABLE_POLICY' });
    expect(await table.sync({ columns })).toMatchObject({ version: null });
  });

  it('has the new one also where no row changes by it', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    const columns = { exclude: ['none'] };
    await table.sync({ columns });
    const before = await metaDataOf(0);
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: 1, filesAdded: 0 });
    expect(before?.configuration['mongolake.columns']).toBe(policyText(columns));
    expect((await metaDataOf(1))?.configuration).toEqual({
      ...before?.configuration,
      'mongolake.columns': undefined,
    });
    expect(await table.sync()).toMatchObject({ version: null });
  });

  it('hashes ids before they choose a partition', async () => {
    table = harness({ now: NOW, keyed });
    const documents = Array.from({ length: 40 }, (_, i) => ({ _id: i, updateTime: at(-60) }));
    table.collection.documents = documents;
    const columns = { hash: ['_id'], key: keyed.fingerprint };
    expect(await table.sync({ columns })).toMatchObject({ counts: { inserted: 40 }, partitionsTouched: 2 });
    expect((await metaDataOf(0))?.configuration['mongolake.idType']).toBe('string:string');
    table.collection.documents = documents.map((one) => ({ ...one, a: 1 }));
    expect(await table.sync({ mode: 'backfill', columns })).toMatchObject({ counts: { updated: 40, inserted: 0 } });
    await expect(table.sync({ mode: 'backfill' })).rejects.toMatchObject({ code: 'TABLE_POLICY' });
  });
});

describe('a worker', () => {
  it.each([
    ['without the key', undefined, 'the configuration of this worker has no hashKey'],
    ['with another key', keyedHash('another key of the tests'), "this worker's hashKey is not the one"],
  ])('%s refuses the run, which commits nothing', async (_, own, words) => {
    table = harness({ now: NOW, ...(own === undefined ? {} : { keyed: own }) });
    table.collection.documents = [{ _id: 1, email: 'x', updateTime: at(-60) }];
    await expect(table.sync({ columns: HASHED })).rejects.toMatchObject({ message: expect.stringContaining(words) });
    expect(await table.keys('_delta_log/')).toEqual([]);
  });
});

it('no plan, schema, segment or receipt has what is left out', async () => {
  const written: Buffer[] = [];
  table = harness({
    now: NOW,
    keyed,
    wrap: (storage) => ({
      ...storage,
      async put(key, body, signal) {
        const chunks: Buffer[] = [];
        if (Buffer.isBuffer(body)) chunks.push(body);
        else for await (const chunk of body) chunks.push(Buffer.from(chunk));
        const whole = Buffer.concat(chunks);
        written.push(key.endsWith('.bson.snappy') ? Buffer.concat([...unpackBlocks(whole)]) : whole);
        return storage.put(key, Buffer.concat(chunks), signal);
      },
      async putIfAbsent(key, body, writer) {
        written.push(Buffer.from(body));
        return storage.putIfAbsent(key, body, writer);
      },
    }),
  });
  table.collection.documents = [{ _id: 1, email: 'canary', secret: 'canary', seen: 'bird', updateTime: at(-60) }];
  await table.sync({ columns: { ...HASHED, exclude: ['secret'] } });
  const all = written.map((bytes) => bytes.toString('latin1')).join('\n');
  expect(all).toContain('bird');
  expect(all).toContain(keyed.hash('canary'));
  expect(all).not.toContain('canary');
  expect(all).not.toContain(KEY);
});
