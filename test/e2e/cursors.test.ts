import { type Document, Long, ObjectId, Timestamp } from 'bson';
import { afterEach, describe, expect, it } from 'vitest';
import type { CursorType } from '../../src/shared/domain/cursor.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { document, fresh, old, T } from './worked-example.ts';

let space: Workspace;
afterEach(() => space.close());

/** The worked example's time of a document as each type tells it. */
const FORMS: Readonly<Record<CursorType, (time: Date) => unknown>> = {
  date: (time) => time,
  timestamp: (time) => new Timestamp({ t: time.getTime() / 1000, i: 1 }),
  epochSeconds: (time) => time.getTime() / 1000,
  epochMilliseconds: (time) => Long.fromNumber(time.getTime()),
  objectId: (time) => new ObjectId(`${(time.getTime() / 1000).toString(16)}0000000000000001`),
};

const config = (settings: Record<string, unknown>) => ({
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  defaults: { allowedLateness: '1s', partitions: 1, ...settings },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
});

async function head(): Promise<readonly unknown[]> {
  const { results } = await space.json('head', '-n', '10');
  const [result] = results as unknown as readonly { readonly rows: readonly { a: string }[] }[];
  return (result?.rows ?? []).map(({ a }) => a).sort();
}

/** They start processes, on machines that do other things too. */
describe('the worked example by every cursor', { timeout: 120_000 }, () => {
  it.each([
    ['timestamp', 'meta.at'],
    ['epochSeconds', 'at'],
    ['epochMilliseconds', 'meta.at'],
    ['objectId', 'at'],
  ] as const)('%s in %s: each document once, one of another type never before a backfill', async (type, field) => {
    space = workspace(config({ cursorField: field, cursorType: type }));
    const file = `${space.folder}/dump/guest/notifications.bson`;
    const placed = (value: unknown): Document => (field === 'at' ? { at: value } : { meta: { at: value } });
    const stamped = ({ updateTime, ...rest }: ReturnType<typeof document>) => ({
      ...rest,
      ...placed(FORMS[type](updateTime)),
    });
    writeDump(file, old.map(stamped), T(2.5));
    expect((await space.json('sync')).results).toMatchObject([{ status: 'committed', version: 0, inserted: 3 }]);

    const stranger = { ...document(9, 'A9'), ...placed('10 January 2026') };
    writeDump(file, [...fresh.map(stamped), stranger], T(5));
    const plan = (await space.json('plan')).results as unknown as readonly { withoutCursor: number; notes: string[] }[];
    expect(plan).toMatchObject([{ documents: 2, withoutCursor: 1 }]);
    expect(plan[0]?.notes[0]).toContain(`1 document has no ${field} that is`);
    expect((await space.run('check')).stdout).toContain(`1 document has no ${field} that is`);
    expect((await space.json('sync')).results).toMatchObject([{ version: 1, read: 2, inserted: 1, updated: 1 }]);
    expect(await head()).toEqual(['A1', 'A2', 'A3', 'A4']);

    expect((await space.json('backfill')).results).toMatchObject([{ version: 2, inserted: 1, unchanged: 4 }]);
    expect(await head()).toEqual(['A1', 'A2', 'A3', 'A4', 'A9']);
  });

  it('an _id by its time of making finds new documents', async () => {
    space = workspace(config({ cursorField: '_id', cursorType: 'objectId' }));
    const file = `${space.folder}/dump/guest/notifications.bson`;
    const made = (n: number) => ({ _id: FORMS.objectId(T(n)), a: `A${n}` });
    writeDump(file, [made(1), made(2)], T(2.5));
    await space.json('sync');
    writeDump(file, [made(1), made(2), made(3)], T(5));
    expect((await space.json('sync')).results).toMatchObject([{ version: 1, read: 1, inserted: 1 }]);
    expect(await head()).toEqual(['A1', 'A2', 'A3']);
  });

  it('another cursor is refused, and taken by a backfill', async () => {
    space = workspace(config({}));
    writeDump(`${space.folder}/dump/guest/notifications.bson`, old, T(2.5));
    await space.json('sync');
    space.configure(config({ cursorType: 'timestamp' }));
    const refused = await space.json('sync');
    expect(refused.ended.code).toBe(78);
    expect(refused.results).toMatchObject([{ error: { code: 'TABLE_CURSOR', retryable: false } }]);
    expect((await space.json('backfill')).results).toMatchObject([{ version: 1, unchanged: 3 }]);
    expect((await space.json('sync')).ended.code).toBe(0);
  });
});
