import { serialize } from 'bson';
import { afterEach, describe, expect, it } from 'vitest';
import { amplification, estimateRewrite, hasWork, previewRun } from '../../src/coordinator/preview.ts';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { BaseFile } from '../../src/shared/domain/plan.ts';
import type { Source } from '../../src/shared/ports/source.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { fakeClock } from './fake-clock.ts';
import { type Harness, harness, SETTINGS } from './table-harness.ts';

const file = (path: string, size: number, rows: number): BaseFile => ({ path, size, rows, lower: null, upper: null });
const two = new Map([
  [0, [file('a', 100, 10), file('b', 300, 10)]],
  [1, [file('c', 200, 20)]],
]);

describe('what a delta touches', () => {
  it('is nothing for no document', () => {
    const nothing = { partitions: 0, files: 0, bytes: 0 };
    expect(estimateRewrite(two, 2, 0)).toEqual({ about: nothing, atMost: nothing });
  });

  it('is at most one file per document, the largest', () => {
    expect(estimateRewrite(two, 2, 1).atMost).toEqual({ partitions: 1, files: 1, bytes: 300 });
    expect(estimateRewrite(two, 2, 2).atMost).toEqual({ partitions: 2, files: 2, bytes: 500 });
    expect(estimateRewrite(two, 2, 1000).atMost).toEqual({ partitions: 2, files: 3, bytes: 600 });
  });

  it('is expected by the share of the rows', () => {
    // One document: 1/4 · 100 + 1/4 · 300 + 1/2 · 200 bytes.
    expect(estimateRewrite(two, 2, 1).about).toEqual({ partitions: 1, files: 1, bytes: 200 });
    // Two: 7/16 · 100 + 7/16 · 300 + 3/4 · 200 bytes of 7/16 + 7/16 + 3/4 files, in 2 · 3/4 partitions.
    expect(estimateRewrite(two, 2, 2).about).toEqual({ partitions: 2, files: 2, bytes: 325 });
    expect(estimateRewrite(two, 2, 1000).about).toEqual({ partitions: 2, files: 3, bytes: 600 });
  });

  it('is everything where the number is not known', () => {
    const all = { partitions: 2, files: 3, bytes: 600 };
    expect(estimateRewrite(two, 2, undefined)).toEqual({ about: all, atMost: all });
    expect(estimateRewrite(new Map(), 8, undefined).atMost).toEqual({ partitions: 8, files: 0, bytes: 0 });
  });

  it('counts files without rows as one among equals', () => {
    const empty = new Map([[0, [file('a', 100, 0), file('b', 100, 0)]]]);
    expect(estimateRewrite(empty, 1, 1).about).toEqual({ partitions: 1, files: 1, bytes: 100 });
  });
});

it('write amplification needs both figures', () => {
  expect(amplification(600, 30)).toBe(20);
  expect(amplification(600, undefined)).toBeUndefined();
  expect(amplification(600, 0)).toBeUndefined();
  expect(amplification(0, 30)).toBeUndefined();
});

it('only a window known to be empty is no work', () => {
  expect(hasWork({ documents: { count: 0, basis: 'estimated' }, replace: false })).toBe(false);
  expect(hasWork({ documents: { count: undefined, basis: 'estimated' }, replace: false })).toBe(true);
  expect(hasWork({ documents: { count: 3, basis: 'atMost' }, replace: false })).toBe(true);
});

const now = Date.parse('2026-03-01T12:00:00Z');
const MINUTE = 60_000;
const document = (id: number, at: number) => ({ _id: id, updateTime: new Date(at) });

/** A source whose figures and documents are given. */
function source(given: Partial<Source> & { readonly documents?: readonly object[] } = {}): Source {
  const { documents = [], ...rest } = given;
  return {
    description: 'fake',
    namespace: { database: 'guest', collection: 'notifications' },
    clock: async () => ({ kind: 'live', serverTime: now, lastMajorityWrite: undefined }),
    estimate: async () => ({ documents: 7, bytes: 700 }),
    ranges: async (scope) => [{ scope, part: null }],
    countWithoutCursor: async () => undefined,
    async *lookUp() {},
    async *read() {
      for (const one of documents) yield { bytes: Buffer.from(serialize(one)), offsets: [0] };
    },
    indexes: async () => [{ name: 'updateTime_1', fields: ['updateTime'], sparse: false }],
    close: async () => {},
    ...rest,
  };
}

