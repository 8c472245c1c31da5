import { once } from 'node:events';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPoint } from '../../src/shared/crash-points.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 180_000;
const DAY_S = 86_400;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
const documents = (n: number, minutes: number) =>
  Array.from({ length: 40 }, (_, _id) => ({ _id, n: _id + n, updateTime: at(minutes) }));

/** What `vacuum --json` prints of one table. */
interface Vacuumed {
  readonly status: string;
  readonly dataFiles: number;
  readonly removed: number;
  readonly orphans: number;
  readonly staging: number;
  readonly bytes: number;
  readonly objects?: readonly { readonly key: string; readonly size: number; readonly reason: string }[];
}

describe('vacuum of a table in a folder, one of whose runs was killed', { timeout: SLOW_MS }, () => {
  let space: Workspace;
  const folder = () => join(space.folder, 'lake/notifications');
  const files = (below = '') =>
    readdirSync(join(folder(), below), { recursive: true, encoding: 'utf8' })
      .map((file) => join(below, file))
      .filter((file) => statSync(join(folder(), file)).isFile())
      .sort();
  /** All that is there was written, removed and committed days ago. */
  const grown = (days: number) => {
    for (const file of files()) {
      const then = statSync(join(folder(), file)).mtimeMs / 1000 - days * DAY_S;
      utimesSync(join(folder(), file), then, then);
    }
  };
  const dump = (n: number, minutes: number) =>
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents(n, minutes), at(minutes + 1));
  const dies = async (point: CrashPoint, ...args: string[]) => {
    const { child } = space.startWith({ MONGOLAKE_CRASH_POINT: point }, ...args);
    expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
    // Its lease would have to expire first.
    expect((await space.run('unlock', '--force')).code).toBe(0);
  };
  const vacuum = async (...args: string[]) => {
    const { ended, results } = await space.json('vacuum', ...args);
    return { code: ended.code, ...(results[0] as unknown as Vacuumed) };
  };
  const rows = async () => {
    const [head] = (await space.json('head', '-n', '99')).results as unknown as {
      rows: { _id: number; n: number }[];
    }[];
    return (head?.rows ?? []).map(({ _id, n }) => `${_id}=${n}`).sort();
  };
  const expected = (n: number) =>
    documents(n, 0)
      .map(({ _id, n }) => `${_id}=${n}`)
      .sort();

  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 4, retention: '1d', leaseTtl: '60s' },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    dump(0, 0);
  });
  afterAll(() => space.close());

  it('has nothing to do before the first load, and leaves nothing', async () => {
    expect(await vacuum()).toMatchObject({ code: 0, status: 'unchanged', dataFiles: 0, version: null });
    expect(await vacuum('--dry-run')).toMatchObject({ code: 0, status: 'dry-run', objects: [] });
    expect(readdirSync(space.folder)).not.toContain('lake');
  });

  it('leaves the run that was killed to be finished, however old it is', async () => {
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: 40 }]);
    dump(100, 60);
    await dies('file-uploaded', 'sync');
    expect(files('data').length).toBeGreaterThan(4);
    grown(30);
    const before = files().filter((file) => !file.includes('lease'));
    expect(await vacuum('--dry-run')).toMatchObject({ code: 0, objects: [] });
    expect(await vacuum()).toMatchObject({ code: 0, status: 'unchanged' });
    // The vacuum has taken the version that the killed run could still have made.
    const fence = '_delta_log/00000000000000000001.json';
    expect(files().filter((file) => !file.includes('lease'))).toEqual([...before, fence].sort());
  });

  it('is told by --dry-run what the finished run has no use for, and deletes just that', async () => {
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, updated: 40 }]);
    const before = files('data');
    const would = await vacuum('--dry-run');
    expect(would).toMatchObject({ status: 'dry-run', removed: 0, staging: 0 });
    expect(would.orphans).toBeGreaterThan(0);
    const { stdout } = await space.run('vacuum', '--dry-run');
    expect(stdout).toMatch(
      /^guest\.notifications {2}would delete \d objects?, \d\S* k?B {2}\d files? of no version \(\d\S* k?B\)/,
    );
    expect(stdout).toMatch(/B {2}30 d.* {2}data\/\d{6}\/\S+\.parquet {2}of no version: run \S+ attempt \w+\n/);
    expect(files('data')).toEqual(before);
    const did = await vacuum();
    expect(did).toMatchObject({ code: 0, status: 'vacuumed', orphans: would.orphans, bytes: would.bytes });
    expect(did.objects).toBeUndefined();
    const gone = would.objects?.map(({ key }) => key) ?? [];
    expect(files('data')).toEqual(before.filter((file) => !gone.includes(file)));
    expect(await rows()).toEqual(expected(100));
    // The files that the sync replaced: their time is that of their removal, as the log has it.
    expect((await space.run('vacuum')).stdout).toBe('guest.notifications  nothing to delete\n');
  });

  it('keeps what is younger than the retention; killed before or after its first delete it is simply run again', async () => {
    for (const [index, point] of (['vacuum-listed', 'vacuum-deleted'] as const).entries()) {
      dump(200 + index * 100, 120 + index * 60);
      await dies('file-uploaded', 'sync');
      expect((await space.json('sync')).results).toMatchObject([{ updated: 40 }]);
      expect((await space.run('vacuum')).stdout).toMatch(
        /^guest\.notifications {2}nothing to delete {2}\(kept: \d objects? younger than 1 d \(.*B\)\)\n$/,
      );
      grown(2);
      await dies(point, 'vacuum');
      const { code, orphans } = await vacuum();
      expect([code, orphans > 0]).toEqual([0, point === 'vacuum-listed']);
      expect(await rows()).toEqual(expected(200 + index * 100));
    }
  });
});
