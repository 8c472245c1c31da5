import { afterEach, describe, expect, it } from 'vitest';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
let table: Harness;
afterEach(() => table.close());

describe('a first load', () => {
  it('that finds no document makes no table', async () => {
    table = harness({ now: NOW });
    expect(await table.sync()).toMatchObject({ version: null, counts: { read: 0 } });
    expect(await table.keys('_delta_log/')).toEqual([]);
    expect(await table.keys('data/')).toEqual([]);
  });

  it('of one document makes version 0 with protocol, schema, watermark and head', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, a: 'x', updateTime: at(-60) }];
    expect(await table.sync()).toMatchObject({
      version: 0,
      counts: { read: 1, inserted: 1 },
      watermark: NOW - 5 * MINUTE,
    });
    expect(await table.entry(0)).toMatchObject([
      { commitInfo: { operation: 'BACKFILL' } },
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          configuration: {
            'mongolake.partitions': '2',
            'mongolake.idType': 'long',
            'mongolake.source': 'guest.notifications',
          },
        },
      },
      { txn: { appId: 'mongolake/guest.notifications', version: NOW - 5 * MINUTE } },
      { txn: { appId: 'mongolake/guest.notifications/head', version: 0 } },
      { add: { tags: { 'mongolake.partition': expect.any(String) } } },
    ]);
  });

  it('leaves nothing staged behind', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    await table.sync();
    expect(await table.keys('_mongolake/runs/')).toEqual([]);
  });
});

describe('what is read again', () => {
  it('late documents are caught by the next run; future-dated ones arrive at once and never hold the watermark', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [
      { _id: 1, updateTime: at(-60) },
      { _id: 2, updateTime: at(600) },
    ];
    expect(await table.sync()).toMatchObject({ counts: { inserted: 2 }, watermark: NOW - 5 * MINUTE });
    table.collection.documents.push({ _id: 3, updateTime: at(-4) });
    table.collection.now = NOW + MINUTE;
    expect(await table.sync()).toMatchObject({
      counts: { read: 2, inserted: 1, unchanged: 1 },
      watermark: NOW - 4 * MINUTE,
    });
  });

  it('a burst followed by quiet costs one txn-only version, then none', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [
      { _id: 1, updateTime: at(-60) },
      { _id: 2, updateTime: at(-1) },
    ];
    await table.sync();
    table.collection.now = NOW + 10 * MINUTE;
    expect(await table.sync()).toMatchObject({ version: 1, filesAdded: 0, counts: { read: 1, unchanged: 1 } });
    expect((await table.entry(1)).map((action) => Object.keys(action)[0])).toEqual(['commitInfo', 'txn', 'txn']);
    table.collection.now = NOW + 20 * MINUTE;
    expect(await table.sync()).toMatchObject({ version: null, counts: { read: 0 } });
    expect(await table.keys('_delta_log/')).toHaveLength(2);
  });
});

describe('explicit bounds', () => {
  it('are exclusive, and move the watermark only where they continue it', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [1, 2, 3, 4].map((id) => ({ _id: id, updateTime: at(-100 + id) }));
    expect(await table.sync({ from: at(-98).getTime(), to: at(-96).getTime() })).toMatchObject({
      counts: { read: 1, inserted: 1 },
      watermark: null,
    });
    // A table without a watermark is compared whole by its next sync.
    expect(await table.sync()).toMatchObject({
      counts: { read: 4, inserted: 3, unchanged: 1 },
      watermark: NOW - 5 * MINUTE,
    });
  });
});

describe('a dump', () => {
  it('never replaces a newer row, unless it is told to', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, a: 'new', updateTime: at(-10) }];
    await table.sync();
    table.collection.kind = 'dump';
    table.collection.documents = [{ _id: 1, a: 'old', updateTime: at(-20) }];
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ counts: { superseded: 1, updated: 0 } });
    expect(await table.sync({ mode: 'backfill', overwrite: true })).toMatchObject({
      counts: { superseded: 0, updated: 1 },
    });
  });
});

