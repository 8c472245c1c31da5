import { afterEach, beforeEach, expect, test } from 'vitest';
import { openState } from '../../src/coordinator/table.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';

const NOW = 1_700_000_000_000;

let table: Harness;
/** Objects whose next read gives one bit other than it is. */
let onTheWay: RegExp[] = [];

beforeEach(() => {
  onTheWay = [];
  table = harness({ now: NOW, wrap: damaging });
  table.collection.documents = [1, 2, 3, 4, 5, 6].map((_id) => ({ _id, updateTime: new Date(NOW), a: 1 }));
});
afterEach(() => table.close());

function damaging(storage: Storage): Storage {
  const isHit = (key: string): boolean => {
    const at = onTheWay.findIndex((pattern) => pattern.test(key));
    if (at !== -1) onTheWay.splice(at, 1);
    return at !== -1;
  };
  return {
    ...storage,
    get: async (key, range) => {
      const found = await storage.get(key, range);
      return found && isHit(key) ? { ...found, body: damaged(found.body) } : found;
    },
    download: async (key, path, signal) => {
      const found = isHit(key) ? await storage.get(key) : undefined;
      if (found === undefined) return storage.download(key, path, signal);
      const other = memoryStorage();
      await other.put(key, damaged(found.body));
      return other.download(key, path, signal);
    },
  };
}

/** Another digit near the middle, where there is one: what still looks like what it was. Else a bit. */
function damaged(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  let at = copy.length >> 1;
  while (at < copy.length && !/[1-8]/.test(String.fromCharCode(copy.readUInt8(at)))) at += 1;
  if (at === copy.length) at = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function change(a: number): void {
  table.collection.now += 60_000;
  const updateTime = new Date(table.collection.now);
  table.collection.documents = [1, 2, 3, 4, 5, 6].map((_id) => ({ _id, updateTime, a }));
}

test('a run reads again whatever is damaged on its way', async () => {
  await table.sync();
  change(2);
  onTheWay = [
    /lease\.json$/,
    /_delta_log\/0+\.json$/,
    /plan\.json$/,
    /schema\.json$/,
    /merge\/\d+\.json$/,
    /segments\//,
    /^data\//,
    /receipts\/extract/,
    /receipts\/merge/,
  ];
  expect(await table.sync()).toMatchObject({ version: 1, counts: { read: 6, updated: 6, unchanged: 0 } });
  expect(onTheWay).toEqual([]);
});

test('a data file is listed with its checksum, and a run that needs one that has another fails and names it', async () => {
  await table.sync();
  const state = await openState(table.storage);
  const files = [...(state?.files.values() ?? [])].flat();
  for (const { path, crc32 } of files) {
    const body = (await table.storage.get(path))?.body ?? Buffer.alloc(0);
    expect(crc32).toBe(checksumOf(body));
    await table.storage.put(path, damaged(body));
  }
  change(2);
  await expect(table.sync()).rejects.toMatchObject({
    message: expect.stringMatching(
      /memory:table\/data\/.*\.parquet: the checksum [0-9a-f]{8}, and the table's log says/,
    ),
  });
  expect((await openState(table.storage))?.version).toBe(0);
});

test('a table that an older version wrote, without checksums, is merged into', async () => {
  await table.sync();
  const entry = '_delta_log/00000000000000000000.json';
  const body = (await table.storage.get(entry))?.body;
  const older = unsealed(body);
  expect(older.length).toBeLessThan((body?.length ?? 0) - 2 * 20);
  await table.storage.put(entry, Buffer.from(older));
  change(2);
  expect(await table.sync()).toMatchObject({ version: 1, counts: { updated: 6 } });
});
