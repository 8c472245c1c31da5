import type { Document } from 'bson';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readFreshness } from '../../src/coordinator/freshness.ts';
import { openState } from '../../src/coordinator/table.ts';
import { FRESHNESS_KEY } from '../../src/shared/domain/keys.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import { seededRandom } from '../chaos/random.ts';
import { LiveCollection } from './live-collection.ts';
import { restoreTo } from './restore-house.ts';
import { type Harness, harness, silent } from './table-harness.ts';
import { tableRows } from './table-rows.ts';

const START = Date.parse('2026-12-01T00:00:00Z');
const STREAM = { mode: 'changestream', partitions: 4, compression: 'snappy' } as const;

let house: Harness;
let live: LiveCollection;
const warned: string[] = [];
const logger: Logger = { ...silent, warn: (text) => warned.push(text), child: () => logger };

beforeEach(() => {
  warned.length = 0;
  house = harness({ now: START, logger });
  live = new LiveCollection(house);
});

afterEach(() => house.close());

const sync = (request = {}, settings = {}) => house.sync(request, { ...STREAM, ...settings });

async function rows(): Promise<ReadonlyMap<string, unknown>> {
  return new Map([...(await tableRows(house.storage))].map(([id, { v }]) => [id, v === null ? null : Number(v)]));
}

