import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EndingSecret, Secrets } from '../../../src/shared/ports/secrets.ts';
import { type FakeClock, fakeClock } from '../../coordinator/fake-clock.ts';
import { CANARIES, LOGIN, type VaultHouse, vaultHouse } from './secrets-vault-house.ts';
import { auth, kv1, lookUp, type Reply, refusal } from './vault-fake.ts';

const CREDS = 'GET /v1/database/creds/lake';
const RENEW = 'PUT /v1/sys/leases/renew';
const RENEW_LOGIN = 'POST /v1/auth/token/renew-self';
const MINUTE = 60_000;
const REFERENCE = { path: 'database/creds/lake', key: 'password' };

let house: VaultHouse;
let clock: FakeClock;
let stop: AbortController;
let endings: EndingSecret[];
beforeEach(async () => {
  house = await vaultHouse();
  clock = fakeClock(0);
  stop = new AbortController();
  endings = [];
});
afterEach(async () => {
  stop.abort();
  for (const canary of CANARIES) expect(JSON.stringify([house.logged, endings])).not.toContain(canary);
  await house.close();
});

/** The answer of an engine that makes a user for each read. */
const leased = (password: string, lease_duration: number, renewable = true): Reply => ({
  status: 200,
  body: { lease_id: `database/creds/lake/${password}`, lease_duration, renewable, data: { password }, auth: null },
});
const renewed = (lease_duration: number, renewable = true): Reply => ({
  status: 200,
  body: { lease_id: 'x', lease_duration, renewable, data: null, auth: null },
});
const read = async (secrets: Secrets) => (await secrets.read([REFERENCE]))[0];
const keep = async (): Promise<Secrets> => {
  house.vault.on(RENEW_LOGIN, auth('canary-token', 24 * 3600));
  house.vault.on(LOGIN, auth('canary-token', 24 * 3600));
  const secrets = await house.open(house.ec2(), clock);
  await read(secrets);
  void secrets.keepAlive(stop.signal, (ending) => endings.push(ending));
  return secrets;
};
const renewals = () => house.vault.seen.filter(({ path }) => path === '/v1/sys/leases/renew');
const logs = (text: string) => house.logged.filter((line) => line.text.includes(text)).length;
const soon = (done: () => boolean) => vi.waitFor(() => expect(done()).toBe(true), { timeout: 20_000, interval: 5 });

