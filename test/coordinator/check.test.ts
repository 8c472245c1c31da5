import { serialize } from 'bson';
import { afterEach, describe, expect, it } from 'vitest';
import { checkTable, type TableCheckContext } from '../../src/coordinator/check.ts';
import type { CheckResult } from '../../src/coordinator/check-verdicts.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { fakeClock } from './fake-clock.ts';
import { type Harness, harness } from './table-harness.ts';

const now = Date.parse('2026-03-01T12:00:00Z');

function liveSource(change: Partial<Source> = {}): Source {
  return {
    description: 'mongodb://h/guest.notifications',
    namespace: { database: 'guest', collection: 'notifications' },
    clock: async () => ({ kind: 'live', serverTime: now, lastMajorityWrite: undefined }),
    estimate: async () => ({ documents: 1234, bytes: 1 }),
    ranges: async (scope) => [{ scope, part: null }],
    countWithoutCursor: async () => undefined,
    async *lookUp() {},
    async *read() {
      yield { bytes: Buffer.from(serialize({ _id: 1, updateTime: new Date(now) })), offsets: [0] };
    },
    indexes: async () => [{ name: 'updateTime_1', fields: ['updateTime'], sparse: false }],
    close: async () => {},
    ...change,
  };
}

async function check(change: Partial<TableCheckContext> = {}): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const context: TableCheckContext = {
    source: liveSource(),
    kind: 'live',
    storage: memoryStorage('memory:t'),
    clock: fakeClock(now),
    settings: { mode: 'incremental', cursorField: 'updateTime', cursorType: 'date', allowedLateness: 300_000 },
    collections: async () => [{ database: 'guest', name: 'notifications', documents: 1234, bytes: 1 }],
    ...change,
  };
  for await (const result of checkTable(context)) results.push(result);
  return results;
}

const told = (results: readonly CheckResult[]) => results.map(({ name, status }) => `${name} ${status}`);
const fail = (code: 'SOURCE_REFUSED' | 'SOURCE_UNREACHABLE' | 'STORE_REFUSED' | 'STORE_UNREACHABLE') => async () => {
  throw new MongolakeError(code, 'no', { hint: 'do this' });
};

describe('a table whose parts are all there', () => {
  it('is ok throughout, and nothing is left in the store', async () => {
    const storage = memoryStorage('memory:t');
    const results = await check({ storage });
    expect(results.map(({ name, status, message }) => [name, status, message])).toEqual([
      ['source', 'ok', 'mongodb://h/guest.notifications answers'],
      ['collection', 'ok', 'guest.notifications: about 1,234 documents'],
      ['cursor', 'ok', 'updateTime is a date in 1 of 1 sampled documents'],
      ['index', 'ok', 'updateTime is the first field of updateTime_1'],
      ['clock', 'ok', "the server's clock and ours are 0.0 s apart; allowedLateness is 5 min"],
      ['store', 'ok', 'memory:t can be written, and honours conditional writes'],
      ['table', 'ok', 'no table yet: the first sync loads the whole collection'],
    ]);
    for await (const { key } of storage.list('')) expect.fail(`${key} was left`);
  });

  it('of mode full needs no cursor, no index and no clock', async () => {
    const settings = { mode: 'full', cursorField: 'none', cursorType: 'date', allowedLateness: 300_000 } as const;
    const source = liveSource({
      clock: async () => ({ kind: 'live', serverTime: now - 3_600_000, lastMajorityWrite: undefined }),
    });
    expect(told(await check({ source, settings }))).toEqual([
      'source ok',
      'collection ok',
      'mode ok',
      'store ok',
      'table ok',
    ]);
    const down = liveSource({ clock: fail('SOURCE_UNREACHABLE') });
    expect(told(await check({ source: down, settings })).slice(0, 2)).toEqual(['source failed', 'collection skipped']);
  });

  it('of a dump has no index, and its start for a clock', async () => {
    const source = liveSource({
      clock: async () => ({ kind: 'dump', serverTime: undefined, lastMajorityWrite: undefined }),
    });
    const results = await check({ source, kind: 'dump', collections: async () => expect.fail('a dump is not listed') });
    expect(told(results)).toEqual(['source ok', 'collection ok', 'cursor ok', 'clock warning', 'store ok', 'table ok']);
  });
});

