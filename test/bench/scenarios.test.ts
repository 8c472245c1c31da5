import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Scenario } from '../../bench/contender.ts';
import type { Lab } from '../../bench/lab.ts';
import { runRounds } from '../../bench/rounds.ts';
import { backfillScenario } from '../../bench/scenarios/backfill.ts';
import { backfillServerScenario } from '../../bench/scenarios/backfill-server.ts';
import { emptySyncScenario } from '../../bench/scenarios/empty-sync.ts';
import { enginesMergeScenario } from '../../bench/scenarios/engines.ts';
import { mergeScenario } from '../../bench/scenarios/merge.ts';
import { workersMergeScenario } from '../../bench/scenarios/workers.ts';

const ROWS = { seed: 1, rows: 1000 };
const NO_PYTHON = { available: false, reason: 'no Python here' } as const;

/** With a small collection and mongolake alone, which each scenario's own check holds to what it should make. */
describe.runIf(process.platform === 'linux')('the scenarios of the bench', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-bench-cache-'));
  const lab: Lab = {
    base: ROWS,
    load: ROWS,
    small: ROWS,
    work: join(folder, 'work'),
    cores: 2,
    sparkMemory: '1g',
    peers: NO_PYTHON,
    spark: NO_PYTHON,
    redis: { available: false, reason: 'no Redis here' },
    mongodb: { available: false, reason: 'no server here' },
    tables: new Map(),
  };
  beforeAll(() => {
    process.env.MONGOLAKE_BENCH_CACHE = folder;
    mkdirSync(lab.work);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const measured: readonly [Scenario, string[], Record<string, number>][] = [
    [backfillScenario(lab), ['mongolake'], { filesWritten: 4 }],
    [mergeScenario(lab, 'recent'), ['mongolake'], {}],
    [mergeScenario(lab, 'worst'), ['mongolake'], {}],
    [emptySyncScenario(lab), ['mongolake'], { filesWritten: 0, filesKept: 16 }],
    [enginesMergeScenario(lab), ['duckdb', 'parquetjs'], {}],
  ];

  it.each(measured.map((one) => [one[0].name, ...one] as const))(
    '%s',
    async (_, scenario, names, figures) => {
      const { outcomes, absent } = await runRounds(scenario, 1);
      expect(absent.filter(({ reason }) => reason.startsWith('failed'))).toEqual([]);
      expect(outcomes.map(({ name }) => name)).toEqual(names);
      for (const outcome of outcomes) expect(outcome.figures).toMatchObject(figures);
    },
    180_000,
  );

  it('say who is absent, and why', () => {
    expect(workersMergeScenario(lab).contenders).toEqual([
      { name: '1 worker', reason: 'no Redis here' },
      { name: '2 workers', reason: 'no Redis here' },
    ]);
    expect(backfillServerScenario(lab).contenders).toContainEqual({ name: 'mongolake', reason: 'no server here' });
    expect(mergeScenario(lab, 'worst').contenders).toContainEqual({ name: 'delta-rs MERGE', reason: 'no Python here' });
  });
});
