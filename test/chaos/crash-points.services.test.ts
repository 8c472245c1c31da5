import { describe, expect, it } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../src/shared/crash-points.ts';
import { describeWith } from '../services/context.ts';
import { readLog } from './log.ts';
import { suiteLake } from './suite.ts';
import type { ChaosTable } from './table.ts';

/** How often each point is gone through; more where there is time (`npm run test:long`). */
const ROUNDS = Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);

/** Points in a worker; the other points are the coordinator's. */
const WORKER_POINTS: readonly CrashPoint[] = [
  'extract-started',
  'segment-written',
  'extract-receipt-written',
  'merge-started',
  'base-downloaded',
  'merged',
  'file-uploaded',
  'merge-receipt-written',
];

/** Points with a story of their own, at the end. */
const OTHER_POINTS: readonly CrashPoint[] = ['fence-written', 'old-staging-dropped', 'vacuum-listed', 'vacuum-deleted'];

const COORDINATOR_POINTS = CRASH_POINTS.filter((at) => !WORKER_POINTS.includes(at) && !OTHER_POINTS.includes(at));

/**
 * The one death after which a data file is there that no version will ever name: it was uploaded, and its receipt was not written.
 * Before it there is no file; after it, and wherever a coordinator dies, the run is finished from its receipts and names it.
 */
const LEAVES_ORPHAN: CrashPoint = 'file-uploaded';

/** Several tables are gone through at once: on a machine that is busy each takes its time. */
const PATIENCE = { timeout: 300_000 };
const ROUND_NUMBERS = Array.from({ length: ROUNDS }, (_, i) => i);
const each = (points: readonly CrashPoint[]) =>
  ROUND_NUMBERS.flatMap((round) => points.map((at) => [at, round] as const));

describeWith(['redis', 's3', 'mongodb', 'readers'], 'kill -9 at every labelled point', (services) => {
  const suite = suiteLake(services);
  const begin = (at: CrashPoint, round: number, defaults: object = {}) => suite.begin(`${at}-${round}`, { defaults });
  /** The table is right, nothing is left staged, and vacuum finds exactly the files that nothing names. */
  const expectConverged = async (table: ChaosTable, at: CrashPoint) => {
    await table.untilDone('sync');
    await table.expectRight();
    // A run that was overtaken after its commit, as where the machine is slow, leaves that to the next one.
    if ((await table.staged()).length > 0) await table.untilDone('sync');
    expect(await table.staged()).toEqual([]);
    const orphans = await table.orphans();
    expect(await table.vacuumed()).toEqual(orphans);
    if (at === LEAVES_ORPHAN) expect(orphans).not.toEqual([]);
    await table.close();
  };

  describe.concurrent(
    'in a worker: another takes its job up, and the run ends as if nothing had been',
    PATIENCE,
    () => {
      it.each(each(WORKER_POINTS))('%s, round %i', async (at, round) => {
        // The coordinator lives on: no slow machine is to take its lease away.
        const table = await begin(at, round, { leaseTtl: '20s' });
        const victim = await table.worker(at);
        const sync = table.start(undefined, '--json', '--log-level', 'info', 'sync');
        expect(await Promise.race([victim.ended, sync.ended])).toEqual({ code: null, signal: 'SIGKILL' });
        await table.worker();
        expect(await sync.line('"status":"committed"')).toContain(`"quarantined":${suite.lake().collection.broken()}`);
        expect(await sync.ended).toEqual({ code: 0, signal: null });
        await expectConverged(table, at);
      });
    },
  );

  describe.concurrent('in a coordinator: the next run takes over, and the table is right', PATIENCE, () => {
    // A real MongoDB takes no document that can't be stored.
    const reached = COORDINATOR_POINTS.filter(
      (at) => at !== 'quarantine-listed' || services.mongodb.kind === 'ferretdb',
    );
    it.each(each(reached))('%s, round %i', async (at, round) => {
      const table = await begin(at, round);
      await table.worker();
      await table.dies(at, 'sync');
      await expectConverged(table, at);
    });
  });

  describe.concurrent('and in whoever takes over, or cleans up', PATIENCE, () => {
    it.each(each(['fence-written']))('%s, of a run that was about to commit, round %i', async (at, round) => {
      const table = await begin(at, round);
      await table.worker();
      await table.dies('before-commit', 'sync');
      await table.dies(at, 'sync');
      await expectConverged(table, at);
      const operations = (await readLog(suite.lake().store, table.name)).map(({ operation }) => operation);
      expect(operations.filter((operation) => operation === 'FENCE')).toHaveLength(2);
    });

    it.each(each(['fence-written']))('%s, of a first load: there is no table yet, round %i', async (at, round) => {
      const table = suite.open(`${at}-first-${round}`);
      await table.worker();
      await table.dies('before-commit', 'sync');
      await table.dies(at, 'sync');
      await expectConverged(table, at);
    });

    it.each(each(['old-staging-dropped']))(
      '%s, of a run that had dropped its plan only, round %i',
      async (at, round) => {
        const table = await begin(at, round);
        await table.worker();
        await table.dies('plan-dropped', 'sync');
        expect(await table.staged()).not.toEqual([]);
        await table.dies(at, 'sync');
        expect(await table.staged()).toEqual([]);
        await expectConverged(table, at);
      },
    );

    it.each(each(['vacuum-listed', 'vacuum-deleted']))('%s, round %i', async (at, round) => {
      const table = await begin(at, round);
      await table.worker();
      await table.untilDone('sync');
      const orphan = await table.addOrphan();
      suite.lake().store.age(table.name);
      await table.dies(at, 'vacuum');
      expect((await table.orphans()).includes(orphan)).toBe(at === 'vacuum-listed');
      await table.untilDone('vacuum');
      expect(await table.orphans()).toEqual([]);
      await expectConverged(table, at);
    });
  });
});
