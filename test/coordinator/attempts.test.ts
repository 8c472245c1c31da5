import { parquetReadObjects } from 'hyparquet';
import { afterEach, describe, expect, it } from 'vitest';
import { openState } from '../../src/coordinator/table.ts';
import { unlockTable } from '../../src/coordinator/unlock.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { memoryStorage } from '../../src/shared/adapters/storage-memory.ts';
import type { ExtractJob } from '../../src/shared/domain/job.ts';
import { RUNS_PREFIX, runOfKey } from '../../src/shared/domain/keys.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { extract } from '../../src/worker/extract.ts';
import { createRooms } from '../../src/worker/slabs.ts';
import { type ShuffleTask, shuffle } from '../../src/worker/thread/shuffle.ts';
import { withOwnNotes } from './own-notes.ts';
import { fakeSource, type Harness, harness } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const made = (id: number, n: number, minutes: number) => ({ _id: id, n, updateTime: new Date(NOW + minutes * MINUTE) });

const open: Harness[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));

/** `_id=n` of each row of the newest version, sorted. */
async function rows({ storage }: Pick<Harness, 'storage'>): Promise<readonly string[]> {
  const all: string[] = [];
  for (const { path } of [...((await openState(storage))?.files.values() ?? [])].flat()) {
    const { body } = (await storage.get(path)) as { body: Buffer };
    const file = new Uint8Array(body).buffer as ArrayBuffer;
    for (const { _id, n } of await parquetReadObjects({ file })) all.push(`${_id}=${n}`);
  }
  return all.sort();
}

/** What hyparquet reads without help. */
const SNAPPY = { compression: 'snappy' } as const;

describe('an extract job that runs twice while the source changes in between', () => {
  /** A table with one version, and what happens once around the next receipt of an extract job. */
  const table = async (around: (write: () => Promise<unknown>, other: () => Promise<void>) => Promise<void>) => {
    let armed = false;
    const own = harness({
      now: NOW,
      wrap: (storage): Storage => ({
        ...storage,
        async putIfAbsent(key, ...rest) {
          if (!armed || !key.includes('/receipts/extract-')) return storage.putIfAbsent(key, ...rest);
          armed = false;
          let result = { written: false } as Awaited<ReturnType<Storage['putIfAbsent']>>;
          const write = async () => {
            result = await storage.putIfAbsent(key, ...rest);
          };
          await around(write, () => secondAttempt(own, runOfKey(key)));
          return result;
        },
      }),
    });
    open.push(own);
    own.collection.documents = [made(1, 0, -60), made(2, 0, -60)];
    await own.sync({}, SNAPPY);
    own.collection.documents = [made(1, 1, -4), made(2, 0, -60)];
    armed = true;
    return own;
  };
  /** The job once more, elsewhere: by now document 1 has changed again, and 3 is new. */
  const secondAttempt = async ({ storage, collection }: Harness, run: string) => {
    collection.documents = [made(1, 2, -3), made(2, 0, -60), made(3, 2, -3)];
    const job: ExtractJob = {
      kind: 'extract',
      id: `${run}-extract-0`,
      pipeline: 'guest',
      collection: 'notifications',
      run,
      priority: 1,
      ordinal: 0,
    };
    const delivery = { job, attempt: 2, signal: new AbortController().signal, progress: async () => {} };
    const openSource = async () => fakeSource(collection);
    const pool = { shuffle: async (task: ShuffleTask) => shuffle(task) };
    const means = { storage, openSource, pool, clock: systemClock(), keyed: undefined, rooms: createRooms() };
    await extract(job, delivery, { ...means, slabBytes: () => 1e6, concurrency: 1, understands: () => true });
  };
  const segments = async ({ storage }: Harness) => {
    const keys: string[] = [];
    for await (const { key } of storage.list(RUNS_PREFIX)) if (key.includes('/segments/')) keys.push(key);
    return keys;
  };

  it('the later attempt leaves its receipt first: the merge reads that one only', async () => {
    let left: readonly string[] = [];
    const own = await table(async (write, other) => {
      await other();
      await write();
      left = await segments(own);
    });
    expect(await own.sync({}, SNAPPY)).toMatchObject({ version: 1, counts: { read: 2, inserted: 1, updated: 1 } });
    expect(left).toHaveLength(2);
    expect(await rows(own)).toEqual(['1=2', '2=0', '3=2']);
    expect(await segments(own)).toEqual([]);
  });

  it('the earlier one leaves it first: nothing of the later is in the version, and all of it in the next', async () => {
    const own = await table(async (write, other) => {
      await write();
      await other();
    });
    expect(await own.sync({}, SNAPPY)).toMatchObject({ version: 1, counts: { read: 1, inserted: 0, updated: 1 } });
    expect(await rows(own)).toEqual(['1=1', '2=0']);
    expect(await own.sync({}, SNAPPY)).toMatchObject({ version: 2, counts: { read: 2, inserted: 1, updated: 1 } });
    expect(await rows(own)).toEqual(['1=2', '2=0', '3=2']);
  });
});