it('counts the documents without the cursor, on a server by its index and in a dump by reading it', async () => {
  const of = async (change: Partial<TableCheckContext>) => (await check(change)).find(({ name }) => name === 'cursor');
  const countWithoutCursor = async () => ({ documents: 5, atLeast: false });
  const live = { status: 'warning', hint: expect.stringMatching(/^5 documents have no updateTime that is a date/) };
  expect(await of({ source: liveSource({ countWithoutCursor }) })).toMatchObject(live);
  const documents = [
    { _id: 1, updateTime: new Date(now) },
    { _id: 2, updateTime: now },
  ];
  const source = liveSource({
    clock: async () => ({ kind: 'dump', serverTime: now, lastMajorityWrite: undefined }),
    async *read() {
      for (const one of documents) yield { bytes: Buffer.from(serialize(one)), offsets: [0] };
    },
  });
  const dump = { status: 'warning', hint: expect.stringMatching(/^1 document has no updateTime that is a date/) };
  expect(await of({ source, kind: 'dump' })).toMatchObject(dump);
  // Too large a dump is not read: the sample alone speaks.
  const large = { ...source, estimate: async () => ({ documents: 9, bytes: 1e12 }) };
  expect(await of({ source: large, kind: 'dump' })).toMatchObject({ status: 'ok' });
});

describe('a part that fails', () => {
  it('of the source keeps what depends on it from being tried, and not the store', async () => {
    const results = await check({ source: liveSource({ clock: fail('SOURCE_REFUSED') }) });
    expect(told(results)).toEqual([
      'source failed',
      'collection skipped',
      'cursor skipped',
      'index skipped',
      'clock skipped',
      'store ok',
      'table ok',
    ]);
    expect(results[0]).toMatchObject({ code: 'SOURCE_REFUSED', hint: 'do this' });
  });

  it('known from another table is not tried again', async () => {
    const down = new MongolakeError('SOURCE_UNREACHABLE', 'as for guest.a');
    const clock = async () => expect.fail('asked again');
    const [first] = await check({ source: liveSource({ clock }), sourceDown: down, storeDown: undefined });
    expect(first).toMatchObject({ status: 'failed', message: 'as for guest.a', code: 'SOURCE_UNREACHABLE' });
  });

  it('names a collection that is not there, and those that are', async () => {
    const collections = async () => [{ database: 'guest', name: 'bookings', documents: 1, bytes: 1 }];
    const results = await check({ collections });
    expect(told(results).slice(0, 5)).toEqual([
      'source ok',
      'collection failed',
      'cursor skipped',
      'index skipped',
      'clock ok',
    ]);
    expect(results[1]).toMatchObject({ code: 'SOURCE_MISSING', hint: expect.stringContaining('it has bookings') });
  });

  it('of the rights to read is told by the parts that need them', async () => {
    const denied = fail('SOURCE_REFUSED');
    const source = liveSource({
      indexes: denied,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async *read() {
        await denied();
      },
    });
    expect(told(await check({ source })).slice(1, 4)).toEqual(['collection ok', 'cursor failed', 'index failed']);
  });

  it('of the store keeps the table from being read', async () => {
    const storage: Storage = { ...memoryStorage(), putIfAbsent: fail('STORE_REFUSED') };
    const results = await check({ storage });
    expect(told(results).slice(-2)).toEqual(['store failed', 'table skipped']);
    expect(results.at(-2)).toMatchObject({ code: 'STORE_REFUSED' });
  });

  it('of the conditions alone lets the table be read', async () => {
    const memory = memoryStorage();
    const storage: Storage = {
      ...memory,
      putIfAbsent: async (key, body) => ({ written: true, etag: (await memory.put(key, body)).etag }),
    };
    const results = await check({ storage });
    expect(told(results).slice(-2)).toEqual(['store failed', 'table ok']);
    expect(results.at(-2)).toMatchObject({ code: 'STORE_UNCONDITIONAL' });
  });
});

describe('a table that is there', () => {
  let table: Harness | undefined;
  afterEach(() => table?.close());

  it('is told with its version and rows, or as that of another collection', async () => {
    table = harness({ now });
    table.collection.documents = [{ _id: 1, updateTime: new Date(now) }];
    await table.sync();
    const { storage } = table;
    expect((await check({ storage })).at(-1)).toMatchObject({ status: 'ok', message: 'version 0, 1 row' });
    const changed = await check({
      storage,
      settings: { mode: 'incremental', cursorField: 'at', cursorType: 'date', allowedLateness: 300_000 },
    });
    expect(changed.at(-1)).toMatchObject({ status: 'failed', code: 'TABLE_CURSOR' });
    const namespace = { database: 'other', collection: 'notifications' };
    const collections = async () => [{ database: 'other', name: 'notifications', documents: 1, bytes: 1 }];
    const results = await check({ storage, source: liveSource({ namespace }), collections });
    expect(results.at(-1)).toMatchObject({ status: 'failed', code: 'TABLE_NAMESPACE' });
  });
});
