import { expect, test } from 'vitest';
import { createLiveness } from '../../src/shared/liveness.ts';
import { fakeClock } from '../coordinator/fake-clock.ts';

const TIMEOUT_MS = 60_000;

test('who is silent for too long is named, with what was told of it last; a beat or the end makes it well', async () => {
  const clock = fakeClock(0);
  const liveness = createLiveness(clock, TIMEOUT_MS);
  expect(liveness.stuck()).toBeUndefined();
  const life = liveness.begin({ table: 'guest.notifications', stage: 'window' });
  await clock.advance(TIMEOUT_MS - 1);
  expect(liveness.stuck()).toBeUndefined();
  life.beat({ stage: 'merge' });
  await clock.advance(TIMEOUT_MS);
  expect(liveness.stuck()).toEqual({
    fields: { table: 'guest.notifications', stage: 'merge' },
    silentMs: TIMEOUT_MS,
  });
  life.beat();
  expect(liveness.stuck()).toBeUndefined();
  await clock.advance(TIMEOUT_MS);
  life.end();
  expect(liveness.stuck()).toBeUndefined();
});

test('of several it is the one that was silent for the longest, and a lively one hides no other', async () => {
  const clock = fakeClock(0);
  const liveness = createLiveness(clock, TIMEOUT_MS);
  liveness.begin({ what: 'first' });
  await clock.advance(1000);
  liveness.begin({ what: 'second' });
  const lively = liveness.begin({ what: 'third' });
  await clock.advance(TIMEOUT_MS);
  lively.beat();
  expect(liveness.stuck()).toEqual({ fields: { what: 'first' }, silentMs: TIMEOUT_MS + 1000 });
});

test('an excused one is silent for good reason, for as long as it is excused', async () => {
  const clock = fakeClock(0);
  const liveness = createLiveness(clock, TIMEOUT_MS);
  let excused = true;
  const life = liveness.begin({ what: 'loop' }, () => excused);
  await clock.advance(TIMEOUT_MS * 2);
  expect(liveness.stuck()).toBeUndefined();
  excused = false;
  life.beat();
  await clock.advance(TIMEOUT_MS);
  expect(liveness.stuck()?.fields).toEqual({ what: 'loop' });
});
