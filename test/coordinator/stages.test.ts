import { expect, test } from 'vitest';
import { stageTimer } from '../../src/coordinator/stages.ts';
import { fakeClock } from './fake-clock.ts';
import { harness } from './table-harness.ts';

test('a stage lasts from the end of the one before it', async () => {
  const clock = fakeClock(0);
  const timer = stageTimer(clock);
  await clock.advance(100);
  timer.ended('window');
  await clock.advance(2000);
  timer.ended('extract');
  timer.ended('schema');
  await clock.advance(30);
  timer.ended('merge');
  await clock.advance(4);
  timer.ended('commit');
  expect(timer.durations()).toEqual({ window: 100, extract: 2000, schema: 0, merge: 30, commit: 4 });
});

test('the stages of a run add up to it, and it tells when it checked', async () => {
  const now = Date.UTC(2026, 10, 22);
  const table = harness({ now });
  table.collection.documents = [{ _id: 1, updateTime: new Date(now - 1000) }];
  const { stagesMs, durationMs, checkedAt } = await table.sync();
  await table.close();
  const total = Object.values(stagesMs).reduce((sum, ms) => sum + ms, 0);
  expect(stagesMs.merge).toBeGreaterThan(0);
  // Each is rounded.
  expect(Math.abs(total - durationMs)).toBeLessThanOrEqual(5);
  expect(checkedAt).toBe(now);
});
