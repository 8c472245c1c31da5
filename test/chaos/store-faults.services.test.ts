import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { faultyLine } from './faulty-line.ts';
import { type Lake, openLake } from './lake.ts';
import { expectBalanced } from './log.ts';
import { isConditional, storeFront, type Trouble, troubles } from './store-front.ts';
import { suiteLake } from './suite.ts';
import { type ChaosTable, chaosTable } from './table.ts';

const ROUNDS = Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);
const seeds = (first: number, count: number) => Array.from({ length: count * ROUNDS }, (_, i) => first + i);
/** Several tables are gone through at once: on a machine that is busy each takes its time. */
const PATIENCE = { timeout: 300_000 };
/** Runs under trouble; the line is calm after them. */
const TRIES = 4;

/** What a broken line does to requests. */
const BROKEN: readonly (readonly [Trouble, number])[] = [
  ['cut', 3],
  ['lose', 3],
  ['cut-answer', 3],
  ['delay', 1],
];
/** What a store does that has too much to do. */
const BUSY: readonly (readonly [Trouble, number])[] = [
  ['slow-down', 4],
  ['too-many', 2],
  ['internal', 2],
];

describeWith(['redis', 's3', 'mongodb', 'readers'], 'a store that fails now and then', (services) => {
  const suite = suiteLake(services);
  const begin = (name: string, endpoint: string) =>
    // Long enough for a line that is silent now and then.
    suite.begin(name, { endpoint, defaults: { leaseTtl: '10s' } });

  /** Syncs while there is trouble, then once more in peace: no run ends wrong, and nothing is lost or there twice. */
  const runThrough = async (table: ChaosTable, calm: () => void) => {
    await table.worker();
    for (let tries = 0; tries < TRIES; tries++) {
      const { ended, results } = await table.space.json('sync');
      const [result] = results;
      if (ended.code === 0) {
        expectBalanced({ ...result });
        break;
      }
      expect(result?.error, ended.stderr).toMatchObject({ retryable: true });
      expect([1, 75]).toContain(ended.code);
    }
    calm();
    await table.untilDone('sync');
    await table.expectRight();
    expect(await table.vacuumed()).toEqual(await table.orphans());
    await table.close();
  };

  describe.concurrent('through a TCP proxy that cuts, delays and drops answers', PATIENCE, () => {
    it.each(seeds(1, 3))('seed %i', async (seed) => {
      const line = await faultyLine(suite.lake().store.port, seed, 0.5);
      const table = await begin(`line-${seed}`, `http://127.0.0.1:${line.port}`);
      await runThrough(table, line.calm);
      expect([...line.met.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
      await line.close();
    });
  });

  describe.concurrent('requests that break off, before and after the store has heard them', PATIENCE, () => {
    it.each(seeds(1, 3))('seed %i', async (seed) => {
      const front = await storeFront(suite.lake().store, troubles(seed, 0.3, 150, BROKEN));
      const table = await begin(`broken-${seed}`, front.endpoint);
      await runThrough(table, front.calm);
      for (const kind of ['cut', 'lose', 'cut-answer'] as const) expect(front.met.get(kind), kind).toBeGreaterThan(0);
      await front.close();
    });
  });

  describe.concurrent('a store that throttles', PATIENCE, () => {
    it.each(seeds(1, 2))('seed %i', async (seed) => {
      const front = await storeFront(suite.lake().store, troubles(seed, 0.4, 200, BUSY));
      const table = await begin(`busy-${seed}`, front.endpoint);
      await runThrough(table, front.calm);
      expect(front.met.get('slow-down')).toBeGreaterThan(0);
      await front.close();
    });
  });

  it('every answer to the commit is lost: the run finds its own entry and ends as committed', async () => {
    const front = await storeFront(suite.lake().store, (request) =>
      isConditional(request) && request.url?.includes('_delta_log') === true ? 'lose' : 'pass',
    );
    const table = await begin('commit-lost', front.endpoint);
    await table.worker();
    expect(await table.untilDone('sync')).toMatchObject({ status: 'committed', version: 2 });
    expect(front.met.get('lose')).toBeGreaterThan(0);
    await table.expectRight();
    await front.close();
  });
});

describeWith(['redis', 's3', 'mongodb'], 'a store that takes conditional headers and ignores them', (services) => {
  let lake: Lake;
  beforeAll(async () => {
    lake = await openLake(services);
    await lake.collection.fill(0);
  });
  afterAll(() => lake.close());

  it('is refused by `check` and by `sync`, with the reason, before anything is in the table', async () => {
    const front = await storeFront(lake.store, (request) => (isConditional(request) ? 'unconditional' : 'pass'));
    const table = chaosTable(lake, 'unconditional', { endpoint: front.endpoint, queue: { kind: 'local' } });
    const checked = await table.space.json('check');
    expect(checked.ended.code).toBe(77);
    expect(checked.ended.stdout).toContain('STORE_UNCONDITIONAL');
    const { ended, results } = await table.space.json('sync');
    expect(results).toMatchObject([
      { error: { code: 'STORE_UNCONDITIONAL', retryable: false, message: expect.stringContaining('If-None-Match') } },
    ]);
    expect(ended.code).toBe(77);
    expect(front.met.get('unconditional')).toBeGreaterThan(0);
    expect(await lake.store.keys('unconditional/_delta_log/')).toEqual([]);
    await table.close();
    await front.close();
  });
});
