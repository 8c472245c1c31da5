import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import type { EndingSecret, Secrets } from '../../../src/shared/ports/secrets.ts';
import { type FakeClock, fakeClock } from '../../coordinator/fake-clock.ts';
import { CANARIES, LOGIN, type VaultHouse, vaultHouse } from './secrets-vault-house.ts';
import { auth, lookUp, refusal } from './vault-fake.ts';

const RENEW = 'POST /v1/auth/token/renew-self';
const LOOK_UP = 'GET /v1/auth/token/lookup-self';
const MINUTE = 60_000;

let house: VaultHouse;
let clock: FakeClock;
let stop: AbortController;
let kept: Promise<void>;
let endings: EndingSecret[];
beforeEach(async () => {
  house = await vaultHouse();
  clock = fakeClock(0);
  stop = new AbortController();
  endings = [];
});
afterEach(async () => {
  stop.abort();
  await kept;
  for (const canary of CANARIES) expect(JSON.stringify(house.logged)).not.toContain(canary);
  await house.close();
});

const keep = (secrets: Secrets) => {
  kept = secrets.keepAlive(stop.signal, (ending) => endings.push(ending));
};
const count = (path: string) => house.vault.seen.filter((seen) => `${seen.method} ${seen.path}` === path).length;
const tokens = () => house.vault.seen.map(({ headers }) => headers['x-vault-token']);

/** Moves the time on a little at a time, and waits for what was asked to be answered, until `done`. */
async function until(done: () => boolean, step_ms: number): Promise<number> {
  const start = clock.now();
  await vi.waitFor(
    async () => {
      await clock.advance(step_ms);
      expect(done()).toBe(true);
    },
    { timeout: 20_000, interval: 5 },
  );
  return clock.now() - start;
}

/** Waits for real, not by the fake clock. */
const soon = (done: () => boolean) => vi.waitFor(() => expect(done()).toBe(true), { timeout: 20_000, interval: 5 });
const logs = (text: string) => house.logged.filter((line) => line.text.includes(text)).length;

describe('a login by EC2', () => {
  test('is renewed at about two thirds of its lease, again and again', async () => {
    house.vault.on(RENEW, auth('canary-token', 3600));
    keep(await house.open(house.ec2(), clock));
    await clock.advance(37 * MINUTE);
    expect(count(RENEW)).toBe(0);
    await clock.advance(2 * MINUTE);
    await soon(() => logs('login to Vault renewed') === 1);
    for (const times of [2, 3]) {
      await clock.advance(34 * MINUTE);
      expect(count(RENEW)).toBe(times - 1);
      await clock.advance(5 * MINUTE);
      await soon(() => logs('login to Vault renewed') === times);
    }
    expect(count(LOGIN)).toBe(1);
    expect(tokens().slice(1)).toEqual(['canary-token', 'canary-token', 'canary-token']);
    expect(house.logged.every(({ level }) => level === 'debug')).toBe(true);
  });

  test('goes on after errors, which would end the renewal of the library', async () => {
    house.vault.on(RENEW, refusal(503, 'Vault is sealed'), refusal(500, 'x'), auth('canary-token', 3600));
    keep(await house.open(house.ec2(), clock));
    await clock.advance(38 * MINUTE);
    await until(() => logs('login to Vault renewed') === 1, 1_000);
    expect(house.logged.filter(({ level }) => level === 'warn')).toMatchObject([
      { text: expect.stringContaining('"code":"VAULT_SEALED"') },
      { text: expect.stringContaining('"code":"VAULT_UNREACHABLE"') },
    ]);
    expect(count(LOGIN)).toBe(1);
  });

  test.each([
    ['revoked', refusal(403, 'permission denied')],
    ['not renewable any more', refusal(400, 'lease is not renewable')],
    ['at its maximum', refusal(500, '1 error occurred:\n\t* past the max TTL, cannot renew\n\n')],
  ])('is logged in anew, with the same nonce, where it is %s', async (_, reply) => {
    house.vault.on(RENEW, reply);
    house.vault.on(LOGIN, auth('canary-token', 3600), auth('canary-token-2', 3600));
    keep(await house.open(house.ec2(), clock));
    await clock.advance(42 * MINUTE);
    await soon(() => count(RENEW) === 1);
    await until(() => logs('logged in to Vault again') === 1, 0);
    const logins = house.vault.seen.filter(({ path }) => path.endsWith('/login'));
    expect(logins[1]?.body).toEqual(logins[0]?.body);
    expect(logins[1]?.headers['x-vault-token']).toBeUndefined();
    expect(house.logged.every(({ level }) => level === 'debug')).toBe(true);
    house.vault.on(RENEW, auth('canary-token-2', 3600));
    await clock.advance(42 * MINUTE);
    await soon(() => count(RENEW) === 2);
    expect(tokens().at(-1)).toBe('canary-token-2');
  });

  test('that is refused anew is tried again', async () => {
    house.vault.on(LOGIN, auth('canary-token', 3600, false), refusal(400, 'client nonce mismatch'), auth('t2', 3600));
    keep(await house.open(house.ec2(), clock));
    await clock.advance(38 * MINUTE);
    await until(() => logs('logged in to Vault again') === 1, 1_000);
    expect(count(RENEW)).toBe(0);
    expect(house.logged.filter(({ level }) => level === 'warn')).toMatchObject([
      { text: expect.stringMatching(/could not log in.*another client nonce/) },
    ]);
  });
});

describe('a token', () => {
  test('is looked up and renewed', async () => {
    house.vault.on(LOOK_UP, lookUp(600));
    house.vault.on(RENEW, auth('canary-token', 3600));
    keep(await house.open(house.token(), clock));
    await until(() => count(LOOK_UP) === 1, 0);
    await until(() => count(RENEW) === 1, 10_000);
    expect(count(LOGIN)).toBe(0);
  });

  test('that ends and can not be renewed is warned of once', async () => {
    house.vault.on(LOOK_UP, lookUp(600, false));
    keep(await house.open(house.token(), clock));
    await until(() => logs('the token ends and can not be renewed') > 0, 0);
    await kept;
    expect(house.logged.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test('that never ends is left alone, without a word', async () => {
    house.vault.on(LOOK_UP, lookUp(0, false));
    keep(await house.open(house.token(), clock));
    await until(() => count(LOOK_UP) === 1, 0);
    await kept;
    expect(logs('warn')).toBe(0);
    expect(house.vault.seen).toHaveLength(1);
  });
});

test('the signal ends it at once, and the wait for the next renewal does not hold the process', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const secrets = await house.open(house.ec2(), systemClock());
  const before = timers();
  keep(secrets);
  await soon(() => timers() <= before);
  stop.abort();
  await kept;
  expect(count(RENEW)).toBe(0);
});
