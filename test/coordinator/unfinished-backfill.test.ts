import { afterEach, describe, expect, it } from 'vitest';
import type { RunSettings } from '../../src/coordinator/carry-out.ts';
import { readHistory } from '../../src/coordinator/history.ts';
import type { RunRequest } from '../../src/coordinator/run.ts';
import { filesOf, openState } from '../../src/coordinator/table.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import { type AwayTable, awayTable } from './away-table.ts';
import { type Harness, silent } from './table-harness.ts';

const MINUTE = 60_000;
const NOW = Date.parse('2026-03-01T12:00:00Z');
const made = (id: number, minutes = -60) => ({ _id: id, updateTime: new Date(NOW + minutes * MINUTE) });
const REPLACE = { mode: 'backfill', replace: true } as const;
const FULL = { mode: 'full' } as const;

let table: Harness;
let keptFrom: AwayTable['keptFrom'];
let said: string[] = [];
afterEach(() => table.close());

/** A table with the rows 1 and 2, whose collection has 2 and 3 now. */
async function changed(settings = {}): Promise<void> {
  said = [];
  const note = (message: string) => void said.push(message);
  const logger: Logger = { ...silent, info: note, warn: note, child: () => logger };
  ({ table, keptFrom } = awayTable(NOW, logger));
  table.collection.documents = [made(1), made(2)];
  await sync({}, settings);
  table.collection.documents = [made(2), made(3, -1)];
}

/** One partition, whose job is the only one that can fail. */
const sync = (request: Partial<RunRequest> = {}, settings: Partial<RunSettings> = {}) =>
  table.sync(request, { partitions: 1, ...settings });
const operations = async () => (await readHistory(table.storage, 9)).map(({ operation }) => operation);
const rows = async () => filesOf(await openState(table.storage)).reduce((sum, file) => sum + file.rows, 0);

describe('a replacement that did not end', () => {
  it.each(['schema.json', 'receipts/merge'])('at %s stays one, finished by a sync that says so', async (part) => {
    await changed();
    await keptFrom(part, () => sync(REPLACE));
    table.collection.documents.push(made(4, -1));
    const result = await sync();
    expect(result).toMatchObject({ version: 2, counts: { deleted: 2 }, recovered: [expect.any(String)] });
    expect(said.join('\n')).toMatch(
      /an unfinished backfill --replace \(planned 2026-03-01T12:00:00\.000Z, 1 of 1 ranges read.*\) is finished first/,
    );
    expect(await operations()).toEqual(['SYNC', 'REPLACE', 'BACKFILL']);
    expect(await rows()).toBe(3);
  });

  it('is what a backfill --replace was to do, and not what a backfill is', async () => {
    await changed();
    await keptFrom('receipts/merge', () => sync(REPLACE));
    expect(await sync(REPLACE)).toMatchObject({ version: 1 });
    await keptFrom('receipts/merge', () => sync(REPLACE));
    table.collection.documents = [made(5)];
    expect(await sync({ mode: 'backfill' })).toMatchObject({ version: 3, recovered: [expect.any(String)] });
    expect(await operations()).toEqual(['BACKFILL', 'REPLACE', 'REPLACE', 'BACKFILL']);
    expect(await rows()).toBe(3);
  });

  it('of mode full is finished by the next sync, whose work it is; and is given up once the mode is another', async () => {
    await changed(FULL);
    await keptFrom('receipts/merge', () => sync({}, FULL));
    expect(await sync({}, FULL)).toMatchObject({ version: 1, counts: { inserted: 2, deleted: 2 } });
    await keptFrom('receipts/merge', () => sync({}, FULL));
    table.collection.documents = [made(3, -1)];
    const result = await sync();
    expect(result).toMatchObject({ version: null, counts: { unchanged: 1, deleted: 0 } });
    expect(result.recovered).toBeUndefined();
    expect(said.join('\n')).toContain('sync of mode full is given up: the configuration no longer says mode: full');
    expect(await rows()).toBe(2);
  });
});

describe('what is to be replaced', () => {
  it.each([
    ['a sync', { mode: 'sync' }],
    ['a backfill', { mode: 'backfill' }],
  ] as const)('is not waited for: %s that did not end is given up', async (_, request) => {
    await changed();
    await keptFrom('receipts/merge', () => sync(request));
    const result = await sync(REPLACE);
    expect([result.version, result.recovered]).toEqual([1, undefined]);
    expect(said.join('\n')).toContain('is given up: the table is to be replaced');
    expect(await operations()).toEqual(['REPLACE', 'BACKFILL']);
  });
});

describe('a run that is under way elsewhere', () => {
  it('is named to whoever comes meanwhile: what it is, how far, and how to abandon it', async () => {
    await changed();
    let meanwhile: Promise<unknown> | undefined;
    table.collection.onRead = () => {
      meanwhile ??= sync().catch((error: unknown) => error);
    };
    table.collection.ranges = 3;
    await sync({ mode: 'backfill' });
    expect(await meanwhile).toMatchObject({
      code: 'LEASE_HELD',
      exitCode: 75,
      message: expect.stringMatching(/a backfill \(planned 2026-.*Z, 0 of 3 ranges read\) is under way: the lease/),
      hint: expect.stringContaining('`mongolake discard`'),
    });
  });
});
