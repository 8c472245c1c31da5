import { readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/app/version.ts';
import { type Workspace, workspace } from '../e2e/cli.ts';
import { writeDump } from '../e2e/dump.ts';

const at = (minutes: number) => new Date(Date.parse('2026-01-10T10:00:00Z') + minutes * 60_000);
const document = (id: number, minutes: number) => ({
  _id: id,
  name: `n${id}`,
  meta: { tags: ['a', 'b'] },
  updateTime: at(minutes),
});
const config = {
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  worker: { scratch: './scratch' },
  defaults: { partitions: 4 },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['notifications', 'bookings'] },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
};

/** The lines of `--json` as they are, for commands of which each has its own shape. */
async function jsonOf(space: Workspace, ...args: string[]): Promise<readonly Record<string, unknown>[]> {
  return (await space.json(...args)).results as unknown as readonly Record<string, unknown>[];
}

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 60_000;

describe('the commands that look, over a table of two versions beside a collection without one', {
  timeout: SLOW_MS,
}, () => {
  let space: Workspace;
  let made: readonly string[];

  const files = () => readdirSync(join(space.folder, 'lake'), { recursive: true, encoding: 'utf8' }).sort();

  beforeAll(async () => {
    space = workspace(config);
    const dump = (name: string) => join(space.folder, `dump/guest/${name}.bson`);
    const old = Array.from({ length: 40 }, (_, id) => document(id, id));
    writeDump(dump('bookings'), [document(1, 0)]);
    writeDump(dump('notifications'), old, at(60));
    await space.json('sync', 'guest.notifications');
    writeDump(dump('notifications'), [...old.slice(1), document(0, 70), document(99, 71)], at(90));
    await space.json('sync', 'guest.notifications');
    writeDump(dump('notifications'), [...old, document(100, 95)], at(120));
    made = files();
  }, SLOW_MS);
  afterAll(() => space.close());

  it('status has the version and freshness of each table, and the missing one', async () => {
    const status = await jsonOf(space, 'status');
    expect(status).toMatchObject([
      {
        schemaVersion: 1,
        table: 'guest.notifications',
        status: 'present',
        version: 1,
        rows: 41,
        partitions: 4,
        engine: 'duckdb',
        watermark: at(85).toISOString(),
        lastCheck: { version: 1 },
        lease: { state: 'released' },
        run: null,
        queue: null,
      },
      { table: 'guest.bookings', status: 'missing', version: null, lastCheck: null },
    ]);
    const { code, stdout, stderr } = await space.run('status');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^table +version +rows +files +size +partitions +watermark +checked\n/);
    expect(stdout).toMatch(/guest\.notifications +1 +41 +4 +\S+ kB +4 +2026-01-10 11:25:00Z +\d+ s ago\n/);
    expect(stdout).toMatch(/guest\.bookings +no table yet +never\n/);
  });

  it('history has the newest first, and tells a table that is not there', async () => {
    const { ended, results } = await space.json('history');
    expect(ended.code).toBe(1);
    expect(results).toMatchObject([
      {
        table: 'guest.notifications',
        versions: [
          { version: 1, operation: 'SYNC', counts: { inserted: 1, updated: 1 }, watermark: at(85).toISOString() },
          { version: 0, operation: 'BACKFILL', window: { from: null, to: null }, filesAdded: 4, filesRemoved: 0 },
        ],
      },
      { table: 'guest.bookings', status: 'failed', error: { code: 'TABLE_MISSING' } },
    ]);
    const [limited] = await jsonOf(space, 'history', 'guest.notifications', '--limit', '1');
    expect(limited?.versions).toHaveLength(1);
    const { stdout } = await space.run('history', 'guest.notifications');
    expect(stdout).toMatch(/\n1 {2}\S+ \S+ {2}SYNC {6}\d+ read, 1 inserted, 1 updated/);
    expect(stdout).toContain(`  by mongolake/${VERSION} on ${hostname()}\n`);
  });

  it('files has those of the newest version, or of an older one by number or time; --version alone is that of mongolake', async () => {
    const [newest] = await jsonOf(space, 'files', 'guest.notifications');
    expect(newest).toMatchObject({ table: 'guest.notifications', version: 1, rows: 41 });
    const [first] = await jsonOf(space, 'files', '--version', '0', 'guest.notifications', '--json');
    expect(first).toMatchObject({ schemaVersion: 1, version: 0, rows: 40 });
    const listed = first?.files as readonly { path: string; rows: number; bytes: number; partition: number }[];
    expect(listed.map(({ partition }) => partition)).toEqual([0, 1, 2, 3]);
    for (const { path, bytes } of listed) expect(statSync(new URL(path)).size).toBe(bytes);
    const time = ['--timestamp', String(first?.timestamp)];
    expect((await jsonOf(space, 'files', 'guest.notifications', ...time))[0]).toEqual(first);
    const { stdout } = await space.run('files', 'guest.notifications', '--version=0');
    expect(stdout).toMatch(
      /^guest\.notifications {2}version 0, \S+ \S+Z {2}4 files, 40 rows, \S+ kB\nfile:\/\/\/\S+parquet +\d+ rows +\S+ k?B {2}partition 0\n/,
    );
    const missing = await space.json('files', 'guest.notifications', '--version', '7');
    expect(missing.results).toMatchObject([{ error: { code: 'VERSION_MISSING' } }]);
    expect((await space.run('--version')).stdout).toBe(`${VERSION}\n`);
    expect((await space.run('files', '--version', 'x')).code).toBe(64);
    expect((await space.run('files', '--version', '0', ...time)).code).toBe(64);
  });

  it('head has rows in the order of their ids, with nested values', async () => {
    const [head] = await jsonOf(space, 'head', 'guest.notifications', '-n', '3');
    expect(head).toMatchObject({ table: 'guest.notifications', version: 1 });
    const rows = head?.rows as readonly Record<string, unknown>[];
    expect(rows).toHaveLength(3);
    expect(rows.map(({ _id }) => _id)).toEqual(rows.map(({ _id }) => _id as number).toSorted((a, b) => a - b));
    expect(rows[0]).toMatchObject({ meta: { tags: ['a', 'b'] }, name: `n${rows[0]?._id}` });
    const { stdout } = await space.run('head', 'guest.notifications', '-n', '3');
    expect(stdout.split('\n')[0]).toBe('guest.notifications  version 1, 3 of 41 rows');
    expect(stdout).toContain('{"tags":["a","b"]}');
    const all = await jsonOf(space, 'head', 'guest.notifications', '-n', '999');
    expect(all[0]?.rows).toHaveLength(41);
    expect((await space.run('head', 'guest.bookings')).stderr).toContain('[TABLE_MISSING]');
  });

  it("schema is the table's, or the configuration's", async () => {
    const [schema] = await jsonOf(space, 'schema', 'guest.notifications');
    expect(schema).toMatchObject({
      version: 1,
      schema: { type: 'struct', fields: [{ name: '_id', nullable: false }, {}, {}, {}] },
    });
    expect((await space.run('schema', 'guest.notifications')).stdout).toMatch(
      /\n {2}tags +array<string> +yes +meta\.tags +/,
    );
    const [first] = await jsonOf(space, 'schema', '--version', '0', 'guest.notifications');
    expect(first).toMatchObject({ version: 0, schema: { type: 'struct' } });
    expect((await space.run('schema', '--diff', '--version', '0')).code).toBe(64);
    const shown = JSON.parse((await space.run('schema', '--config')).stdout) as Record<string, unknown>;
    expect(shown).toMatchObject({ title: 'mongolake', properties: { pipelines: {} } });
  });

  it('ddl is a script, for an engine that can read the table', async () => {
    const { stdout } = await space.run('ddl', 'guest.notifications', '--engine', 'duckdb');
    expect(stdout).toBe(
      `-- guest.notifications\nINSTALL delta;\nLOAD delta;\nCREATE SCHEMA IF NOT EXISTS "guest";\nCREATE OR REPLACE VIEW "guest"."notifications" AS SELECT * FROM delta_scan('${space.folder}/lake/notifications');\n`,
    );
    const spark = await jsonOf(space, 'ddl', 'guest.notifications', '--engine', 'spark', '--schema', 'lake');
    expect(spark).toMatchObject([
      { engine: 'spark', statements: [{}, expect.stringContaining('`lake`.`notifications`')] },
    ]);
    expect((await space.run('ddl', '--engine', 'athena')).code).toBe(64);
    expect((await space.run('ddl', '--engine', 'oracle')).code).toBe(64);
  });

  it('plan counts what is to do, for the table and for the one that is to be made', async () => {
    expect(await jsonOf(space, 'plan')).toMatchObject([
      {
        table: 'guest.notifications',
        status: 'work',
        version: 1,
        window: { from: at(85).toISOString(), to: null },
        documents: 1,
        documentsBasis: 'counted',
        nextWatermark: at(115).toISOString(),
        rewrite: { atMost: { partitions: 1, files: 1 } },
      },
      { table: 'guest.bookings', status: 'first-load', version: null, full: true, documents: 1, partitions: 4 },
    ]);
    const text = (await space.run('plan')).stdout;
    expect(text).toContain('guest.notifications  sync onto version 1');
    expect(text).toContain('partitions  at most 1 of 4');
    expect(text).toContain('guest.bookings  no table yet: a full load');
    expect((await space.run('plan', 'guest.notifications', '--backfill')).stdout).toContain('the whole collection');
  });

  it('plan ends with 2 only where there is work, and only if asked to', async () => {
    const codeOf = async (...args: string[]) => (await space.run('plan', 'guest.notifications', ...args)).code;
    expect(await codeOf()).toBe(0);
    expect(await codeOf('--detailed-exitcode')).toBe(2);
    const nothing = ['--from', at(500).toISOString(), '--to', at(600).toISOString()];
    expect(await codeOf('--detailed-exitcode', ...nothing)).toBe(0);
    expect(await codeOf('--from', 'soon')).toBe(64);
  });

  it('check is well, with a warning for a dump without its start', async () => {
    const { code, stdout } = await space.run('check', 'guest.notifications');
    expect([code, stdout]).toEqual([0, expect.stringContaining('version 1, 41 rows')]);
    expect(stdout).toMatch(/\nall is well\n$/);
  });

  it('none of them changes a file', () => {
    const ours = (file: string) => !file.includes('probe') && !file.startsWith('bookings');
    expect(files().filter(ours)).toEqual(made.filter(ours));
  });
});

