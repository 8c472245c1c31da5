import { Decimal128, Long } from 'bson';
import { parquetReadObjects } from 'hyparquet';
import { afterEach, describe, expect, it } from 'vitest';
import { openState, type TableState } from '../../src/coordinator/table.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { compareIds } from '../../src/shared/domain/ids.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
const MOST = Long.MAX_VALUE;
const LEAST = Long.MIN_VALUE;

let table: Harness;
afterEach(() => table.close());

/** hyparquet reads no ZSTD without help. */
const SNAPPY = { compression: 'snappy' } as const;

/** Ids whose order as texts is another than as numbers. */
const IDS = [1, 2, 9, 10, 11, 100, -1, -2, -10, 0, MOST, LEAST, Long.fromString('9007199254740993')];
const documents = () => IDS.map((_id, n) => ({ _id, n, updateTime: at(-60) }));

async function loaded(options: { readonly wrap?: (storage: Storage) => Storage } = {}): Promise<Harness> {
  table = harness({ now: NOW, ...options });
  table.collection.documents = documents();
  await table.sync({}, SNAPPY);
  return table;
}

async function state(): Promise<TableState> {
  return (await openState(table.storage)) as TableState;
}

/** Partition → its rows as `_id=n`, in the order of files and rows. */
async function rows(): Promise<Record<number, string[]>> {
  const all: Record<number, string[]> = {};
  for (const [partition, files] of (await state()).files) {
    all[partition] = [];
    for (const { path } of files) {
      const { body } = (await table.storage.get(path)) as { body: Buffer };
      const file = new Uint8Array(body).buffer as ArrayBuffer;
      for (const { _id, n } of await parquetReadObjects({ file })) all[partition].push(`${_id}=${n}`);
    }
  }
  return all;
}

