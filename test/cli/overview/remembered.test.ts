import { expect, it } from 'vitest';
import { remembered } from '../../../src/cli/overview/remembered.ts';
import { fakeClock, settle } from '../../coordinator/fake-clock.ts';

const LIVES = { lifeMs: () => 1000, failureMs: 200 };

it('many who ask at once, or soon after one another, cost one reading', async () => {
  const clock = fakeClock(0);
  let readings = 0;
  const read = remembered(clock, async () => ++readings, LIVES);
  expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
  await clock.advance(999);
  expect(await read()).toBe(1);
  await clock.advance(1);
  expect(await read()).toBe(2);
});

it('a reading that goes on is not begun again, however long it takes', async () => {
  const clock = fakeClock(0);
  let readings = 0;
  const read = remembered(
    clock,
    async () => {
      readings++;
      await clock.sleep(60_000);
    },
    LIVES,
  );
  // The first one, and one after another has grown old.
  for (const nth of [1, 2]) {
    const reading = read();
    await clock.advance(30_000);
    expect(read()).toBe(reading);
    await clock.advance(30_000);
    await reading;
    expect(readings).toBe(nth);
    await clock.advance(1000);
  }
});

it('a failure is told for a while, then tried again', async () => {
  const clock = fakeClock(0);
  let readings = 0;
  const read = remembered(
    clock,
    async () => {
      if (++readings === 1) throw new Error('away');
      return readings;
    },
    LIVES,
  );
  await expect(read()).rejects.toThrow('away');
  await settle();
  await expect(read()).rejects.toThrow('away');
  await clock.advance(200);
  expect(await read()).toBe(2);
});
