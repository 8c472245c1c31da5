import { afterEach, describe, expect, it } from 'vitest';
import { discardUnfinished } from '../../src/coordinator/discard.ts';
import { type AwayTable, awayTable } from './away-table.ts';
import type { Harness } from './table-harness.ts';

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

describe('what is asked for now', () => {
  it('is not answered by a first load that did not end, nor by an old backfill', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await keptFrom('schema.json', () => table.sync());
    // Repaired without another time: only a backfill that reads now sees it.
    table.collection.documents = [made(1, -60, 'repaired')];
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: 1, counts: { inserted: 1, updated: 1 } });
    await keptFrom('schema.json', () => table.sync({ mode: 'backfill' }));
    table.collection.documents = [made(1, -60, 'again')];
    table.collection.now = NOW + 25 * 60 * MINUTE;
    expect(await table.sync({ mode: 'backfill' })).toMatchObject({ version: 2, counts: { updated: 1 } });
  });

  it('does not carry out what overwrites newer rows, unless that is asked for', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -10, 'new')];
    await table.sync();
    table.collection.kind = 'dump';
    table.collection.documents = [made(1, -20, 'old')];
    const overwrite = { mode: 'backfill', overwrite: true } as const;
    await keptFrom('schema.json', () => table.sync(overwrite));
    const result = await table.sync();
    expect([result.version, result.recovered]).toEqual([null, undefined]);
    await keptFrom('schema.json', () => table.sync(overwrite));
    expect(await table.sync(overwrite)).toMatchObject({ version: 1, counts: { updated: 1 } });
  });

  it('is the table’s own, under its name of now', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await keptFrom('schema.json', () => table.sync());
    const result = await table.sync({ pipeline: 'hotel' });
    expect([result.version, result.recovered]).toEqual([0, undefined]);
  });

  it('may fail after the other run was finished: the error says what was', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1));
    await keptFrom('schema.json', () => table.sync());
    const broken = Buffer.from([6, 0, 0, 0, 255, 0]);
    table.collection.onRead = () => {};
    table.collection.documents = [made(2, -1), broken];
    await expect(table.sync({}, { maxQuarantined: 0 })).rejects.toMatchObject({
      code: 'QUARANTINE_LIMIT',
      message: expect.stringMatching(/before that, the unfinished run .* was finished: version 1/),
    });
  });

  it('may be to discard it: nothing of it is finished', async () => {
    const keptFrom = withFaults();
    table.collection.documents = [made(1, -60)];
    await table.sync();
    table.collection.documents.push(made(2, -1));
    await keptFrom('schema.json', () => table.sync());
    const { storage, clock, logger, signal, engineVersion } = table.runContext;
    const outer = { storage, clock, logger, signal, engineVersion };
    expect(await discardUnfinished(30_000, outer)).toMatchObject({ base: 0 });
    expect(await runs()).toEqual([]);
    expect(await discardUnfinished(30_000, outer)).toBeUndefined();
    expect((await table.sync()).recovered).toBeUndefined();
  });
});

describe('a retry whose list is gone', () => {
  it('fails, and is given up: the next sync is refused no more', async () => {
    const keptFrom = withFaults();
    const broken = Buffer.from([6, 0, 0, 0, 255, 0]);
    table.collection.documents = [made(1, -60), broken];
    await table.sync();
    await keptFrom('receipts/extract', () => table.sync({ mode: 'retry' }));
    const lists = (await table.keys('_mongolake/quarantine/')).filter((key) => key.endsWith('.json'));
    await table.storage.delete(lists);
    table.collection.documents = [made(2, -1)];
    await expect(table.sync()).rejects.toMatchObject({ code: 'OBJECT_MISSING' });
    expect(await table.sync()).toMatchObject({ version: 1, counts: { inserted: 1 } });
  });
});
