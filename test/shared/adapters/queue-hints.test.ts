import { expect, it } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { createHints } from '../../../src/shared/adapters/queue-hints.ts';

const LONG_MS = 60_000;

it('a hint wakes all who wait', async () => {
  const hints = createHints(systemClock());
  const waiting = [hints.wait(LONG_MS), hints.wait(LONG_MS, new AbortController().signal)];
  hints.notify();
  await Promise.all(waiting);
});

it('a hint that finds nobody waiting is kept for the next one, and for no more', async () => {
  const hints = createHints(systemClock());
  hints.notify();
  hints.notify();
  await hints.wait(LONG_MS);
  const next = hints.wait(LONG_MS).then(() => 'woken');
  expect(await Promise.race([next, hints.wait(20).then(() => 'still waiting')])).toBe('still waiting');
  hints.close();
  await next;
  await hints.wait(LONG_MS);
});