const dumpClock: Source['clock'] = async () => ({ kind: 'dump', serverTime: now, lastMajorityWrite: undefined });

function preview(storage: Storage, from: Source, request: Partial<Parameters<typeof previewRun>[0]> = {}) {
  const context = { storage, source: from, clock: fakeClock(now), signal: new AbortController().signal };
  return previewRun({ mode: 'sync', from: null, to: null, replace: false, settings: SETTINGS, ...request }, context);
}

describe('a preview', () => {
  let table: Harness | undefined;
  afterEach(() => table?.close());

  /** A table with two rows, read at `now` less ten minutes. */
  async function loaded(): Promise<Storage> {
    table = harness({ now: now - 10 * MINUTE });
    table.collection.documents = [document(1, now - 60 * MINUTE), document(2, now - 50 * MINUTE)];
    await table.sync();
    return table.storage;
  }

  async function keys(storage: Storage): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of storage.list('')) found.push(key);
    return found;
  }

  it('of a table that is not there yet is a full load, and makes nothing', async () => {
    const storage = memoryStorage();
    const seen = await preview(storage, source(), { settings: { ...SETTINGS, partitions: 'auto' } });
    expect(seen).toMatchObject({
      base: undefined,
      scope: { kind: 'full' },
      documents: { count: 7, basis: 'estimated' },
      bytes: 700,
      partitions: 4,
      nextWatermark: now - 5 * MINUTE,
      rewrite: { atMost: { partitions: 4, files: 0, bytes: 0 } },
    });
    expect(await keys(storage)).toEqual([]);
  });

  it('of a sync is its window and what that may rewrite; nothing is written', async () => {
    const storage = await loaded();
    const before = await keys(storage);
    const seen = await preview(storage, source({ estimate: async () => ({ documents: 1, bytes: 50 }) }));
    expect(seen).toMatchObject({
      base: 0,
      scope: { kind: 'window', from: now - 15 * MINUTE, to: null },
      watermark: now - 15 * MINUTE,
      nextWatermark: now - 5 * MINUTE,
      documents: { count: 1 },
      rewrite: { atMost: { partitions: 1, files: 1 } },
      notes: [],
    });
    expect(seen.amplification).toBeGreaterThan(1);
    expect(await keys(storage)).toEqual(before);
  });

  it('of a backfill is the whole table, of explicit bounds those', async () => {
    const storage = await loaded();
    expect(await preview(storage, source(), { mode: 'backfill' })).toMatchObject({ scope: { kind: 'full' }, base: 0 });
    const bounded = await preview(storage, source(), { from: 1, to: 2 });
    expect(bounded.scope).toEqual({ kind: 'window', cursor: { field: 'updateTime', type: 'date' }, from: 1, to: 2 });
  });

  it('of what replaces the table is every file that it has, and its watermark anew', async () => {
    const storage = await loaded();
    const files = filesOf(await openState(storage)).length;
    const estimate: Source['estimate'] = async () => ({ documents: 0, bytes: 0 });
    const request = { mode: 'backfill', replace: true, settings: { ...SETTINGS, partitions: 8 } } as const;
    const seen = await preview(storage, source({ estimate }), request);
    expect(seen).toMatchObject({
      replace: true,
      base: 0,
      scope: { kind: 'full' },
      partitions: 8,
      rewrite: { atMost: { files }, about: { files } },
      nextWatermark: now - 5 * MINUTE,
    });
    // Even where nothing is read: the table is empty then.
    expect(hasWork(seen)).toBe(true);
    await expect(preview(storage, source(), { ...request, from: 1 })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('of a table of mode full says so, and asks nothing of cursor and index', async () => {
    const storage = await loaded();
    const unasked = async () => expect.fail('nobody needs it');
    const settings = { ...SETTINGS, mode: 'full' } as const;
    const seen = await preview(storage, source({ indexes: unasked, countWithoutCursor: unasked }), { settings });
    expect(seen).toMatchObject({ mode: 'sync', replace: true, watermark: now - 15 * MINUTE, nextWatermark: null });
    expect(seen.notes).toEqual([expect.stringMatching(/^mode: full/)]);
  });

  it('counts the window of a dump, and gives its size where it is too long to be counted', async () => {
    const storage = await loaded();
    const documents = [document(1, now - 60 * MINUTE), document(3, now - 9 * MINUTE), { _id: 4 }];
    const counted = await preview(storage, source({ clock: dumpClock, documents }));
    expect(counted.documents).toEqual({ count: 1, basis: 'counted' });
    expect(counted.bytes).toBe(serialize(documents[1] as object).length);
    const long = source({ clock: dumpClock, documents, estimate: async () => ({ documents: 9e9, bytes: 3e12 }) });
    expect((await preview(storage, long)).documents).toEqual({ count: 9e9, basis: 'atMost' });
  });

  it('counts the documents that no sync meets, in the index of a server or on the way through a dump', async () => {
    const storage = await loaded();
    const documents = [document(1, now - 9 * MINUTE), { _id: 4 }, { _id: 5, updateTime: 'text' }];
    const dump = await preview(storage, source({ clock: dumpClock, documents }));
    expect(dump.withoutCursor).toEqual({ documents: 2, atLeast: false });
    expect(dump.notes).toEqual([
      '2 documents have no updateTime that is a date, and no sync meets them: set it in every write, or schedule `mongolake backfill`, which reads the whole collection',
    ]);
    const asked: unknown[] = [];
    const countWithoutCursor: Source['countWithoutCursor'] = async (cursor) => {
      asked.push(cursor);
      return { documents: 1_000_000, atLeast: true };
    };
    const live = await preview(storage, source({ countWithoutCursor }));
    expect(live.notes).toEqual([expect.stringMatching(/^at least 1,000,000 documents have no updateTime/)]);
    expect(asked).toEqual([{ field: 'updateTime', type: 'date' }]);
    expect((await preview(storage, source())).withoutCursor).toBeUndefined();
    const none = await preview(storage, source({ countWithoutCursor: async () => ({ documents: 0, atLeast: false }) }));
    expect(none).toMatchObject({ withoutCursor: { documents: 0 }, notes: [] });
  });

  it('takes a count that went on only so far for at least that, and the rewrite for unknown', async () => {
    const storage = await loaded();
    const estimate = async () => ({ documents: 1_000_000, bytes: 1, atLeast: true });
    const seen = await preview(storage, source({ estimate }));
    expect(seen.documents).toEqual({ count: 1_000_000, basis: 'atLeast' });
    expect(seen.rewrite.about).toEqual(seen.rewrite.atMost);
  });

  it('notes a missing index and a run under way', async () => {
    const storage = await loaded();
    const lease = { formatVersion: 1, epoch: 9, state: 'held', owner: 'h:1', run: 'r9', nonce: 'n', renewedAt: now };
    await storage.put('_mongolake/lease.json', Buffer.from(JSON.stringify({ ...lease, ttlMs: 30_000 })));
    const { notes } = await preview(storage, source({ indexes: async () => [] }));
    expect(notes).toEqual([
      'a run is under way: r9, by h:1',
      'no index starts with updateTime: the run would scan the whole collection (see `mongolake check`)',
    ]);
  });

  it('fails as the run would: clocks apart, another collection', async () => {
    const storage = await loaded();
    const late = source({ clock: async () => ({ kind: 'live', serverTime: 0, lastMajorityWrite: undefined }) });
    await expect(preview(storage, late)).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    const other = source({ namespace: { database: 'guest', collection: 'bookings' } });
    const settings = { ...SETTINGS, cursorType: 'timestamp' as const };
    await expect(preview(storage, source(), { settings })).rejects.toMatchObject({ code: 'TABLE_CURSOR' });
    await expect(preview(storage, other)).rejects.toMatchObject({ code: 'TABLE_NAMESPACE' });
  });
});
