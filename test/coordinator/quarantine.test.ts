import { afterEach, describe, expect, it } from 'vitest';
import { readQuarantine } from '../../src/coordinator/quarantine.ts';
import type { RunRequest } from '../../src/coordinator/run.ts';
import { openState } from '../../src/coordinator/table.ts';
import { BSON } from '../../src/shared/domain/bson.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { quarantineListKey } from '../../src/shared/domain/keys.ts';
import type { ListedDocument } from '../../src/shared/domain/quarantine.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { bson, documentOf, element, int32 } from '../shared/domain/bson-bytes.ts';
import { listAsBroken } from './quarantine-house.ts';
import { type Harness, harness } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
const good = (id: number, minutes = -60) => ({ _id: id, a: 'x', updateTime: at(minutes) });

/** A document with its field `a` twice. */
function twice(id: number, minutes = -60): Buffer {
  const fields = bson(good(id, minutes)).subarray(4, -1);
  return documentOf([fields, element(BSON.int32, 'a', int32(1))]);
}

let table: Harness;
afterEach(() => table.close());

const objects = () => table.keys('_mongolake/quarantine/');

async function listed(): Promise<readonly ListedDocument[]> {
  const state = await openState(table.storage);
  return state === undefined ? [] : readQuarantine(table.storage, state);
}

/** Wraps a storage so that `fault` is asked before each put-if-absent. */
const before = (fault: (key: string) => void) => (storage: Storage) => ({
  ...storage,
  async putIfAbsent(...args: Parameters<Storage['putIfAbsent']>) {
    fault(args[0]);
    return storage.putIfAbsent(...args);
  },
});

describe('a document that can not be stored', () => {
  it('is put aside: its neighbours are in the table, it is on the list with id, reason and place, its bytes are kept', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), twice(2), good(3)];
    expect(await table.sync()).toMatchObject({
      version: 0,
      counts: { read: 3, inserted: 2, quarantined: 1 },
      watermark: NOW - 5 * MINUTE,
    });
    const [document, ...others] = await listed();
    expect(others).toEqual([]);
    expect(document).toMatchObject({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      id: '2',
      reason: 'field "a" occurs twice',
      place: 'document 2 read of fake://guest.notifications',
      bytes: twice(2).length,
      at: NOW,
    });
    expect((await table.storage.get(document?.object ?? ''))?.body).toEqual(twice(2));
    expect(await objects()).toHaveLength(2);
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });

  it('leaves no trace in the schema', async () => {
    table = harness({ now: NOW });
    const odd = documentOf([
      bson({ _id: 'text', b: { c: 1 }, l: [{ d: 1 }] }).subarray(4, -1),
      element(0x20, 'e', int32(1)),
    ]);
    table.collection.documents = [good(1), odd];
    await table.sync();
    const state = await openState(table.storage);
    expect(state?.schema).toMatchObject({ idType: 'long', extra: null });
    expect(state?.schema.columns.map(({ name }) => name)).toEqual(['a', 'updateTime']);
  });

  it('makes no table by itself, and is listed once there is one', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [twice(2)];
    expect(await table.sync()).toMatchObject({ version: null, counts: { read: 1, quarantined: 1 } });
    expect(await table.keys('_delta_log/')).toEqual([]);
    expect(await objects()).toEqual([]);
    table.collection.documents.push(good(1));
    expect(await table.sync()).toMatchObject({ version: 0, counts: { read: 2, inserted: 1, quarantined: 1 } });
    expect(await listed()).toMatchObject([{ id: '2' }]);
  });

  it('alone makes a version of a table that is there, once; the watermark passes it', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1)];
    await table.sync();
    table.collection.documents.push(twice(2, -1));
    expect(await table.sync()).toMatchObject({ version: 1, filesAdded: 0, counts: { read: 1, quarantined: 1 } });
    expect(
      (await table.entry(1)).flatMap(({ txn }) => (txn === undefined ? [] : [(txn as { appId: string }).appId])),
    ).toEqual([
      'mongolake/guest.notifications',
      'mongolake/guest.notifications/quarantine',
      'mongolake/guest.notifications/head',
    ]);
    // Read again in the late window: it is on the list already.
    expect(await table.sync()).toMatchObject({ version: null, counts: { read: 1, quarantined: 1 } });
    table.collection.now = NOW + 10 * MINUTE;
    expect(await table.sync()).toMatchObject({ version: 2, watermark: NOW + 5 * MINUTE, counts: { quarantined: 1 } });
    expect(await listed()).toHaveLength(1);
    expect(await objects()).toHaveLength(2);
  });

  it('of which there are two of the same bytes is counted twice and listed once; another content is another entry', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), twice(2), twice(2), twice(2, -30)];
    expect(await table.sync()).toMatchObject({ counts: { read: 4, quarantined: 3 } });
    expect(await listed()).toMatchObject([{ id: '2' }, { id: '2' }]);
  });

  it('whose cursor can not be read belongs to every window of a dump; one that is out of the window does not', async () => {
    table = harness({ now: NOW });
    table.collection.kind = 'dump';
    const unreadable = documentOf([element(0x20, 'a', int32(1)), element(BSON.int32, '_id', int32(9))]);
    table.collection.documents = [good(1), good(2, -200), twice(3, -200), twice(4), unreadable];
    const { counts } = await table.sync({ from: at(-100).getTime() });
    expect(counts).toMatchObject({ read: 3, inserted: 1, quarantined: 2 });
    expect((await listed()).map(({ id }) => id)).toEqual(['4', null]);
  });
});

