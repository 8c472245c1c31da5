import { existsSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const updateTime = new Date('2026-05-01T00:00:00Z');
const documents = (count: number) => Array.from({ length: count }, (_, i) => ({ _id: `id-${i}`, n: i, updateTime }));

describe('several collections in one pipeline', () => {
  let space: Workspace;
  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      maxConcurrentRuns: 2,
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications', 'booking*', '!*_tmp'] },
          table: { uri: 'file:./lake/{collection}' },
          collections: { notifications: { partitions: 2 } },
        },
      },
    });
    for (const [name, count] of [
      ['notifications', 3],
      ['bookings', 5],
      ['bookingNotes', 0],
      ['bookings_tmp', 7],
      ['other', 9],
    ] as const) {
      writeDump(`${space.folder}/dump/guest/${name}.bson`, documents(count), new Date('2026-06-01T00:00:00Z'));
    }
  });
  afterAll(() => space.close());
  const byTable = async (...args: string[]) => {
    const { ended, results } = await space.json(...args);
    return { code: ended.code, tables: new Map(results.map((result) => [result.table, result])) };
  };

  it('each is a table with its own run; wildcards are resolved against the source', async () => {
    const { code, tables } = await byTable('sync');
    expect(code).toBe(0);
    expect([...tables.keys()].sort()).toEqual(['guest.bookingNotes', 'guest.bookings', 'guest.notifications']);
    expect(tables.get('guest.notifications')).toMatchObject({ version: 0, inserted: 3 });
    expect(tables.get('guest.bookings')).toMatchObject({ version: 0, inserted: 5 });
    // A collection without a document makes no table.
    expect(tables.get('guest.bookingNotes')).toMatchObject({ version: null, read: 0 });
    expect(existsSync(`${space.folder}/lake/bookingNotes/_delta_log`)).toBe(false);
  });

  it('a new collection gets its table, one by name is synced alone', async () => {
    writeDump(`${space.folder}/dump/guest/bookingLog.bson`, documents(4));
    const { tables } = await byTable('sync', 'guest.bookingLog');
    expect([...tables.values()]).toMatchObject([{ table: 'guest.bookingLog', inserted: 4 }]);
    expect((await byTable('sync', 'guest.bookings_tmp')).code).toBe(64);
  });

  it('one that fails does not stop the others, and gives the exit code', async () => {
    writeDump(`${space.folder}/dump/guest/bookings.bson`, [...documents(5), { _id: 'late', n: 'text', updateTime }]);
    writeDump(`${space.folder}/dump/guest/bookingBroken.bson`, documents(2));
    truncateSync(`${space.folder}/dump/guest/bookingBroken.bson`, 30);
    const { code, tables } = await byTable('backfill');
    expect(code).toBe(1);
    expect(tables.get('guest.bookingBroken')).toMatchObject({
      status: 'failed',
      error: { code: 'DUMP_BROKEN', message: expect.stringContaining('bookingBroken.bson') },
    });
    expect(tables.get('guest.bookings')).toMatchObject({ status: 'committed', inserted: 1, unchanged: 5 });
  });
});
