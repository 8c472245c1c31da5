import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);

describe('a coordinator that is killed and started again', { timeout: SLOW_MS }, () => {
  let space: Workspace;
  const dump = (ids: number, minutes: number) =>
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      // The first thirty at once, ten before the second dump, five before the third.
      Array.from({ length: ids }, (_, id) => ({ _id: id, n: id, updateTime: at(id < 30 ? 0 : id < 40 ? 100 : 160) })),
      at(minutes),
    );

  beforeAll(async () => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      // Far from the next tick: what is left is not to wait for it.
      defaults: { partitions: 2, leaseTtl: '4s', schedule: '24h' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    dump(30, 60);
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: 30 }]);
    dump(40, 120);
    const killed = space.startWith({ MONGOLAKE_CRASH_POINT: 'merge-done' }, 'coordinator');
    await killed.end('SIGCONT');
    expect(killed.child.signalCode).toBe('SIGKILL');
  });
  afterAll(() => space.close());

  it('watches the lease that it left, takes it over once that has expired, and finishes the run, all by itself', async () => {
    const again = space.start('coordinator');
    await again.line('is watched for 4 s');
    await again.line('is finished first');
    await again.line('"message":"synced"');
    expect(await again.end('SIGTERM')).toBe(0);
    const { results } = await space.json('history');
    expect(results).toMatchObject([
      {
        versions: [{ operation: 'SYNC', counts: { inserted: 10 } }, { operation: 'FENCE' }, { operation: 'BACKFILL' }],
      },
    ]);
    expect((await space.json('status')).results).toMatchObject([
      { rows: 40, lease: { state: 'released' }, unfinished: null },
    ]);
  });

  it('says in one line of a later sync what was finished first', async () => {
    dump(45, 180);
    const killed = space.startWith({ MONGOLAKE_CRASH_POINT: 'plan-written' }, 'sync');
    await killed.end('SIGCONT');
    expect((await space.run('unlock', '--force')).code).toBe(0);
    expect((await space.run('sync')).stdout).toMatch(/version 4 .* 5 inserted.*finished first: run 2\w+-\w+\)/);
  });
});
