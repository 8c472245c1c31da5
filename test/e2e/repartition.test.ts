import { readdirSync } from 'node:fs';
import { Double, Long } from 'bson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 60_000;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);

describe('a table of integer ids whose collection gets another id', { timeout: SLOW_MS }, () => {
  let space: Workspace;
  const files = () => readdirSync(`${space.folder}/lake/notifications`, { recursive: true, encoding: 'utf8' }).sort();
  const dump = (documents: readonly Record<string, unknown>[], minutes: number) =>
    writeDump(`${space.folder}/dump/guest/notifications.bson`, documents, at(minutes));
  const integers = Array.from({ length: 30 }, (_, i) => ({ _id: i, n: i, updateTime: at(0) }));
  const others = [
    { _id: 'A-1', n: 100, updateTime: at(61) },
    { _id: '1', n: 101, updateTime: at(61) },
    // One id with the integers 1 and 2: numbers that MongoDB holds to be equal.
    { _id: new Double(1), n: 102, updateTime: at(61) },
    { _id: Long.fromInt(2), n: 103, updateTime: at(61) },
  ];

  beforeAll(() => {
    space = workspace({
      version: 1,
      connections: { guest: { kind: 'dump', path: './dump' } },
      defaults: { partitions: 4 },
      pipelines: {
        guest: {
          source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
          table: { uri: 'file:./lake/{collection}' },
        },
      },
    });
    dump(integers, 60);
  });
  afterAll(() => space.close());

  it('has nothing to rewrite before its first load, and needs to be told what to do', async () => {
    const { ended, results } = await space.json('repartition', '--id-type', 'string');
    expect(ended.code).toBe(1);
    expect(results).toMatchObject([{ status: 'failed', error: { code: 'TABLE_MISSING' } }]);
    const { code, stderr } = await space.run('repartition');
    expect([code, stderr]).toEqual([64, expect.stringContaining('--id-type string')]);
    expect((await space.run('repartition', '--id-type', 'uuid')).code).toBe(64);
  });

  it('stops before its commit, and says what to do', async () => {
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: 30 }]);
    dump([...integers, ...others], 120);
    const before = files();
    const { code, stderr } = await space.run('sync');
    expect(code).toBe(1);
    expect(stderr).toContain('[ID_TYPE]');
    expect(stderr).toContain('`mongolake repartition --id-type string`, then sync again');
    expect(files().filter((file) => !file.startsWith('_mongolake'))).toEqual(
      before.filter((file) => !file.startsWith('_mongolake')),
    );
  });

  it('is rewritten in one version by what it was told to do', async () => {
    const { ended, results } = await space.json('repartition', '--id-type', 'string');
    expect(ended.code).toBe(0);
    expect(results).toMatchObject([
      { status: 'committed', version: 1, read: 0, inserted: 0, updated: 0, filesAdded: 4, filesRemoved: 4 },
    ]);
    const { stdout } = await space.run('history', '--limit', '1');
    expect(stdout).toMatch(/REPARTITION +0 read +\+4 files/);
    expect(stdout).not.toContain('the whole collection');
  });

  it('then takes the other ids: one row per id, equal numbers still one', async () => {
    expect((await space.json('sync')).results).toMatchObject([
      { status: 'committed', version: 2, inserted: 2, updated: 2 },
    ]);
    const [head] = (await space.json('head', '-n', '99')).results as unknown as {
      rows: { _id: string; n: number }[];
    }[];
    const byId = new Map(head?.rows.map(({ _id, n }) => [_id, n]));
    expect(head?.rows).toHaveLength(32);
    expect(byId.size).toBe(32);
    const expected = integers.map(({ _id, n }): [string, number] => [String(_id), n]);
    expect(byId).toEqual(
      new Map([...expected, ['1', 102], ['2', 103], ['"A-1"', 100], ['"1"', 101]] as [string, number][]),
    );
  });

  it('is left alone by a second rewrite', async () => {
    const before = files();
    const { code, stdout } = await space.run('repartition', '--id-type', 'string');
    expect([code, stdout]).toEqual([0, 'guest.notifications  nothing to do  its ids are strings already\n']);
    expect(files()).toEqual(before);
  });
});
