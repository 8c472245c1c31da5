import { afterEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../src/coordinator/history.ts';
import { readVersion } from '../../src/coordinator/log.ts';
import { readQuarantine } from '../../src/coordinator/quarantine.ts';
import { filesOf, openState, type TableState } from '../../src/coordinator/table.ts';
import { entryKey } from '../../src/shared/domain/delta/entry.ts';
import { type Harness, harness } from './table-harness.ts';
import { unsealed } from './unsealed.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const at = (minutes: number) => new Date(NOW + minutes * MINUTE);
const made = (_id: number | string, more: Record<string, unknown> = {}) => ({ _id, updateTime: at(-60), ...more });
const BROKEN = Buffer.from([6, 0, 0, 0, 255, 0]);
const REPLACE = { mode: 'backfill', replace: true } as const;

let table: Harness;
afterEach(() => table.close());

async function state(): Promise<TableState> {
  const found = await openState(table.storage);
  if (found === undefined) throw new Error('there is no table');
  return found;
}

const rowsOf = (of: TableState) => filesOf(of).reduce((sum, { rows }) => sum + rows, 0);
const columnsOf = (of: TableState) => of.schema.columns.map(({ name }) => name);

describe('a backfill that replaces the table', () => {
  it('leaves what it read in one version: rows, columns and files of the one before are gone, and still there to travel to', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, { a: 'x', b: 1 }), made(2, { b: 2 }), made(3, { b: 3 })];
    await table.sync();
    const before = await state();
    table.collection.documents = [made(1, { a: 'x' }), made(4, { a: 'y' }), made(4, { a: 'z' })];
    const result = await table.sync(REPLACE);
    expect(result).toMatchObject({
      version: 1,
      watermark: NOW - 5 * MINUTE,
      counts: { read: 3, inserted: 2, updated: 0, unchanged: 0, superseded: 1, deleted: 3 },
      filesRemoved: filesOf(before).length,
    });
    const after = await state();
    expect([rowsOf(after), columnsOf(after)]).toEqual([2, ['updateTime', 'a']]);
    const old = new Set(filesOf(before).map(({ path }) => path));
    expect(filesOf(after).filter(({ path }) => old.has(path))).toEqual([]);
    expect([...((await readVersion(table.storage, 0))?.files.keys() ?? [])].sort()).toEqual([...old].sort());
    expect(await readHistory(table.storage, 1)).toMatchObject([
      { version: 1, operation: 'REPLACE', filesRemoved: old.size, counts: { inserted: 2, deleted: 3 } },
    ]);
    // What follows is as ever.
    table.collection.documents = [made(1, { a: 'new', updateTime: at(-1) })];
    expect(await table.sync()).toMatchObject({ version: 2, counts: { updated: 1, inserted: 0 } });
  });

  it('may change the ids’ type, the partitions, the engine, the cursor and the column policy; keys that are not ours stay', async () => {
    table = harness({ now: NOW });
    table.collection.documents = Array.from({ length: 20 }, (_, id) => made(id, { a: 'x', stamp: NOW / 1000 - 9000 }));
    await table.sync();
    const entry = unsealed((await table.storage.get(entryKey(0)))?.body);
    const theirs = '"configuration":{"delta.appendOnly":"false",';
    await table.storage.put(entryKey(0), Buffer.from(entry.replace('"configuration":{', theirs)));
    table.collection.documents.push(made('A-1'));
    const settings = {
      partitions: 8,
      engine: 'parquetjs',
      cursorField: 'stamp',
      cursorType: 'epochSeconds',
    } as const;
    const columns = { rename: { a: 'text' } };
    expect(await table.sync({ ...REPLACE, columns }, settings)).toMatchObject({
      version: 1,
      counts: { inserted: 21, deleted: 20 },
    });
    const after = await state();
    expect(after).toMatchObject({
      partitions: 8,
      engine: 'parquetjs',
      cursor: 'stamp:epochSeconds',
      columns,
      schema: { idType: 'string:long' },
    });
    expect(columnsOf(after)).toContain('text');
    expect([...after.files.keys()].some((partition) => partition > 1)).toBe(true);
    expect(after.snapshot.metadata.configuration['delta.appendOnly']).toBe('false');
    table.collection.documents = [made('A-1', { a: 'y', stamp: NOW / 1000 })];
    expect(await table.sync({ columns }, settings)).toMatchObject({ version: 2, counts: { updated: 1 } });
  });

  it('sizes the partitions anew where they are auto', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1)];
    await table.sync();
    await table.sync(REPLACE, { partitions: 'auto' });
    // Of a source that does not tell its size.
    expect((await state()).partitions).toBe(16);
  });

  it('by nothing leaves an empty table, which takes documents again', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, { a: 'x' }), made(2)];
    const { filesAdded } = await table.sync();
    table.collection.documents = [];
    expect(await table.sync(REPLACE)).toMatchObject({
      version: 1,
      counts: { read: 0, inserted: 0, deleted: 2 },
      filesAdded: 0,
      filesRemoved: filesAdded,
    });
    expect(filesOf(await state())).toEqual([]);
    table.collection.documents = [made('B-1', { a: 1, updateTime: at(-1) })];
    expect(await table.sync()).toMatchObject({ version: 2, counts: { inserted: 1 } });
  });

  it('of a table that is not there yet makes it, as any first load', async () => {
    table = harness({ now: NOW });
    expect(await table.sync(REPLACE)).toMatchObject({ version: null });
    table.collection.documents = [made(1)];
    expect(await table.sync(REPLACE)).toMatchObject({ version: 0, counts: { inserted: 1, deleted: 0 } });
    expect(await readHistory(table.storage, 1)).toMatchObject([{ operation: 'BACKFILL' }]);
  });

  it('leaves on the list of quarantined documents what it put aside itself', async () => {
    table = harness({ now: NOW });
    const other = Buffer.from([6, 0, 0, 0, 254, 0]);
    table.collection.documents = [made(1), BROKEN, other];
    await table.sync();
    table.collection.documents = [made(1), other];
    expect(await table.sync(REPLACE)).toMatchObject({ counts: { quarantined: 1 } });
    expect(await readQuarantine(table.storage, await state())).toMatchObject([{ bytes: 6 }]);
    table.collection.documents = [made(1)];
    await table.sync(REPLACE);
    expect(await readQuarantine(table.storage, await state())).toEqual([]);
  });

  it('takes no bounds', async () => {
    table = harness({ now: NOW });
    const refused = { code: 'USAGE', exitCode: 64, message: expect.stringContaining('--replace') };
    await expect(table.sync({ ...REPLACE, from: NOW - MINUTE })).rejects.toMatchObject(refused);
    await expect(table.sync({ ...REPLACE, to: NOW })).rejects.toMatchObject(refused);
  });
});