describe('check', { timeout: SLOW_MS }, () => {
  let space: Workspace;
  beforeAll(() => {
    space = workspace(config);
  });
  afterAll(() => space.close());

  it('goes on after a failure, and ends as the first one says', async () => {
    space.configure({ ...config, worker: { scratch: './mongolake.yaml/x' } });
    const { code, stdout } = await space.run('check', 'guest.notifications');
    expect(code).toBe(75);
    expect(stdout).toMatch(/failed {3}scratch .*ENOTDIR/);
    expect(stdout).toMatch(/failed {3}source .*no such file or folder/);
    expect(stdout).toMatch(/skipped {2}collection {3}source failed/);
    expect(stdout).toMatch(/ok {7}store/);
    expect(stdout).toMatch(/\n2 failed\n$/);
  });

  it('tells a wrong configuration as a failure of its own', async () => {
    space.configure('version: 2\n');
    const { ended, results } = await space.json('check');
    expect(ended.code).toBe(78);
    expect(results).toMatchObject([
      { table: null, status: 'failed', checks: [{ name: 'config', status: 'failed', code: 'CONFIG_INVALID' }, {}] },
    ]);
    expect((await space.run('check')).stdout).toMatch(/^failed {3}config/);
  });

  it('answers a pipeline that is not there with usage', async () => {
    space.configure(config);
    expect((await space.run('check', 'gone')).code).toBe(64);
  });
});