describe('whatever is retried, duplicated or lost', () => {
  it('an extract that runs again after its receipt lists what that receipt names', async () => {
    const receipts: string[] = [];
    table = harness({
      now: NOW,
      wrap: (storage) => ({
        ...storage,
        async putIfAbsent(key, body, writerId) {
          const result = await storage.putIfAbsent(key, body, writerId);
          if (!key.includes('/receipts/extract-')) return result;
          receipts.push(body.toString());
          if (receipts.length === 1) throw new Error('the worker died');
          return result;
        },
      }),
    });
    table.collection.documents = [good(1), twice(2)];
    await table.sync();
    expect(await listed()).toHaveLength(1);
    expect(await objects()).toHaveLength(2);
  });

  it('a commit whose answer is lost lists once', async () => {
    table = harness({
      now: NOW,
      wrap: (storage) => ({
        ...storage,
        putIfAbsent: async (key, body, writerId) => {
          const result = await storage.putIfAbsent(key, body, writerId);
          if (key === entryKey(0)) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
          return result;
        },
      }),
    });
    table.collection.documents = [good(1), twice(2)];
    expect(await table.sync()).toMatchObject({ version: 0, counts: { quarantined: 1 } });
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: null, counts: { quarantined: 1 } });
    expect(await listed()).toHaveLength(1);
  });

  it('a run that failed after it put documents aside lists nothing; the next one lists each once', async () => {
    let fail = false;
    table = harness({
      now: NOW,
      wrap: before((key) => {
        if (fail && key.startsWith('_delta_log/')) throw new Error('gone');
      }),
    });
    table.collection.documents = [good(1)];
    await table.sync();
    fail = true;
    table.collection.documents.push(good(2, -1), twice(3, -1));
    await expect(table.sync()).rejects.toThrow();
    expect(await listed()).toEqual([]);
    fail = false;
    // Whether it was committed was not known: its version is fenced off, and it is finished after that.
    expect(await table.sync()).toMatchObject({ version: 2, counts: { inserted: 1 } });
    expect(await listed()).toMatchObject([{ id: '3' }]);
  });

  it('a lease object that was deleted, so that its count begins anew, is in no list’s way', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), twice(3, -1)];
    await table.sync();
    table.collection.documents.push(twice(4, -1));
    await table.sync();
    await table.storage.delete(['_mongolake/lease.json']);
    // Vacuumed: numbers only grow, though that one is free again.
    await table.storage.delete([quarantineListKey(1)]);
    // Left by a run that never committed, under the number that comes next.
    await table.storage.put(quarantineListKey(3), Buffer.from('{"run":"other"}'));
    table.collection.documents.push(twice(5, -1));
    expect(await table.sync()).toMatchObject({ version: 2, counts: { quarantined: 3 } });
    expect(await listed()).toHaveLength(3);
    expect(JSON.stringify(await table.entry(2))).toContain('/quarantine","version":4');
  });
});