describe('a lease', () => {
  test('is renewed at two thirds, again and again, by its id and the token', async () => {
    house.vault.on(CREDS, leased('a', 3600));
    house.vault.on(RENEW, renewed(3600));
    expect((await keep()).leased).toBe(true);
    for (const [times, quiet, due] of [
      [1, 37, 5],
      [2, 33, 9],
    ] as const) {
      await clock.advance(quiet * MINUTE);
      expect(renewals()).toHaveLength(times - 1);
      await clock.advance(due * MINUTE);
      await soon(() => logs('lease of a secret renewed') === times);
    }
    expect(renewals()[0]).toMatchObject({
      body: { lease_id: 'database/creds/lake/a' },
      headers: { 'x-vault-token': 'canary-token' },
    });
    expect(endings).toEqual([]);
  });

  test('that can not be renewed is told of once, while its values are good yet', async () => {
    house.vault.on(CREDS, leased('a', 3600, false));
    const secrets = await keep();
    await clock.advance(37 * MINUTE);
    expect(endings).toEqual([]);
    await clock.advance(6 * MINUTE);
    const [ending] = endings;
    expect(endings).toMatchObject([{ path: 'database/creds/lake', why: 'it can not be renewed' }]);
    expect(ending?.endsIn_ms).toBeGreaterThan(17 * MINUTE);
    expect(ending?.endsIn_ms).toBeLessThan(23 * MINUTE);
    expect([secrets.leased, renewals().length]).toEqual([false, 0]);
  });

  test('at its maximum, where renewals give ever less, is told of in time', async () => {
    house.vault.on(CREDS, leased('a', 3600));
    house.vault.on(RENEW, renewed(600));
    await keep();
    await clock.advance(42 * MINUTE);
    await soon(() => renewals().length === 1);
    await soon(() => logs('lease of a secret renewed') === 1);
    await clock.advance(8 * MINUTE);
    expect(endings).toMatchObject([{ why: 'it is at its maximum' }]);
    expect(endings[0]?.endsIn_ms).toBeGreaterThan(MINUTE);
  });

  test('that was revoked is told of with the words of Vault', async () => {
    house.vault.on(CREDS, leased('a', 3600));
    house.vault.on(RENEW, refusal(400, 'lease not found'));
    await keep();
    await clock.advance(42 * MINUTE);
    await soon(() => renewals().length === 1);
    await vi.waitFor(async () => {
      await clock.advance(0);
      expect(endings).toMatchObject([{ why: 'lease not found' }]);
    });
  });

  test('is tried again while Vault is away, ever more slowly, until it ends', async () => {
    house.vault.on(CREDS, leased('a', 3600));
    house.vault.on(RENEW, refusal(503, 'Vault is sealed'), refusal(503, 'Vault is sealed'), renewed(3600));
    await keep();
    await clock.advance(42 * MINUTE);
    await vi.waitFor(
      async () => {
        await clock.advance(500);
        expect(logs('lease of a secret renewed')).toBe(1);
      },
      { timeout: 20_000, interval: 5 },
    );
    expect(logs('the lease of a secret could not be renewed')).toBe(2);
    expect(endings).toEqual([]);
  });

  test('of a path that is read anew takes the place of the former one', async () => {
    house.vault.on(CREDS, leased('a', 3600, false), leased('b', 3600));
    house.vault.on(RENEW, renewed(3600));
    const secrets = await keep();
    await clock.advance(30 * MINUTE);
    expect(await read(secrets)).toEqual({ value: 'b' });
    await clock.advance(30 * MINUTE);
    expect(endings).toEqual([]);
    await clock.advance(12 * MINUTE);
    await soon(() => renewals().length === 1);
    expect(renewals()[0]?.body).toEqual({ lease_id: 'database/creds/lake/b' });
  });
});

test('a new login leaves the leases of the former one behind, which end with it', async () => {
  house.vault.on(CREDS, leased('a', 24 * 3600));
  const secrets = await keep();
  house.vault.on(RENEW_LOGIN, refusal(403, 'permission denied'));
  await clock.advance(15 * 60 * MINUTE);
  house.vault.on(RENEW, renewed(24 * 3600));
  await vi.waitFor(
    async () => {
      await clock.advance(5 * MINUTE);
      expect(endings).toHaveLength(1);
    },
    { timeout: 20_000, interval: 5 },
  );
  expect(endings).toEqual([{ path: 'database/creds/lake', endsIn_ms: 0, why: 'the login that read it ends' }]);
  expect(secrets.leased).toBe(false);
});

test.each([
  ['ends and can not be renewed', lookUp(7200, false), [{ endsIn_ms: 7_200_000, why: 'the login to Vault ends' }]],
  ['never ends', lookUp(0, false), []],
  ['may not be looked up', refusal(403, 'permission denied'), []],
])('a token that %s, and the leases that hang on it', async (_, reply, expected) => {
  house.vault.on('GET /v1/auth/token/lookup-self', reply);
  house.vault.on(CREDS, leased('a', 24 * 3600));
  const secrets = await house.open(house.token(), clock);
  await read(secrets);
  const kept = secrets.keepAlive(stop.signal, (ending) => endings.push(ending));
  await clock.advance(0);
  await kept;
  expect(endings).toMatchObject(expected);
  expect(secrets.leased).toBe(expected.length === 0);
});

test('what KV gives has no lease', async () => {
  house.vault.on(CREDS, kv1({ password: 'p' }));
  expect((await keep()).leased).toBe(false);
});