describe('a table that follows a change stream', () => {
  it('is loaded whole, then takes inserts, updates and deletions, of documents without a cursor too', async () => {
    for (const _id of [1, 2, 3]) live.put({ _id, v: 1 });
    expect(await sync()).toMatchObject({ version: 0, counts: { read: 3, inserted: 3 } });
    live.put({ _id: 2, v: 2 });
    live.put({ _id: 4, v: 1 });
    live.remove(1);
    const { version, counts } = await sync();
    expect({ version, ...counts }).toMatchObject({ version: 1, inserted: 1, updated: 1, deleted: 1 });
    expect(await rows()).toEqual(
      new Map([
        ['2', 2],
        ['3', 1],
        ['4', 1],
      ]),
    );
  });

  it('keeps its place in the commit, beyond what a number holds', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    live.put({ _id: 1, v: 2 });
    await sync();
    const txns = (await house.entry(1)).flatMap(({ txn }) => (txn === undefined ? [] : [txn as Document]));
    expect(txns.find(({ appId }) => appId === 'mongolake/guest.notifications/changes')?.version).toBe(
      Number(live.position),
    );
    expect((await openState(house.storage))?.position).toBe(live.position);
    expect(txns.some(({ appId }) => appId === 'mongolake/guest.notifications')).toBe(false);
  });

  it('the last reading of an id wins in the order of the stream, be it a deletion of what had a late cursor', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    const far = new Date(START + 1e9);
    // The document goes while the second of its events is looked up.
    live.put({ _id: 1, v: 2, updateTime: far });
    live.put({ _id: 1, v: 3, updateTime: far });
    const { lookUp } = house.runContext.source;
    let asked = 0;
    Object.assign(house.runContext.source, {
      lookUp: (...args: Parameters<typeof lookUp>) => {
        asked += 1;
        if (asked === 2) house.collection.documents = [];
        return lookUp(...args);
      },
    });
    const { counts } = await sync();
    expect(counts).toMatchObject({ read: 2, superseded: 1, deleted: 1, updated: 0 });
    expect(await rows()).toEqual(new Map());
  });

  it('an empty stretch commits nothing, and is not read again', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    live.put({ _id: 1, v: 1 });
    live.put({ _id: 1, v: 1 });
    expect(await sync()).toMatchObject({ version: null, counts: { unchanged: 1, superseded: 1 } });
    expect((await openState(house.storage))?.position).not.toBe(live.position);
    expect((await readFreshness(house.storage))?.position).toBe(live.position);
    house.collection.oldest = Number(live.position);
    expect(await sync()).toMatchObject({ version: null });
    // Without the note the table's own place counts, which is no longer there.
    await house.storage.delete([FRESHNESS_KEY]);
    expect(await sync()).toMatchObject({ version: 1, counts: { inserted: 1, deleted: 1 } });
  });

  it('a place that is an hour ahead of the log is committed by itself, so that no other commit throws it back', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    live.pass(30 * 60);
    expect(await sync()).toMatchObject({ version: null });
    live.pass(31 * 60);
    expect(await sync()).toMatchObject({ version: 1, counts: { read: 0 } });
    expect((await openState(house.storage))?.position).toBe(live.position);
    expect((await house.entry(1)).filter((action) => 'add' in action || 'remove' in action)).toEqual([]);
  });

  it('where the stream no longer has what came, the collection takes the place of the table', async () => {
    for (const _id of [1, 2, 3]) live.put({ _id, v: 1 });
    await sync();
    live.remove(2);
    live.put({ _id: 3, v: 2 });
    live.forget();
    const { version } = await sync();
    expect(version).toBe(1);
    expect(warned.join()).toMatch(/no longer has the changes/);
    expect(await rows()).toEqual(
      new Map([
        ['1', 1],
        ['3', 2],
      ]),
    );
    expect((await house.entry(1))[0]?.commitInfo).toMatchObject({ operation: 'REPLACE' });
    live.put({ _id: 4, v: 1 });
    expect((await sync()).counts).toMatchObject({ inserted: 1 });
  });

  it('a table that followed a cursor is loaded anew once, and goes back to a cursor by reading everything', async () => {
    live.put({ _id: 1, v: 1, updateTime: new Date(START) });
    live.put({ _id: 2, v: 1, updateTime: new Date(START) });
    await house.sync({}, { partitions: 4, compression: 'snappy' });
    live.remove(2);
    await sync();
    expect(await rows()).toEqual(new Map([['1', 1]]));
    expect((await openState(house.storage))?.watermark).toBeNull();
    live.put({ _id: 3, v: 1, updateTime: new Date(START - 1e9) });
    await house.sync({}, { partitions: 4, compression: 'snappy' });
    expect(await rows()).toEqual(
      new Map([
        ['1', 1],
        ['3', 1],
      ]),
    );
  });

  it('ends clearly where the collection was dropped, and goes on after backfill --replace', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    live.put({ _id: 2, v: 1 });
    live.end('dropped');
    await expect(sync()).rejects.toMatchObject({ code: 'STREAM_ENDED' });
    await expect(sync()).rejects.toMatchObject({ code: 'STREAM_ENDED' });
    expect(await rows()).toEqual(new Map([['1', 1]]));
    expect(await sync({ mode: 'backfill', replace: true })).toMatchObject({ version: 1 });
    live.put({ _id: 3, v: 1 });
    await sync();
    expect(await rows()).toEqual(
      new Map([
        ['1', 1],
        ['2', 1],
        ['3', 1],
      ]),
    );
  });

  it('a backfill reads everything and keeps the place, so that deletions still come', async () => {
    for (const _id of [1, 2]) live.put({ _id, v: 1 });
    await sync();
    live.remove(1);
    expect((await sync({ mode: 'backfill' })).counts).toMatchObject({ read: 1, deleted: 0 });
    expect((await sync()).counts).toMatchObject({ deleted: 1 });
  });

  it('a verification leaves out what came in the stream since, also while it looks, and finds what the stream did not tell', async () => {
    for (const _id of [1, 2, 3, 4, 5]) live.put({ _id, v: 1 });
    await sync();
    live.put({ _id: 1, v: 2 });
    live.put({ _id: 6, v: 1 });
    live.remove(2);
    const verify = (asked = {}) => house.verify({ isDeep: true, ...asked }, STREAM);
    expect(await verify()).toMatchObject({
      differences: { missing: 0, stale: 0, gone: 0 },
      leftOut: 3,
      unconfirmed: 0,
    });
    // Nobody was told of these.
    live.documents.set(3, { _id: 3, v: 9 });
    live.documents.delete(4);
    house.collection.documents = [...live.documents.values()];
    const { lookUp } = house.runContext.source;
    let asked = 0;
    Object.assign(house.runContext.source, {
      async *lookUp(...args: Parameters<typeof lookUp>) {
        yield* lookUp(...args);
        asked += 1;
        if (asked === 1) live.put({ _id: 3, v: 10 });
      },
    });
    const found = await verify();
    expect(found).toMatchObject({ differences: { missing: 0, stale: 0, gone: 1 }, leftOut: 4, unconfirmed: 0 });
    expect(found.ids).toMatchObject([{ id: '4', difference: 'gone' }]);
    expect((await verify({ repairs: true })).repaired?.counts).toMatchObject({ deleted: 1, updated: 0 });
    await sync();
    expect(await rows()).toEqual(
      new Map([
        ['1', 2],
        ['3', 10],
        ['5', 1],
        ['6', 1],
      ]),
    );
    expect(await house.keys('_mongolake/verifications/')).toEqual([]);
  });

  it('a restore takes the place back, so that what came since comes again', async () => {
    live.put({ _id: 1, v: 1 });
    await sync();
    const place = (await openState(house.storage))?.position;
    live.put({ _id: 1, v: 2 });
    live.put({ _id: 2, v: 1 });
    await sync();
    await restoreTo(house, 0);
    expect((await openState(house.storage))?.position).toBe(place);
    expect(await rows()).toEqual(new Map([['1', 1]]));
    expect((await sync()).counts).toMatchObject({ updated: 1, inserted: 1 });
    expect(await rows()).toEqual(
      new Map([
        ['1', 2],
        ['2', 1],
      ]),
    );
  });

  it('refuses bounds of a cursor, and a source without a stream', async () => {
    await expect(sync({ from: START })).rejects.toMatchObject({ code: 'USAGE' });
    house.collection.events = undefined;
    await expect(sync()).rejects.toMatchObject({ code: 'STREAM_UNSUPPORTED' });
  });

  it.each([1, 2, 3])(
    'whatever happens, the table is the collection after a sync (seed %s)',
    async (seed) => {
      const random = seededRandom(seed);
      for (let step = 0; step < 400; step += 1) {
        const _id = Math.floor(random() * 40);
        if (random() < 0.3) live.remove(_id);
        else live.put({ _id, v: step });
        if (random() < 0.02) live.forget();
        if (random() < 0.05) await sync();
      }
      await sync();
      expect(await rows()).toEqual(new Map([...live.documents].map(([id, { v }]) => [String(id), v])));
    },
    60_000,
  );
});
