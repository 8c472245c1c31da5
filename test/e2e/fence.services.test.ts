import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Engine, LIGHT_ENGINES, readTable } from '../services/readers/read.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const ENGINES: readonly Engine[] = [...LIGHT_ENGINES, 'spark'];
/** Spark's first reading takes minutes where others want the machine too. */
const SLOW_MS = 400_000;
const updateTime = new Date('2026-05-01T00:00:00Z');
const documents = [1, 2, 3].map((_id) => ({ _id, n: _id * 10, updateTime }));

describeWith(['readers', 'spark'], 'a first load that was killed before its commit', () => {
  let space: Workspace;
  const table = () => `${space.folder}/lake/notifications`;

  beforeAll(async () => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 2, leaseTtl: '60m' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents);
    const killed = space.startWith({ MONGOLAKE_CRASH_POINT: 'before-commit' }, 'sync');
    await killed.end('SIGCONT');
    expect(killed.child.signalCode).toBe('SIGKILL');
  });
  afterAll(() => space.close());

  it('leaves a lease that another sync respects and status shows, until it is unlocked by force', async () => {
    const refused = await space.json('sync');
    expect([refused.ended.code, refused.results]).toMatchObject([75, [{ error: { code: 'LEASE_HELD' } }]]);
    const { stdout } = await space.run('status');
    expect(stdout).toMatch(/no table yet.*\n.*run .* committing.* by .+:\d+/);
    const asked = await space.run('unlock');
    expect([asked.code, asked.stderr]).toEqual([64, expect.stringContaining('--force')]);
    const forced = await space.run('unlock', '--force');
    expect(forced.code).toBe(0);
    expect(forced.stdout).toMatch(/unlocked .*held by .+:\d+ \(run .*\n.*warning .*may be alive/);
    expect((await space.run('status')).stdout).toMatch(
      /did not end: planned .*, committing; the next run finishes it, or gives it up/,
    );
    expect((await space.json('unlock', '--force')).results).toMatchObject([{ status: 'free', taken: null }]);
  });

  it('is finished by the next sync, whose log begins with a fence', async () => {
    const { ended, results } = await space.json('sync');
    expect(ended.stderr).toContain('its version is taken by an empty entry');
    expect(results).toMatchObject([{ status: 'committed', version: 1, inserted: 3, recovered: [expect.any(String)] }]);
    const { results: history } = await space.json('history');
    expect(history).toMatchObject([{ versions: [{ operation: 'BACKFILL' }, { operation: 'FENCE' }] }]);
  });

  it.each(ENGINES)(
    '%s reads the table, and an empty one at the fence',
    async (engine) => {
      const rows = await readTable(engine, table(), { columns: ['_id', 'n'] });
      expect(rows.map(({ _id, n }) => [_id, n])).toEqual(documents.map(({ _id, n }) => [_id, n]));
      expect(await readTable(engine, table(), { version: 0 })).toEqual([]);
    },
    SLOW_MS,
  );
});