describe('the watermark of a table that is replaced', () => {
  it('is that of the new reading, though it be earlier: what is dated between is yet to come', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1, { updateTime: at(-7) })];
    expect((await table.sync()).watermark).toBe(NOW - 5 * MINUTE);
    table.collection.kind = 'dump';
    table.collection.now = NOW - 30 * MINUTE;
    table.collection.documents = [made(1)];
    expect((await table.sync(REPLACE)).watermark).toBe(NOW - 35 * MINUTE);
    table.collection.kind = 'live';
    table.collection.now = NOW + MINUTE;
    table.collection.documents = [made(1, { updateTime: at(-7) })];
    expect(await table.sync()).toMatchObject({ version: 2, counts: { updated: 1 } });
  });

  it('is gone where the new reading tells none: the next sync reads everything', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1)];
    await table.sync();
    table.collection.kind = 'dump';
    table.collection.tellsStart = false;
    await table.sync(REPLACE);
    expect((await state()).watermark).toBeNull();
    expect(await readHistory(table.storage, 1)).toMatchObject([{ watermark: null }]);
    table.collection.kind = 'live';
    table.collection.documents = [made(1), made(2, { updateTime: at(-1000) })];
    expect(await table.sync()).toMatchObject({ version: 2, watermark: NOW - 5 * MINUTE, counts: { read: 2 } });
    expect((await state()).watermark).toBe(NOW - 5 * MINUTE);
  });
});

describe('a table of mode full', () => {
  const FULL = { mode: 'full' } as const;

  it('is replaced by each sync and backfill, and has no watermark', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1, a: 'x' }, { _id: 2 }];
    expect(await table.sync({}, FULL)).toMatchObject({ version: 0, watermark: null });
    table.collection.documents = [{ _id: 2 }];
    expect(await table.sync({}, FULL)).toMatchObject({ version: 1, counts: { inserted: 1, deleted: 2 } });
    expect(columnsOf(await state())).toEqual([]);
    expect(await table.sync({ mode: 'backfill' }, FULL)).toMatchObject({
      version: 2,
      counts: { inserted: 1, deleted: 1 },
    });
    expect((await state()).watermark).toBeNull();
  });

  it('minds no clock, and takes no bounds', async () => {
    table = harness({ now: NOW });
    table.collection.skew = 6 * MINUTE;
    table.collection.documents = [{ _id: 1 }];
    expect(await table.sync({}, FULL)).toMatchObject({ version: 0 });
    const refused = { code: 'USAGE', exitCode: 64, message: expect.stringContaining('mode: full') };
    await expect(table.sync({ from: NOW - MINUTE }, FULL)).rejects.toMatchObject(refused);
    await expect(table.sync({ mode: 'backfill', to: NOW }, FULL)).rejects.toMatchObject(refused);
  });

  it('may have been incremental, and be so again: then everything is read once', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [made(1)];
    await table.sync();
    await table.sync({}, FULL);
    expect((await state()).watermark).toBeNull();
    table.collection.documents = [made(1), made(2)];
    expect(await table.sync()).toMatchObject({ version: 2, counts: { unchanged: 1, inserted: 1 } });
  });

  it('takes what is retried from the list without being replaced', async () => {
    table = harness({ now: NOW });
    table.collection.documents = [{ _id: 1 }, BROKEN];
    await table.sync({}, FULL);
    expect(await table.sync({ mode: 'retry' }, FULL)).toMatchObject({ version: null, counts: { quarantined: 1 } });
    expect(rowsOf(await state())).toBe(1);
  });
});