describe('segments of an old run, whose coordinator sleeps between extract and merge', () => {
  /** Two coordinators over one table; the first falls asleep when it is about to write its schema. `view` is what each sees. */
  const pair = async (view: (shared: Storage) => Storage = (shared) => shared) => {
    const shared = memoryStorage('memory:table', { ...systemClock(), now: () => NOW });
    const sleep = sleeper();
    const make = (wrap: (storage: Storage) => Storage) => harness({ now: NOW, wrap: () => wrap(view(shared)) });
    const [first, second] = [make(sleep.wrap), make((storage) => storage)];
    open.push(first, second);
    first.collection.documents = [made(1, 0, -60)];
    await first.sync({}, SNAPPY);
    first.collection.documents = [made(1, 1, -4), made(2, 1, -4)];
    const ended = sleep.until(() => first.sync({}, SNAPPY));
    await sleep.asleep;
    second.collection.documents = [made(1, 9, -3), made(2, 9, -3)];
    return { first, second, wake: sleep.wake, ended, shared };
  };

  it('another takes over, finishes the run and goes on: the sleeper changes nothing any more', async () => {
    const { first, second, wake, ended, shared } = await pair();
    await unlockTable(shared, systemClock());
    await second.sync({}, SNAPPY);
    expect(await rows(second)).toEqual(['1=9', '2=9']);
    wake();
    // It may find its plan gone before it hears that its lease is.
    expect(await ended).toMatchObject({ code: expect.stringMatching(/^(LEASE_LOST|COMMIT_CONFLICT)$/), exitCode: 75 });
    expect(await rows(second)).toEqual(['1=9', '2=9']);
    first.collection.documents = second.collection.documents;
    await first.sync({}, SNAPPY);
    expect(await rows(first)).toEqual(['1=9', '2=9']);
    expect(await first.keys(RUNS_PREFIX)).toEqual([]);
  });

  it('another commits without knowing of it, lease or no lease: the old segments meet the old version only, and lose', async () => {
    const { first, second, wake, ended } = await pair(withOwnNotes);
    expect(await second.sync({}, SNAPPY)).toMatchObject({ version: 1 });
    wake();
    expect(await ended).toMatchObject({ code: 'COMMIT_CONFLICT', exitCode: 75 });
    expect(await rows(second)).toEqual(['1=9', '2=9']);
    // What the first left staged stands on a version that is no longer the newest.
    first.collection.documents = second.collection.documents;
    await first.sync({}, SNAPPY);
    expect(await rows(first)).toEqual(['1=9', '2=9']);
  });
});

/** A storage that stands still, for everyone who uses it, from the first write of a schema in `until` on. */
function sleeper() {
  let fallAsleep = () => {};
  let wake = () => {};
  const asleep = new Promise<void>((resolve) => {
    fallAsleep = resolve;
  });
  const awake = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let armed = false;
  let sleeps = false;
  const rest = async (key: string) => {
    if (armed && key.endsWith('/schema.json')) {
      armed = false;
      sleeps = true;
      fallAsleep();
    }
    if (sleeps) await awake;
  };
  const wrap = (storage: Storage): Storage => ({
    ...storage,
    get: async (...args) => rest(args[0]).then(() => storage.get(...args)),
    putIfAbsent: async (...args) => rest(args[0]).then(() => storage.putIfAbsent(...args)),
    putIfMatch: async (...args) => rest(args[0]).then(() => storage.putIfMatch(...args)),
    delete: async (keys) => rest('').then(() => storage.delete(keys)),
    async *list(...args) {
      await rest('');
      yield* storage.list(...args);
    },
  });
  return {
    wrap,
    asleep,
    wake: () => {
      sleeps = false;
      wake();
    },
    until: (work: () => Promise<unknown>) => {
      armed = true;
      return work().catch((error: unknown) => error);
    },
  };
}
