import { spawnSync } from 'node:child_process';
import { expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { expectSoundLog, readLog } from './log.ts';
import { suiteLake } from './suite.ts';
import type { ChaosTable, Victim } from './table.ts';

/** Waits until the process has been stopped by a signal. */
const untilStopped = ({ child, lines }: Victim) =>
  vi.waitUntil(
    () => {
      if (child.exitCode !== null) throw new Error(`ended before it was stopped:\n${lines.join('\n')}`);
      return spawnSync('ps', ['-o', 'state=', '-p', String(child.pid)])
        .stdout.toString()
        .startsWith('T');
    },
    { timeout: 60_000, interval: 50 },
  );

describeWith(['redis', 's3', 'mongodb', 'readers'], 'a process that is stopped and goes on too late', (services) => {
  const suite = suiteLake(services);
  const open = (name: string, defaults: object = {}) => suite.open(name, { defaults });
  const begin = (name: string, defaults: object = {}) => suite.begin(name, { defaults });
  /** Where the lease is not what it is about: no slow machine is to take it away. */
  const LONG_LEASE = { leaseTtl: '20s' };

  it('a worker in the middle of a merge, for longer than its lock: another does its job, and its own attempt loses', async () => {
    const table = await begin('worker-stopped', LONG_LEASE);
    const zombie = await table.worker('merged:SIGSTOP');
    const sync = table.start(undefined, '--json', '--log-level', 'info', 'sync');
    await untilStopped(zombie);
    const other = await table.worker();
    await sync.line('"status":"committed"');
    expect((await sync.ended).code).toBe(0);
    await other.end('SIGTERM');
    zombie.child.kill('SIGCONT');
    await vi.waitUntil(() => zombie.lines.some((line) => /merge (failed|handed back|done)/.test(line)), {
      timeout: 60_000,
      interval: 20,
    });
    expect(await zombie.end('SIGTERM')).toBe(0);
    await table.expectRight();
    expect(await table.vacuumed()).toEqual(await table.orphans());
  });

  it('a worker just before its receipt, continued while the run goes on: one attempt counts', async () => {
    const table = await begin('worker-late', LONG_LEASE);
    const zombie = await table.worker('file-uploaded:SIGSTOP');
    const sync = table.start(undefined, '--json', '--log-level', 'info', 'sync');
    await untilStopped(zombie);
    const other = await table.worker();
    await other.line('merge started');
    zombie.child.kill('SIGCONT');
    await sync.line('"status":"committed"');
    expect((await sync.ended).code).toBe(0);
    await table.expectRight();
    expect(await table.vacuumed()).toEqual(await table.orphans());
  });

  /** A coordinator that is stopped just before its commit, and its worker. */
  const stoppedBeforeCommit = async (table: ChaosTable) => {
    await table.worker();
    const zombie = table.start('before-commit:SIGSTOP', '--json', '--log-level', 'info', 'sync');
    await untilStopped(zombie);
    return zombie;
  };
  /** Wakes it up: it must find out that it was overtaken. */
  const expectRefused = async (zombie: Victim) => {
    zombie.child.kill('SIGCONT');
    expect(await zombie.line('"status":"failed"')).toMatch(/"code":"(LEASE_LOST|COMMIT_CONFLICT)"/);
    expect(await zombie.ended).toEqual({ code: 75, signal: null });
  };
  const committedRuns = async (table: ChaosTable) =>
    (await readLog(suite.lake().store, table.name)).filter(({ counts }) => counts !== undefined).length;

  it('a coordinator just before its commit, while another finishes its run and vacuums: it never commits', async () => {
    const table = await begin('commit-zombie');
    const zombie = await stoppedBeforeCommit(table);
    await table.untilDone('sync');
    suite.lake().store.age(table.name);
    await table.untilDone('vacuum');
    const before = await committedRuns(table);
    await expectRefused(zombie);
    expect(await committedRuns(table)).toBe(before);
    await table.expectRight();
  });

  it('the same where the other only vacuums, and changes nothing: the zombie never commits, and what it wrote is not missed', async () => {
    const table = await begin('vacuum-zombie');
    const zombie = await stoppedBeforeCommit(table);
    suite.lake().store.age(table.name);
    await table.untilDone('vacuum');
    expect(await committedRuns(table)).toBe(2);
    await expectRefused(zombie);
    expect(await committedRuns(table)).toBe(2);
    await table.untilDone('sync');
    await table.expectRight();
    expect(await table.vacuumed()).toEqual(await table.orphans());
  });

  it('the same at a first load, where there is no table yet', async () => {
    const table = open('first-zombie');
    const zombie = await stoppedBeforeCommit(table);
    suite.lake().store.age(table.name);
    await table.untilDone('vacuum');
    await expectRefused(zombie);
    const log = await readLog(suite.lake().store, table.name);
    expectSoundLog(log);
    expect(log.map(({ operation }) => operation)).toEqual(['FENCE']);
    await table.untilDone('sync');
    await table.expectRight();
  });
});