describe('a table with integer ids', () => {
  it('is written anew with string ids in one version; each id stays in its partition, rows are sorted by their text', async () => {
    await loaded();
    const [before, was] = [await rows(), await state()];
    expect(await table.repartition(SNAPPY)).toMatchObject({
      version: 1,
      counts: { read: 0, inserted: 0, updated: 0, unchanged: 0 },
      partitionsTouched: 2,
      filesAdded: 2,
      filesRemoved: 2,
      watermark: NOW - 5 * MINUTE,
    });
    const after = await rows();
    expect(Object.keys(after)).toEqual(['0', '1']);
    for (const [partition, own] of Object.entries(before)) {
      const byText = own.toSorted((a, b) => compareIds('string:long', a.split('=')[0] ?? '', b.split('=')[0] ?? ''));
      expect(after[Number(partition)]).toEqual(byText);
      expect(byText).not.toEqual(own);
    }
    const now = await state();
    expect(now.schema).toEqual({ ...was.schema, idType: 'string:long' });
    expect(now).toMatchObject({ watermark: was.watermark, partitions: was.partitions, namespace: was.namespace });
    expect(now.snapshot.metadata.configuration).toEqual({
      ...was.snapshot.metadata.configuration,
      'mongolake.idType': 'string:long',
    });
    expect(now.snapshot.metadata.id).toBe(was.snapshot.metadata.id);
  });

  it('says what it did in the entry, and leaves nothing staged', async () => {
    await loaded();
    await table.repartition(SNAPPY);
    const entry = await table.entry(1);
    expect(entry[0]).toMatchObject({
      commitInfo: { operation: 'REPARTITION', operationParameters: { idType: 'string:long' } },
    });
    expect(entry.map((action) => Object.keys(action)[0])).toEqual(
      'commitInfo metaData txn txn remove remove add add'.split(' '),
    );
    expect(JSON.stringify(entry[1])).toContain('\\"name\\":\\"_id\\",\\"type\\":\\"string\\"');
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('is cut into files whose ranges tile the ids, and a sync after it goes on with them', async () => {
    table = harness({ now: NOW });
    const many = (n: number) => Array.from({ length: 6000 }, (_, i) => ({ _id: i - 50, n: (i * n) ^ 0x5bd1e995 }));
    const dated = (n: number) => many(n).map((document) => ({ ...document, updateTime: at(-60) }));
    const small = { partitions: 1, targetFileSize: 10_000 };
    table.collection.documents = dated(7919);
    await table.sync({}, small);
    await table.repartition(small);
    const files = (await state()).files.get(0) ?? [];
    expect(files.length).toBeGreaterThan(1);
    expect(files[0]?.lower).toBeNull();
    expect(files.at(-1)?.upper).toBeNull();
    expect(files.slice(1).map(({ lower }) => lower)).toEqual(files.slice(0, -1).map(({ upper }) => upper));
    expect(await table.sync({ mode: 'backfill' }, small)).toMatchObject({
      version: null,
      counts: { read: 6000, unchanged: 6000 },
    });
  });

  it('takes any id after it: one row each, and equal numbers are still one', async () => {
    await loaded();
    table.collection.documents.push({ _id: 'A-1', n: 50, updateTime: at(-1) });
    await expect(table.sync({}, SNAPPY)).rejects.toMatchObject({
      code: 'ID_TYPE',
      hint: expect.stringContaining('`mongolake repartition --id-type string`, then sync again'),
    });
    expect((await state()).version).toBe(0);
    await table.repartition(SNAPPY);
    const equal = [new Decimal128('1'), Long.fromInt(2), 9, 10].map((_id) => ({ _id, n: 99, updateTime: at(0) }));
    table.collection.documents.push(...equal, { _id: '1', n: 51, updateTime: at(0) });
    table.collection.now = NOW + MINUTE;
    expect(await table.sync({}, SNAPPY)).toMatchObject({ counts: { read: 6, inserted: 2, updated: 4 } });
    const all = Object.values(await rows()).flat();
    expect(all).toHaveLength(IDS.length + 2);
    expect(all).toEqual(expect.arrayContaining(['1=99', '2=99', '9=99', '10=99']));
    expect(new Set(all.map((row) => row.split('=')[0])).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(['"A-1"=50', '"1"=51', `${MOST}=10`, `${LEAST}=11`]));
  });
});

describe('where there is nothing to do', () => {
  it('a table whose ids are strings already is as before', async () => {
    await loaded();
    await table.repartition(SNAPPY);
    const keys = await table.keys('');
    expect(await table.repartition(SNAPPY)).toMatchObject({ version: null, filesAdded: 0, filesRemoved: 0 });
    expect(await table.keys('')).toEqual(keys);
  });

  it('no table is said to be missing, and nothing is left of the attempt', async () => {
    table = harness({ now: NOW });
    await expect(table.repartition(SNAPPY)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    expect(await table.keys('')).toEqual([]);
  });
});

describe('faults', () => {
  it('one whose commit is not known to be there shows nothing; the next run fences it off, and finishes it', async () => {
    let dead = false;
    await loaded({
      wrap: (storage) => ({
        ...storage,
        putIfAbsent: async (key, body, writerId) => {
          if (key === entryKey(1) && !dead) {
            dead = true;
            throw new Error('killed');
          }
          return storage.putIfAbsent(key, body, writerId);
        },
      }),
    });
    const before = await rows();
    await expect(table.repartition(SNAPPY)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
    expect(await rows()).toEqual(before);
    expect(await table.keys('_mongolake/runs/')).not.toEqual([]);
    table.collection.now += MINUTE;
    expect(await table.repartition(SNAPPY)).toMatchObject({ version: 2 });
    expect(await table.entry(1)).toMatchObject([{ commitInfo: { operation: 'FENCE' } }, {}]);
    expect((await state()).schema.idType).toBe('string:long');
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('a sync that is under way keeps the table: try again later', async () => {
    await loaded();
    let refused: unknown;
    table.collection.documents.push({ _id: 77, n: 77, updateTime: at(-1) });
    table.collection.onRead = () => {
      refused ??= table.repartition(SNAPPY).catch((error: unknown) => error);
    };
    await table.sync({}, SNAPPY);
    expect(await refused).toMatchObject({ code: 'LEASE_HELD', exitCode: 75 });
  });

  it('a file of the old kind that would stay stops it before its commit', async () => {
    await loaded({
      wrap: (storage) => ({
        ...storage,
        putIfAbsent: (key, body, writerId) => {
          const wrong = key.includes('/merge-') && body.toString().includes('"read":0');
          const forged = () => {
            const receipt = JSON.parse(unsealed(body)) as { removed: string[]; added: unknown[] };
            return Buffer.from(JSON.stringify({ ...receipt, removed: [], added: [] }));
          };
          return storage.putIfAbsent(key, wrong ? forged() : body, writerId);
        },
      }),
    });
    await expect(table.repartition(SNAPPY)).rejects.toMatchObject({ code: 'BOOKS_UNBALANCED' });
    expect((await state()).version).toBe(0);
  });
});