describe('maxQuarantined', () => {
  it('fails the run before its commit, with the count, the ceiling, reasons and what to do', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), twice(2), twice(3), twice(4)];
    await expect(table.sync({}, { maxQuarantined: 2 })).rejects.toMatchObject({
      code: 'QUARANTINE_LIMIT',
      exitCode: 1,
      message: expect.stringMatching(
        /met 3 documents that can't be stored, and maxQuarantined is 2: document 2 read of fake:.*: field "a" occurs twice; /,
      ),
      hint: expect.stringContaining('raise maxQuarantined'),
    });
    expect(await table.keys('_delta_log/')).toEqual([]);
    expect(await table.sync({}, { maxQuarantined: 3 })).toMatchObject({ version: 0, counts: { quarantined: 3 } });
  });

  it('of 0 lets none through, and a job that fails by it is not tried again', async () => {
    table = harness({ now: NOW });
    let reads = 0;
    table.collection.onRead = () => void reads++;
    table.collection.documents = [twice(2)];
    await expect(table.sync({}, { maxQuarantined: 0 })).rejects.toMatchObject({ code: 'QUARANTINE_LIMIT' });
    expect(reads).toBe(1);
  });

  it('holds for the jobs of a run together', async () => {
    table = harness({ now: NOW });
    table.collection.ranges = 2;
    table.collection.documents = [good(1), twice(2), twice(3)];
    await expect(table.sync({}, { maxQuarantined: 3 })).rejects.toMatchObject({
      code: 'QUARANTINE_LIMIT',
      message: expect.stringContaining('the run met 4 documents'),
    });
  });
});

const RETRY: Partial<RunRequest> = { mode: 'retry' };

describe('a retry', () => {
  it('stores what can be stored now, lets newer rows be, and takes both off the list with their bytes', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), good(2, -10)];
    await listAsBroken(table, [bson({ ...good(2, -90), a: 'old' }), bson(good(3, -90))]);
    expect(await listed()).toHaveLength(2);
    const watermark = (await openState(table.storage))?.watermark;
    expect(await table.sync(RETRY)).toMatchObject({
      version: 1,
      counts: { read: 2, inserted: 1, superseded: 1, quarantined: 0 },
      watermark,
    });
    expect(await listed()).toEqual([]);
    expect((await objects()).filter((key) => key.endsWith('.bson'))).toEqual([]);
    expect((await table.entry(1))[0]).toMatchObject({ commitInfo: { operation: 'RETRY' } });
    expect(await table.sync(RETRY)).toMatchObject({ version: null, counts: { read: 0 } });
  });

  it('never replaces a row of the same cursor: the source may have been repaired in its place', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1)];
    await listAsBroken(table, [bson({ ...good(2, -90), a: 'old' })]);
    table.collection.documents = [good(1), { ...good(2, -90), a: 'repaired' }];
    await table.sync({ mode: 'backfill' });
    expect(await table.sync(RETRY)).toMatchObject({ counts: { read: 1, updated: 0, superseded: 1 } });
    expect(await listed()).toEqual([]);
  });

  it('keeps on the list what is still broken, once and as it was, whatever maxQuarantined is', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [good(1), twice(4)];
    await listAsBroken(table, [bson(good(3, -90))]);
    const first = (await listed()).find(({ id }) => id === '4');
    expect(await table.sync(RETRY, { maxQuarantined: 0 })).toMatchObject({
      version: 1,
      counts: { read: 2, inserted: 1, quarantined: 1 },
    });
    expect(await listed()).toEqual([first]);
    expect((await table.storage.get(first?.object ?? ''))?.body).toEqual(twice(4));
    expect(await table.sync(RETRY)).toMatchObject({ version: null, counts: { read: 1, quarantined: 1 } });
    expect(await listed()).toEqual([first]);
  });

  it('leaves the note of the last check as it was, and needs a table', async () => {
    table = harness({ now: NOW });
    await expect(table.sync(RETRY)).rejects.toMatchObject({ code: 'TABLE_MISSING' });
    table.collection.documents = [good(1), twice(4)];
    await table.sync();
    const note = (await table.storage.get('_mongolake/freshness.json'))?.body.toString();
    table.collection.now = NOW + MINUTE;
    await table.sync(RETRY);
    expect((await table.storage.get('_mongolake/freshness.json'))?.body.toString()).toBe(note);
  });
});
