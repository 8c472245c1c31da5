import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);

let space: Workspace;
beforeAll(() => {
  space = workspace({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    defaults: { partitions: 4 },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications', 'bookings'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });
});
afterAll(() => space.close());

const dump = (n: number, minutes: number) => {
  const documents = Array.from({ length: 40 }, (_, _id) => ({ _id, n, updateTime: at(minutes) }));
  writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, at(minutes + 1));
};
const restore = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { ended, results } = await space.json('restore', ...args);
  return { code: ended.code, ...(results[0] as unknown as Record<string, unknown>) };
};
const values = async () => {
  const [head] = (await space.json('head', 'guest.notifications', '-n', '99')).results as unknown as {
    rows: { n: number }[];
  }[];
  return [...new Set(head?.rows.map(({ n }) => n))];
};

it('restore puts a version back, by number or time, and sync goes on from there', { timeout: SLOW_MS }, async () => {
  dump(0, 0);
  await space.json('sync', 'guest.notifications');
  dump(1, 60);
  await space.json('sync', 'guest.notifications');
  expect(await restore('guest.notifications')).toMatchObject({ code: 64 });
  // A number is that of one table.
  expect(await restore('--version', '0')).toMatchObject({ code: 78 });
  expect(await values()).toEqual([1]);

  const put = await restore('guest.notifications', '--version', '0');
  expect(put).toMatchObject({ code: 0, status: 'committed', version: 2, restored: 0, rows: 40, givenUp: null });
  expect(await values()).toEqual([0]);
  expect((await space.run('restore', '--version', '2', 'guest.notifications')).stdout).toMatch(
    /^guest\.notifications {2}nothing to do {2}it is what version 2 \(.*Z\) was\n$/,
  );
  expect((await space.run('history', 'guest.notifications', '--limit', '1')).stdout).toMatch(
    /\n2 {2}\S+ \S+ {2}RESTORE of 0 /,
  );
  expect((await space.json('sync', 'guest.notifications')).results).toMatchObject([{ version: 3, updated: 40 }]);
  expect(await values()).toEqual([1]);

  const { stdout } = await space.run('restore', 'guest.notifications', '--timestamp', String(put.restoredTimestamp));
  expect(stdout).toMatch(
    /^guest\.notifications {2}version 4 {2}is what version 0 \(.*Z\) was: 40 rows {2}\(\+4 files of 40 rows, −4 files of 40 rows, watermark .*Z\)\n$/,
  );
  expect(await values()).toEqual([0]);
});
