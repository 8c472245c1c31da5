import { expect, test } from 'vitest';
import { applied, firstToCatch, readSource } from './mutate.ts';
import { MUTATIONS } from './mutations.ts';

/** One in so many is looked for in every build, `npm run test:long` looks for all. */
const ONE_IN = process.env.MONGOLAKE_TEST_ALL_MUTATIONS === '1' ? 1 : 3;
const LOOKED_FOR = MUTATIONS.filter((_, n) => n % ONE_IN === 0);

/** Each is caught within some hundred; `npm run sim:mutations` goes on to ten thousand. */
const SEEDS = 2_000;
const MINUTES = 60_000;

test.each(MUTATIONS)('a planted bug still applies: $name', (mutation) => {
  for (const [file, text] of applied(mutation, readSource)) expect(text).not.toBe(readSource(file));
});

test.each(LOOKED_FOR)('a planted bug is caught: $name', { timeout: 10 * MINUTES }, async (mutation) => {
  const caught = await firstToCatch(mutation, 1, SEEDS);
  expect(caught?.violation).toBeTruthy();
  // A copy that does not even run would break a promise of its own.
  expect(caught?.violation).not.toMatch(/^simulation:/);
});

test('a bug whose text is gone, or is there twice, is told', () => {
  const mutation = { name: 'gone', breaks: '', changes: [{ file: 'a.ts', from: 'one', to: 'two' }] };
  expect(() => applied(mutation, () => 'another')).toThrow('"gone" no longer applies: its text is 0 times in src/a.ts');
  expect(() => applied(mutation, () => 'one one')).toThrow('is 2 times');
  expect(applied(mutation, () => 'one').get('a.ts')).toBe('two');
});
