import { describe, expect, test } from 'vitest';
import {
  failed,
  granted,
  type Lease,
  nextStep,
  startState,
} from '../../../src/shared/adapters/secrets-vault-renewal.ts';

const HOUR = 3_600_000;
const lease = (length_ms: number, renewable = true, grantedAt_ms = 0): Lease => ({
  grantedAt_ms,
  length_ms,
  renewable,
});
/** In the middle: no jitter, three quarters of a back-off. */
const MIDDLE = 0.5;

describe('a login that can be renewed', () => {
  const state = startState(true, lease(HOUR));

  test('is renewed at two thirds of its lease, give or take', () => {
    expect(nextStep(state, 0, MIDDLE)).toEqual({ act: 'renew', in_ms: 2_400_000 });
    expect(nextStep(state, 1_000_000, MIDDLE)).toEqual({ act: 'renew', in_ms: 1_400_000 });
    expect(nextStep(state, 2 * HOUR, MIDDLE)).toEqual({ act: 'renew', in_ms: 0 });
    const early = nextStep(state, 0, 0);
    const late = nextStep(state, 0, 0.999);
    expect([early, late]).toEqual([
      { act: 'renew', in_ms: expect.closeTo(2_280_000) },
      { act: 'renew', in_ms: expect.closeTo(2_519_760) },
    ]);
  });

  test('counts from each renewal', () => {
    expect(nextStep(granted(state, lease(HOUR, true, 2_400_000)), 2_400_000, MIDDLE)).toEqual({
      act: 'renew',
      in_ms: 2_400_000,
    });
  });

  test('backs off while Vault is away, and logs in anew where the end comes first', () => {
    let now = 2_400_000;
    let down = state;
    const steps: unknown[] = [];
    for (let tries = 0; tries < 40; tries++) {
      down = failed(down, 'renew', false);
      const step = nextStep(down, now, 1);
      steps.push(step);
      if (step.act !== 'renew') break;
      now += step.in_ms;
    }
    expect(steps.slice(0, 8)).toEqual(
      [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => ({ act: 'renew', in_ms: seconds * 1000 })),
    );
    expect(steps.at(-1)).toEqual({ act: 'log-in', in_ms: 60_000 });
    expect(now).toBeLessThanOrEqual(HOUR);
    expect(now + 60_000).toBeGreaterThanOrEqual(HOUR);
    // A renewal that comes through ends it.
    expect(nextStep(granted(down, lease(HOUR, true, now)), now, MIDDLE)).toEqual({ act: 'renew', in_ms: 2_400_000 });
  });

  test('is logged in anew at once where the renewal is refused; that is tried again, ever slower', () => {
    const refused = failed(state, 'renew', true);
    expect(nextStep(refused, 2_400_000, MIDDLE)).toEqual({ act: 'log-in', in_ms: 0 });
    const once = failed(refused, 'log-in', true);
    expect(nextStep(once, 2_400_000, MIDDLE)).toEqual({ act: 'log-in', in_ms: 750 });
    const often = Array.from({ length: 50 }).reduce<typeof once>((one) => failed(one, 'log-in', false), once);
    expect(nextStep(often, 9 * HOUR, MIDDLE)).toEqual({ act: 'log-in', in_ms: 45_000 });
  });

  test('near its maximum, where renewals give ever less, is logged in anew in time', () => {
    const shorter = granted(state, lease(HOUR * 0.6, true, 0));
    expect(nextStep(shorter, 0, MIDDLE)).toMatchObject({ act: 'renew' });
    const last = granted(shorter, lease(HOUR * 0.3, true, 0));
    expect(nextStep(last, 0, MIDDLE)).toEqual({ act: 'log-in', in_ms: expect.closeTo(HOUR * 0.2) });
  });
});

describe('others', () => {
  test('a login that can not be renewed is made anew in time', () => {
    expect(nextStep(startState(true, lease(HOUR, false)), 0, MIDDLE)).toEqual({ act: 'log-in', in_ms: 2_400_000 });
  });

  test('one that never ends is left alone', () => {
    expect(nextStep(startState(true, lease(0)), 0, MIDDLE)).toEqual({ act: 'rest' });
    expect(nextStep(startState(false, lease(0, false)), 0, MIDDLE)).toEqual({ act: 'rest' });
  });
});

describe('a token that was given', () => {
  const given = startState(false);

  test('is looked up first, again where Vault is away, and left alone where it may not be', () => {
    expect(nextStep(given, 0, MIDDLE)).toEqual({ act: 'look-up', in_ms: 0 });
    expect(nextStep(failed(given, 'look-up', false), 0, MIDDLE)).toEqual({ act: 'look-up', in_ms: 750 });
    expect(nextStep(failed(given, 'look-up', true), 0, MIDDLE)).toMatchObject({ act: 'rest', why: expect.any(String) });
  });

  test('is renewed where it can be', () => {
    expect(nextStep(granted(given, lease(HOUR)), 0, MIDDLE)).toEqual({ act: 'renew', in_ms: 2_400_000 });
  });

  test.each([
    ['it is not renewable', granted(given, lease(HOUR, false))],
    ['its renewal is refused', failed(granted(given, lease(HOUR)), 'renew', true)],
    ['it is near its maximum', granted(granted(given, lease(HOUR)), lease(HOUR / 3))],
  ])('where %s, there is a warning and no more', (_, state) => {
    expect(nextStep(state, 0, MIDDLE)).toEqual({ act: 'rest', why: 'the token ends and can not be renewed' });
  });
});
