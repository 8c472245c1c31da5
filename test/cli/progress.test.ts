import { expect, test } from 'vitest';
import { createProgressView, pace } from '../../src/cli/progress.ts';
import type { StageProgress } from '../../src/coordinator/progress.ts';
import type { Logger } from '../../src/shared/ports/logger.ts';
import { fakeClock } from '../coordinator/fake-clock.ts';
import { silent } from '../coordinator/table-harness.ts';

const at = (done: number, documents: number, documentsTotal?: number): StageProgress => ({
  stage: 'extract',
  done,
  total: 10,
  documents,
  documentsTotal,
  bytes: documents * 100,
});

test('the pace is that since the stage was first told of, by documents where their number is known', () => {
  expect(pace(at(0, 0, 1000), at(1, 250, 1000), 10_000)).toEqual({
    documentsPerSecond: 25,
    bytesPerSecond: 2500,
    etaMs: 30_000,
  });
  expect(pace(at(0, 0), at(5, 250), 10_000).etaMs).toBe(10_000);
});

test('what was done before the run was taken up makes it no faster', () => {
  expect(pace(at(8, 800, 1000), at(9, 900, 1000), 10_000)).toEqual({
    documentsPerSecond: 10,
    bytesPerSecond: 1000,
    etaMs: 10_000,
  });
});

test('nothing is said too early', () => {
  const unknown = { documentsPerSecond: undefined, bytesPerSecond: undefined, etaMs: undefined };
  expect(pace(at(0, 0, 1000), at(1, 100, 1000), 900)).toEqual(unknown);
  expect(pace(at(1, 100, 1000), at(1, 100, 1000), 5000)).toEqual(unknown);
});

test('without a terminal a line every few seconds tells it', async () => {
  const clock = fakeClock(0);
  const lines: unknown[] = [];
  const logger: Logger = { ...silent, info: (message, fields) => void lines.push([message, fields]) };
  const screen = { interactive: false, print() {}, draw() {} };
  const listener = createProgressView(clock, screen).listenerFor('guest.notifications', logger);
  listener(at(0, 0, 1000));
  await clock.advance(4_000);
  listener(at(1, 100, 1000));
  await clock.advance(6_000);
  listener(at(2, 200, 1000));
  const figures = { done: 2, total: 10, documents: 200, bytes: 20_000 };
  expect(lines).toEqual([['extract', { ...figures, documentsPerSecond: 20, bytesPerSecond: 2000, etaSeconds: 40 }]]);
});
