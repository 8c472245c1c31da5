import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import { openVault } from '../../../src/shared/adapters/secrets-vault.ts';
import type { EndingSecret, Secrets } from '../../../src/shared/ports/secrets.ts';
import { describeWith } from '../../services/context.ts';
import { startVaultMethods, type VaultMethods } from '../../services/vault-methods.ts';

const PATH = 'aws/creds/lake';
const LEASE_S = 6;
const LEASE_MAX_S = 14;
const SOON = { timeout: 60_000, interval: 250 };

describeWith(['vault'], 'secrets that Vault leases', () => {
  let house: VaultMethods;
  const stop = new AbortController();
  const endings: EndingSecret[] = [];
  const logged: string[] = [];
  const log = (message: string) => logged.push(message);
  const read = async (secrets: Secrets) => {
    const [answer] = await secrets.read([{ path: PATH, key: 'access_key' }]);
    return answer !== undefined && 'value' in answer ? answer.value : '';
  };
  /** Ids of the leases that Vault has not ended. */
  const leases = (): Promise<readonly string[]> =>
    house.vault
      .request('LIST', `sys/leases/lookup/${PATH}`)
      .then((answer: { data: { keys: string[] } }) => answer.data.keys);

  beforeAll(async () => {
    house = await startVaultMethods({}, [PATH]);
    await house.vault.request('POST', 'aws/config/lease', { lease: `${LEASE_S}s`, lease_max: `${LEASE_MAX_S}s` });
  });
  afterAll(async () => {
    stop.abort();
    await house?.stop();
  });

  it('renews a lease until its maximum, tells of its end in time, and keeps the next one', async () => {
    const auth = { method: 'approle', mount: 'approle', wrapped: false } as const;
    const secrets = await openVault(
      {
        address: house.vault.address,
        timeoutMs: 10_000,
        retryForMs: 0,
        auth: { ...auth, roleId: house.roleId, secretId: await house.secretId() },
      },
      { clock: systemClock(), env: {}, logger: { debug: log, warn: log } },
    );
    const first = await read(secrets);
    const started = performance.now();
    const [lease] = await leases();
    expect(secrets.leased).toBe(true);
    void secrets.keepAlive(stop.signal, (ending) => endings.push(ending));
    await vi.waitFor(() => expect(endings).toHaveLength(1), SOON);
    // Renewed, or it would be gone.
    expect((performance.now() - started) / 1000).toBeGreaterThan(LEASE_S);
    expect(await leases()).toEqual([lease]);
    expect(endings).toMatchObject([{ path: PATH, why: 'it is at its maximum' }]);
    expect(endings[0]?.endsIn_ms).toBeGreaterThan(0);
    const second = await read(secrets);
    expect(second).not.toBe(first);
    await vi.waitFor(async () => expect(await leases()).not.toContain(lease), SOON);
    expect(await leases()).toHaveLength(1);
    expect(logged.filter((line) => line !== 'lease of a secret renewed')).toEqual([]);
  });
});
