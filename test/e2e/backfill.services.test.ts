import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { readTable } from '../services/readers/read.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
const iso = (minutes: number) => at(minutes).toISOString();

/** What `status --json` says of the table. */
interface Status {
  readonly rows: number;
  readonly mode: string;
  readonly watermark: string | null;
  readonly partitions: number;
  readonly unfinished: null | {
    readonly what: string;
    readonly extract: { readonly done: number; readonly total: number; readonly documents: number };
  };
}

describeWith(['readers'], 'what a backfill does to a table', () => {
  let space: Workspace;
  const file = () => `${space.folder}/dump/guest/notifications.bson`;
  const config = (settings: Record<string, unknown> = {}) => ({
    version: 1,
    connections: { guest: { kind: 'dump', path: './dump' } },
    defaults: { partitions: 4, allowedLateness: '5m', ...settings },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });
  beforeEach(() => {
    space = workspace(config());
  });
  afterEach(() => space.close());

  /** A dump of the ids from `first` to before `end`, started `minutes` after the first of May. */
  const dump = (first: number, end: number, minutes: number, more: (id: number) => object = () => ({})) =>
    writeDump(
      file(),
      Array.from({ length: end - first }, (_, i) => first + i).map((_id) => ({
        _id,
        updateTime: at(_id),
        ...more(_id),
      })),
      at(minutes),
    );
  const read = (version?: number) =>
    readTable('duckdb', `${space.folder}/lake/notifications`, version === undefined ? {} : { version });
  const ids = async (version?: number) => (await read(version)).map(({ _id }) => _id);
  const from = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);
  const status = async () => (await space.json('status')).results[0] as unknown as Status;

  it('--replace leaves what it read, in one version, and the one before to travel to', {
    timeout: SLOW_MS,
  }, async () => {
    dump(0, 30, 60, () => ({ gone: 'soon' }));
    await space.json('sync');
    dump(20, 40, 60);
    expect((await space.run('plan', '--replace')).stdout).toMatch(
      /backfill in place of version 0[\s\S]*4 files.*: all/,
    );
    expect((await space.json('plan', '--replace')).results).toMatchObject([{ replace: true, status: 'work' }]);
    space.configure(config({ partitions: 8 }));
    const { ended, results } = await space.json('backfill', '--replace');
    expect(ended.code).toBe(0);
    expect(results).toMatchObject([
      { status: 'committed', version: 1, read: 20, inserted: 20, updated: 0, deleted: 30, filesRemoved: 4 },
    ]);
    expect(await ids()).toEqual(from(20, 40));
    expect(await ids(0)).toEqual(from(0, 30));
    expect(Object.keys((await read())[0] ?? {}).sort()).toEqual(['_id', 'updateTime']);
    expect(await status()).toMatchObject({ rows: 20, partitions: 8, watermark: iso(55), unfinished: null });
    expect((await space.run('history', '--limit', '1')).stdout).toMatch(/REPLACE +20 read, 20 inserted, 30 deleted/);
    // What comes next is found and merged as ever.
    dump(30, 70, 120, () => ({ a: 1 }));
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, read: 14, inserted: 14, updated: 0 }]);
    const refused = await space.run('backfill', '--replace', '--from', iso(0));
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('--replace')]);
  });

  it('--from and --to read a span of the cursor: rows outside stay, and the watermark is not moved past it', {
    timeout: SLOW_MS,
  }, async () => {
    dump(0, 56, 60, () => ({ a: 'first' }));
    await space.json('sync');
    expect((await status()).watermark).toBe(iso(55));
    // All repaired, without another time; and one is gone.
    dump(1, 100, 200, () => ({ a: 'repaired' }));
    const span = ['--from', iso(10), '--to', iso(20)];
    expect((await space.json('backfill', ...span)).results).toMatchObject([
      { read: 9, updated: 9, inserted: 0, deleted: 0 },
    ]);
    const rows = await read();
    expect(rows.map(({ _id }) => _id)).toEqual(from(0, 56));
    expect(rows.filter(({ a }) => a === 'repaired').map(({ _id }) => _id)).toEqual(from(11, 20));
    // It lies before the watermark, or begins after it: neither moves it. One that continues it does, to where it ends.
    expect((await status()).watermark).toBe(iso(55));
    await space.json('backfill', '--from', iso(80), '--to', iso(90));
    expect((await status()).watermark).toBe(iso(55));
    await space.json('backfill', '--from', iso(55), '--to', iso(70));
    expect((await status()).watermark).toBe(new Date(at(70).getTime() - 1).toISOString());
    expect(await ids()).toEqual([...from(0, 70), ...from(81, 90)]);
    expect((await space.json('sync')).results).toMatchObject([{ inserted: 21, unchanged: 9 }]);
    expect(await ids()).toEqual(from(0, 100));
  });

  it('mode: full replaces the table at each sync, for a collection without a cursor', {
    timeout: SLOW_MS,
  }, async () => {
    space.configure(config({ mode: 'full' }));
    const documents = (...names: string[]) =>
      writeDump(
        file(),
        names.map((_id) => ({ _id })),
      );
    documents('a', 'b', 'c');
    const checked = await space.run('check');
    expect([checked.code, checked.stdout]).toEqual([0, expect.stringMatching(/ok +mode +full: each sync/)]);
    expect(checked.stdout).not.toMatch(/^ok +(cursor|index|clock)/m);
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: 3 }]);
    documents('b', 'd');
    expect((await space.run('plan')).stdout).toMatch(/in place of version 0[\s\S]*watermark +none[\s\S]*mode: full/);
    expect((await space.json('sync')).results).toMatchObject([
      { version: 1, inserted: 2, deleted: 3, watermark: null },
    ]);
    expect([await ids(), await ids(0)]).toEqual([
      ['b', 'd'],
      ['a', 'b', 'c'],
    ]);
    expect((await space.run('status')).stdout).toContain('mode: full');
    expect(await status()).toMatchObject({ mode: 'full', watermark: null });
    documents();
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, read: 0, deleted: 2 }]);
    expect(await ids()).toEqual([]);
    const bounded = await space.run('sync', '--from', iso(0));
    expect([bounded.code, bounded.stderr]).toEqual([64, expect.stringContaining('mode: full')]);
  });

  it('an interrupted one is seen, waited for while it is under way, and finished by the next sync', {
    timeout: SLOW_MS,
  }, async () => {
    dump(0, 30, 60);
    await space.json('sync');
    dump(20, 40, 120);
    const stopped = space.startWith({ MONGOLAKE_CRASH_POINT: 'extract-done:SIGSTOP' }, 'backfill', '--replace');
    await untilStopped(stopped);
    const meanwhile = await space.run('sync');
    expect(meanwhile.code).toBe(75);
    expect(meanwhile.stderr).toMatch(/a backfill --replace \(planned .*, 1 of 1 ranges read\) is under way/);
    expect(meanwhile.stderr).toContain('`mongolake discard`');
    await stopped.end('SIGKILL');
    expect((await space.run('unlock', '--force')).code).toBe(0);
    expect((await status()).unfinished).toMatchObject({
      what: 'backfill --replace',
      stage: 'schema',
      extract: { done: 1, total: 1, documents: 20 },
    });
    expect((await space.run('status')).stdout).toMatch(
      /backfill --replace: did not end: planned .*, all read, 20 documents.*the next run finishes it/,
    );
    const { code, stdout, stderr } = await space.run('sync');
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/an unfinished backfill --replace \(planned .*, 1 of 1 ranges read\) is finished first/),
    ]);
    expect(stdout).toMatch(/20 inserted.*30 deleted.*finished first: run/);
    expect(await ids()).toEqual(from(20, 40));
    expect(await status()).toMatchObject({ unfinished: null, rows: 20 });
  });
});

/** Waits until the process has been stopped by a signal. */
function untilStopped({ child }: Running): Promise<unknown> {
  const isStopped = () =>
    spawnSync('ps', ['-o', 'state=', '-p', String(child.pid)])
      .stdout.toString()
      .startsWith('T');
  return vi.waitUntil(isStopped, { timeout: 60_000, interval: 50 });
}
