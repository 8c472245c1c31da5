import { expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { expectSoundLog, readLog } from './log.ts';
import { suiteLake } from './suite.ts';

const ROUNDS = 8 * Number(process.env.MONGOLAKE_TEST_CHAOS_ROUNDS ?? 1);

describeWith(['redis', 's3', 'mongodb', 'readers'], 'two coordinators as processes', (services) => {
  const suite = suiteLake(services);

  it('sync one table at once, again and again: no version is made by both, and every change is in one', async () => {
    const lake = suite.lake();
    const table = await suite.begin('races');
    await table.worker();
    for (let round = 1; round <= ROUNDS; round++) {
      await lake.collection.set(lake.collection.id(1), -round);
      const both = await Promise.all([table.space.json('sync'), table.space.json('sync')]);
      for (const { ended, results } of both) {
        expect([0, 75], ended.stderr).toContain(ended.code);
        if (ended.code === 75) expect(results).toMatchObject([{ error: { code: 'LEASE_HELD' } }]);
      }
      const versions = both.map(({ results }) => results[0]?.version).filter((version) => typeof version === 'number');
      expect(versions.length).toBeGreaterThan(0);
      expect(new Set(versions).size).toBe(versions.length);
    }
    const log = await readLog(lake.store, 'races');
    expectSoundLog(log);
    expect(log.length).toBeGreaterThanOrEqual(2 + ROUNDS);
    lake.rows = await lake.collection.rows();
    await table.expectRight();
  });
});
