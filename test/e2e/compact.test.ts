import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

/** Each starts processes, on machines that do other things too. */
const SLOW_MS = 120_000;
const COUNT = 30_000;
const noise = (i: number) => `${Math.imul(i, 2654435761)}${Math.imul(i ^ 0x5bd1e995, 0x9e3779b1)}`;
const at = (minutes: number) => new Date(Date.parse('2026-05-01T00:00:00Z') + minutes * 60_000);
const document = (n: number, minutes: number) => ({
  _id: `id ${n}`,
  n,
  noise: noise(n).repeat(3),
  updateTime: at(minutes),
});
const config = (targetFileSize: string) => ({
  version: 1,
  connections: { guest: { kind: 'dump', path: './dump' } },
  defaults: { partitions: 2, targetFileSize, rowGroupSize: 2048 },
  pipelines: {
    guest: {
      source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
      table: { uri: 'file:./lake/{collection}' },
    },
  },
});

describe('a table of small files', { timeout: SLOW_MS }, () => {
  let space: Workspace;
  const files = () => readdirSync(`${space.folder}/lake`, { recursive: true, encoding: 'utf8' }).sort();
  /** What `plan` says, and how it ends. */
  const plan = async (...args: string[]) => {
    const { ended, results } = await space.json('plan', '--detailed-exitcode', ...args);
    return { code: ended.code, result: results[0] as unknown as Record<string, Record<string, number>> };
  };
  const dump = (minutes: number) =>
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      Array.from({ length: COUNT }, (_, n) => document(n, minutes - 30)),
      at(minutes),
    );

  beforeAll(() => {
    space = workspace(config('100KB'));
    dump(0);
  });
  afterAll(() => space.close());

  it('is not there yet: neither command has anything to tell of', async () => {
    expect((await space.json('compact')).results).toMatchObject([
      { status: 'failed', error: { code: 'TABLE_MISSING' } },
    ]);
    expect(await plan('--for', 'compact')).toMatchObject({ code: 1, result: { error: { code: 'TABLE_MISSING' } } });
    const { code, result } = await plan();
    expect([code, result]).toMatchObject([
      2,
      {
        status: 'first-load',
        kind: 'sync',
        mode: 'sync',
        writes: { files: 2 },
        duration: { basis: 'defaults', runs: 0 },
      },
    ]);
  });

  it('has nothing to compact while its files have the size that is configured', async () => {
    expect((await space.json('sync')).results).toMatchObject([{ version: 0, inserted: COUNT }]);
    expect(await plan('--for', 'compact')).toMatchObject({ code: 0, result: { status: 'nothing-to-do' } });
    expect(await plan('--for', 'erase', '--id', '7')).toMatchObject({
      code: 2,
      result: { kind: 'erase', status: 'work', writes: { files: 1 } },
    });
    expect(await plan('--for', 'erase')).toMatchObject({ code: 64 });
    expect((await space.run('compact')).stdout).toContain('nothing to compact');
  });

  it('is planned before it is done, and nothing is changed by that', async () => {
    space.configure(config('5MB'));
    const before = files();
    const { code, result } = await plan('--for', 'compact');
    expect(code).toBe(2);
    expect(result).toMatchObject({
      kind: 'compact',
      status: 'work',
      version: 0,
      reads: { documents: 0 },
      writes: { files: 2 },
      touches: { partitions: 2, of: 2, readJobs: 0, partitionJobs: 2 },
      duration: { basis: 'defaults', runs: 0 },
    });
    expect(result.reads?.files).toBeGreaterThan(5);
    const dry = await space.run('compact', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/compact of version 0\n {2}reads +\d+ files, /)]);
    expect(dry.stdout).toMatch(/takes +about \d+ s, a guess: there is no run like it to go by/);
    expect((await space.run('plan', '--for', 'compact')).stdout).toBe(dry.stdout);
    expect(files()).toEqual(before);
  });

  it('is compacted in one version, as it was planned', async () => {
    const { result } = await plan('--for', 'compact');
    const { ended, results } = await space.json('compact');
    expect(ended.code).toBe(0);
    expect(results).toMatchObject([
      {
        status: 'committed',
        version: 1,
        read: 0,
        inserted: 0,
        filesRemoved: result.reads?.files,
        filesAdded: result.writes?.files,
        bytesRead: result.reads?.fileBytes,
      },
    ]);
    expect((await space.json('status')).results).toMatchObject([{ version: 1, files: 2, rows: COUNT }]);
    expect((await space.run('history', '--limit', '1')).stdout).toMatch(/COMPACT +0 read +\+2 files/);
    expect(await plan('--for', 'compact')).toMatchObject({ code: 0, result: { version: 1, reads: { files: 0 } } });
    expect((await space.json('verify', '--deep')).results).toMatchObject([{ status: 'equal', rows: COUNT }]);
  });

  it('is verified now, so that there is nothing to plan until its next version', async () => {
    expect(await plan('--for', 'verify', '--deep')).toMatchObject({
      code: 0,
      result: { kind: 'verify', status: 'nothing-to-do', duration: { basis: 'history', runs: 1 } },
    });
    dump(60);
    expect((await space.json('sync')).results).toMatchObject([{ version: 2, updated: COUNT }]);
    expect(await plan('--for', 'verify')).toMatchObject({ code: 2, result: { status: 'work', writes: { files: 0 } } });
    const { stdout } = await space.run('plan', '--for', 'verify', '--sample', '10');
    expect(stdout).toMatch(/verify of version 2\n {2}documents +about [\d,]+ /);
    expect(stdout).toContain('last verified at ');
  });

  it('is planned with another number of partitions, by what the last rewrite took', async () => {
    expect(await plan('--for', 'repartition', '--partitions', '8')).toMatchObject({
      code: 2,
      result: { touches: { partitions: 2, of: 8 }, writes: { files: 8 }, duration: { basis: 'history', runs: 1 } },
    });
    expect(await plan('--for', 'repartition', '--partitions', '2')).toMatchObject({ code: 0 });
    expect(await plan('--for', 'backfill')).toMatchObject({ code: 2, result: { kind: 'backfill', mode: 'backfill' } });
    const { stdout } = await space.run('plan', '--backfill');
    expect(stdout).toMatch(/takes +(about \d+ s|under a second), by the last 2 runs/);
  });

  it.each([
    ['--for', 'compact', '--deep'],
    ['--for', 'sync', '--replace'],
    ['--for', 'verify', '--from', '2026-05-01'],
    ['--partitions', '8'],
    ['--for', 'repartition'],
    ['--for', 'erase'],
  ])('plan %s %s %s ends with 64', async (...args) => {
    expect((await space.run('plan', ...args)).code).toBe(64);
  });
});