describe('faults', () => {
  it('I4: a commit whose answer is lost recognises itself', async () => {
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
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    expect(await table.sync()).toMatchObject({ version: 0 });
  });

  it('I3: a version that another run took first is a conflict; the table is as that run left it', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    await table.sync();
    table.collection.documents.push({ _id: 2, updateTime: at(-1) });
    table.collection.onRead = () =>
      void table.storage.put(entryKey(1), Buffer.from('{"commitInfo":{"txnId":"other"}}\n'));
    await expect(table.sync()).rejects.toMatchObject({ code: 'COMMIT_CONFLICT', exitCode: 75 });
  });

  it('someone else’s entry is explained and refused', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    await table.sync();
    await table.storage.put(entryKey(1), Buffer.from('{"commitInfo":{"operation":"OPTIMIZE"}}\n'));
    await expect(table.sync()).rejects.toMatchObject({
      code: 'TABLE_FOREIGN',
      message: expect.stringContaining('version 1'),
    });
  });

  it('I7: a receipt that does not add up stops the run before its commit', async () => {
    table = harness({
      now: NOW,
      wrap: (storage) => ({
        ...storage,
        putIfAbsent: (key, body, writerId) =>
          storage.putIfAbsent(
            key,
            key.includes('/merge-') ? Buffer.from(unsealed(body).replace('"inserted":1', '"inserted":0')) : body,
            writerId,
          ),
      }),
    });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    await expect(table.sync()).rejects.toMatchObject({ code: 'BOOKS_UNBALANCED' });
    expect(await table.keys('_delta_log/')).toEqual([]);
  });

  it('I5: an extract that ran before leaves its receipt, and the merge reads that attempt only', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, a: 'first', updateTime: at(-60) }];
    let attempts = 0;
    table.collection.onRead = () => {
      attempts++;
      if (attempts === 1) {
        table.collection.documents[0] = { _id: 1, a: 'second', updateTime: at(-60) };
        throw new Error('the reader died');
      }
    };
    expect(await table.sync()).toMatchObject({ counts: { read: 1, inserted: 1 } });
    expect(attempts).toBe(2);
  });

  it('a table of another collection is refused', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    await table.sync();
    const entry = unsealed((await table.storage.get(entryKey(0)))?.body);
    await table.storage.put(entryKey(0), Buffer.from(entry.replaceAll('guest.notifications', 'guest.bookings')));
    await expect(table.sync()).rejects.toMatchObject({ code: 'TABLE_NAMESPACE', exitCode: 78 });
  });

  it('remembers its cursor: another one is refused until a backfill takes it, which no sync then forgets', async () => {
    table = harness({ now: NOW });
    const stamp = Math.floor((NOW - 60 * MINUTE) / 1000);
    const made = (_id: number, seconds: number) => ({ _id, updateTime: at(-60), stamp: seconds });
    table.collection.documents = [made(1, stamp)];
    await table.sync();
    const configuration = async (version: number) => {
      const found = (await table.entry(version)).find((action) => 'metaData' in action);
      return (found?.metaData as { configuration: Record<string, string> } | undefined)?.configuration;
    };
    expect((await configuration(0))?.['mongolake.cursor']).toBe('updateTime:date');
    const other = { cursorField: 'stamp', cursorType: 'epochSeconds' } as const;
    const refused = {
      code: 'TABLE_CURSOR',
      exitCode: 78,
      message: expect.stringContaining('updateTime:date, the configuration says stamp:epochSeconds'),
      hint: expect.stringContaining('mongolake backfill'),
    };
    await expect(table.sync({}, other)).rejects.toMatchObject(refused);
    await expect(table.sync({ from: 0, to: NOW }, other)).rejects.toMatchObject(refused);
    await expect(table.sync({ mode: 'backfill', from: 0 }, other)).rejects.toMatchObject(refused);
    // Nothing changed but the cursor, and that is kept.
    const taken = await table.sync({ mode: 'backfill' }, other);
    expect(taken).toMatchObject({ version: 1, counts: { unchanged: 1 }, watermark: NOW - 5 * MINUTE - 999 });
    expect((await configuration(1))?.['mongolake.cursor']).toBe('stamp:epochSeconds');
    table.collection.documents = [made(1, stamp), made(2, NOW / 1000)];
    expect(await table.sync({}, other)).toMatchObject({ version: 2, counts: { read: 1, inserted: 1 } });
    await expect(table.sync()).rejects.toMatchObject({ code: 'TABLE_CURSOR' });
  });

  it('that is older than the key is given its cursor with the next entry, and none is written for it alone', async () => {
    table = harness({ now: NOW });
    const own = { _id: 1, updateTime: at(-60) };
    table.collection.documents = [own];
    await table.sync();
    const entry = unsealed((await table.storage.get(entryKey(0)))?.body);
    const older = entry.replace(',"mongolake.cursor":"updateTime:date"', '');
    expect(older).not.toContain('mongolake.cursor');
    await table.storage.put(entryKey(0), Buffer.from(older));
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: null });
    table.collection.documents = [own, { _id: 2, updateTime: at(-1) }];
    expect(await table.sync()).toMatchObject({ version: 1, counts: { inserted: 1 } });
    expect(JSON.stringify(await table.entry(1))).toContain('"mongolake.cursor":"updateTime:date"');
  });

  it('keeps its cursor where a run reads everything and can tell no watermark', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60), at: at(-60) }];
    await table.sync();
    table.collection.kind = 'dump';
    table.collection.tellsStart = false;
    expect(await table.sync({}, { cursorField: 'at' })).toMatchObject({ version: null, counts: { unchanged: 1 } });
    table.collection.kind = 'live';
    await expect(table.sync({}, { cursorField: 'at' })).rejects.toMatchObject({ code: 'TABLE_CURSOR' });
    expect(await table.sync()).toMatchObject({ version: null });
  });

  it('a clock that is far off is refused, and the lease is given back', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, updateTime: at(-60) }];
    table.collection.skew = 6 * MINUTE;
    await expect(table.sync()).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    const lease = await table.storage.get('_mongolake/lease.json');
    expect(JSON.parse(lease?.body.toString() ?? '{}')).toMatchObject({ state: 'released', epoch: 1 });
    table.collection.skew = 0;
    expect(await table.sync()).toMatchObject({ version: 0 });
  });
});
