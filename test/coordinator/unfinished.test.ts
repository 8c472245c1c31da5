import { afterEach, describe, expect, it } from 'vitest';
import { readLease } from '../../src/coordinator/lease.ts';
import { readStatus } from '../../src/coordinator/status.ts';
import { openNewest } from '../../src/coordinator/table.ts';
import { unlockTable } from '../../src/coordinator/unlock.ts';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type AwayTable, awayTable } from './away-table.ts';
import { type Harness, harness } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const made = (id: number, minutes: number, a = 'x') => ({ _id: id, a, updateTime: new Date(NOW + minutes * MINUTE) });

let table: Harness;
afterEach(() => table.close());

function withFaults(): AwayTable['keptFrom'] {
  const away = awayTable(NOW);
  table = away.table;
  return away.keptFrom;
}

const runs = () => table.keys('_mongolake/runs/');
const operations = async () => {
  const entries = await Promise.all((await table.keys('_delta_log/')).map((_, version) => table.entry(version)));
  return entries.map(([first]) => (first?.commitInfo as { operation?: string } | undefined)?.operation);
};

describe('a run that the world kept from its end', () => {
  it('is finished by the next one from its receipts: what was read is not read again', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1));
    await keptFrom('schema.json', () => table.sync());
    expect((await runs()).filter((key) => /receipts|plan/.test(key))).toHaveLength(2);
    expect(await readStatus(table.storage, NOW)).toMatchObject({
      unfinished: { stage: 'schema', extract: { done: 1 } },
    });
    const reads: string[] = [];
    table.collection.onRead = () => void reads.push('read');
    const result = await table.sync();
    // Its own version first; what is new since then is the second run's.
    expect(result).toMatchObject({ version: 1, counts: { inserted: 1 } });
    expect(result.recovered).toHaveLength(1);
    expect(reads).toHaveLength(1);
    expect(await operations()).toEqual(['BACKFILL', 'SYNC']);
    expect(await runs()).toEqual([]);
  });

  it('is finished once its workers are of the version that planned it', async () => {
    let areOfAnother = true;
    table = harness({ now: NOW, understands: (version) => version === '0.0.0' && !areOfAnother });
    table.collection.documents = [made(1, -60)];
    await expect(table.sync()).rejects.toMatchObject({ code: 'WORKER_VERSION', exitCode: 75 });
    areOfAnother = false;
    expect(await table.sync()).toMatchObject({ version: 0, counts: { inserted: 1 }, recovered: [expect.any(String)] });
  });

  it('is what a backfill that is asked for again was to do: it is done once', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60), made(2, -60)];
    await keptFrom('receipts/merge', () => table.sync({ mode: 'backfill' }));
    let reads = 0;
    table.collection.onRead = () => void reads++;
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: 0, counts: { inserted: 2 } });
    expect(reads).toBe(0);
  });

  it('never meets a newer version: its window is planned anew', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents = [made(1, -1, 'old')];
    await keptFrom('schema.json', () => table.sync());
    const staged = await Promise.all(
      (await runs()).map(async (key) => [key, (await table.storage.get(key))?.body] as const),
    );
    table.collection.documents = [made(1, 0, 'new')];
    expect(await table.sync()).toMatchObject({ version: 2 });
    for (const [key, bytes] of staged) if (bytes !== undefined) await table.storage.put(key, bytes);
    expect(await table.sync()).toMatchObject({ version: null, counts: { updated: 0 } });
    expect(await runs()).toEqual([]);
  });

  it('is given up where the configuration has changed', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await keptFrom('schema.json', () => table.sync());
    const result = await table.sync({ columns: { exclude: ['a'] } });
    expect(result).toMatchObject({ version: 0, counts: { inserted: 1 } });
    expect(result.recovered).toBeUndefined();
    expect(JSON.stringify(await table.entry(0))).not.toContain('\\"name\\":\\"a');
    expect(await runs()).toEqual([]);
  });

  it('stays where the request itself is refused: nothing of it is lost by a wrong configuration', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1));
    await keptFrom('schema.json', () => table.sync());
    await expect(table.sync({}, { cursorField: 'other' })).rejects.toMatchObject({ code: 'TABLE_CURSOR' });
    expect((await table.sync()).recovered).toHaveLength(1);
  });

  it('that wrote the table anew is finished, too', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    await keptFrom('receipts/merge', () => table.repartition());
    expect(await table.repartition()).toMatchObject({ version: 1 });
    expect(await operations()).toEqual(['BACKFILL', 'REPARTITION']);
  });
});

