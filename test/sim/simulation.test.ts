import { expect, test } from 'vitest';
import { runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';

/** `npm run test:long` takes ten times as many. */
const SEEDS = Number(process.env.MONGOLAKE_TEST_SIM_SEEDS ?? 1_000);
const MINUTES = 60_000;

test(`${SEEDS} seeds keep every promise, and nearly all of them meet a fault`, { timeout: 20 * MINUTES }, async () => {
  const { broken, seeds, faulty, commits, struck } = await runSeeds({ from: 1, to: SEEDS });
  expect(broken.map(({ seed, violation }) => `npm run sim -- --seed ${seed}: ${violation}`)).toEqual([]);
  expect(seeds).toBe(SEEDS);
  expect(faulty / seeds).toBeGreaterThanOrEqual(0.95);
  // Where most runs came to nothing, little would have been looked at.
  expect(commits / seeds).toBeGreaterThan(2);
  expect(Object.values(struck).every((times) => times > SEEDS / 100)).toBe(true);
});

test('the same seed gives the same trace: three times here, and in another process', {
  timeout: 5 * MINUTES,
}, async () => {
  const [from, to] = [101, 110];
  const { hashes } = await runSeeds({ from, to });
  for (let seed = from; seed <= to; seed++) {
    const again = [await simulate(seed), await simulate(seed), await simulate(seed)].map(({ hash }) => hash);
    expect([seed, ...again]).toEqual([seed, hashes.get(seed), hashes.get(seed), hashes.get(seed)]);
  }
  expect(new Set(hashes.values()).size).toBe(hashes.size);
});

test('a seed with less in it is another story', async () => {
  const whole = await simulate(3);
  const less = await simulate(3, { operations: 1, writes: 2, without: ['oddStamp', 'crash'] });
  expect(less.options.operations).toBe(1);
  expect(less.struck.oddStamp + less.struck.crash).toBe(0);
  expect(less.hash).not.toBe(whole.hash);
  expect(less.violation).toBeUndefined();
});