describe('a run that is over', () => {
  it('stays so, even where a request that was long under way brings back what it staged', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents = [];
    await keptFrom('receipts/extract', () => table.sync());
    const plan = (await runs()).find((key) => key.endsWith('plan.json')) ?? '';
    const bytes = (await table.storage.get(plan))?.body as Buffer;
    // Finished: nothing was new, so the version that it stands on is still the newest.
    expect((await table.sync()).recovered).toHaveLength(1);
    await table.storage.put(plan, bytes);
    expect(await readStatus(table.storage, NOW)).toMatchObject({ unfinished: undefined });
    expect(await table.sync()).toMatchObject({ version: null });
    expect((await table.sync()).recovered).toBeUndefined();
    expect(await runs()).toEqual([]);
  });
});

describe('a run that failed for its own reason', () => {
  it('is given up at once: it would fail again', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, -60), Buffer.from([6, 0, 0, 0, 255, 0])];
    await expect(table.sync({}, { maxQuarantined: 0 })).rejects.toMatchObject({ code: 'QUARANTINE_LIMIT' });
    expect((await runs()).filter((key) => key.endsWith('plan.json'))).toEqual([]);
    table.collection.documents = [made(1, -60)];
    expect(await table.sync()).toMatchObject({ version: 0 });
    expect(await runs()).toEqual([]);
  });
});

describe('a run whose holder was overtaken', () => {
  it('can never commit: its version is taken before anything else, and its work is finished after that', async () => {
    const { stopBeforeCommit, wake } = withGate();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1));
    const zombie = await stopBeforeCommit();
    await unlockTable(table.storage, systemClock());
    expect(await table.sync()).toMatchObject({ version: 2, counts: { inserted: 1 } });
    wake();
    expect(await zombie.ended).toMatchObject({ exitCode: 75 });
    expect(await operations()).toEqual(['BACKFILL', 'FENCE', 'SYNC']);
    expect(await table.sync()).toMatchObject({ version: null });
    expect((await readLease(table.storage))?.body).toMatchObject({ state: 'released' });
  });

  it('can never make a table either: the log begins with a fence, and there is no table until there is something to load', async () => {
    const { stopBeforeCommit, wake } = withGate();
    table.collection.documents = [made(1, -60)];
    const zombie = await stopBeforeCommit();
    await unlockTable(table.storage, systemClock());
    table.collection.documents = [];
    // Another configuration: its work is given up, and now there is nothing to load.
    expect(await table.sync({ columns: { exclude: ['b'] } })).toMatchObject({ version: null });
    expect(await openNewest(table.storage)).toEqual({ version: 0, state: undefined });
    wake();
    expect(await zombie.ended).toMatchObject({ exitCode: 75 });
    expect(await readStatus(table.storage, NOW)).toMatchObject({ table: undefined });
    table.collection.documents = [made(7, -60)];
    expect(await table.sync()).toMatchObject({ version: 1, counts: { inserted: 1 } });
    expect(await operations()).toEqual(['FENCE', 'BACKFILL']);
    expect(await openNewest(table.storage)).toMatchObject({ version: 1, state: { partitions: 2 } });
  });
});

/** A table whose next commit can be held up just before its entry is written. */
function withGate() {
  let stopped: { readonly reached: () => void; readonly woken: Promise<void> } | undefined;
  let wake = () => {};
  table = harness({
    now: NOW,
    wrap: (storage): Storage => ({
      ...storage,
      putIfAbsent: async (key, ...rest) => {
        const gate = stopped;
        if (gate !== undefined && key.startsWith('_delta_log/')) {
          stopped = undefined;
          gate.reached();
          await gate.woken;
        }
        return storage.putIfAbsent(key, ...rest);
      },
    }),
  });
  return {
    async stopBeforeCommit(): Promise<{ readonly ended: Promise<unknown> }> {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const reaching = new Promise<void>((reached) => {
        stopped = { reached, woken };
      });
      const ended = table.sync().catch((error: unknown) => error);
      await reaching;
      return { ended };
    },
    wake: () => wake(),
  };
}
