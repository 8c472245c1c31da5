import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { revoke, tokensOf } from '../services/vault-tokens.ts';
import { type Running, type Workspace, workspace } from './cli.ts';
import { type VaultHouse, vaultHouse } from './vault-house.ts';
import { document } from './worked-example.ts';

/** A login is renewed twice in it, and its last third is enough for a busy machine. */
const TTL_S = 10;
/** What a login lasts with all its renewals. */
const MAX_TTL_S = 25;
const WORK_MS = Number(process.env.MONGOLAKE_TEST_VAULT_SECONDS ?? 40) * 1000;
const SEALED_MS = 20_000;
const SOON = { timeout: 60_000, interval: 250 };

describeWith(['vault', 'redis', 's3', 'mongodb'], 'work that outlasts its login to Vault', (services) => {
  let house: VaultHouse;
  let space: Workspace;
  let client: MongoClient;
  let worker: Running;
  let coordinator: Running;
  let inserted = 0;
  const lines = (text: string, { lines }: Running) => lines.filter((line) => line.includes(text));
  /** How often a process has been logged in to Vault for a further time. */
  const kept = (one: Running) =>
    lines('login to Vault renewed', one).length + lines('logged in to Vault again', one).length;
  /** What went wrong, and what Vault was the reason of. A tick that is skipped on a busy machine is neither. */
  const troubles = () =>
    [coordinator, worker].flatMap((one) =>
      one.lines.filter((line) =>
        /"level":"error"|"level":"warn".*(?:"code":"VAULT_|login to Vault |Vault gave)/.test(line),
      ),
    );
  const commits = () => lines('"committed"', coordinator).length;

  /** Inserts one document after the other, and sees each committed, for so long. */
  const work = async (for_ms: number) => {
    const until = performance.now() + for_ms;
    do {
      const before = commits();
      inserted += 1;
      await client
        .db(services.mongodb.database)
        .collection<ReturnType<typeof document>>('notifications')
        .insertOne(document(inserted, `A${inserted}`, 'B', new Date()));
      await vi.waitFor(() => expect(commits()).toBeGreaterThan(before), SOON);
    } while (performance.now() < until);
  };

  beforeAll(async () => {
    client = await MongoClient.connect(services.mongodb.uri);
    await client.db(services.mongodb.database).collection('notifications').createIndex({ updateTime: 1 });
    house = await vaultHouse(services);
    await house.ec2.setRole({ token_ttl: `${TTL_S}s`, token_max_ttl: `${MAX_TTL_S}s` });
    space = workspace(house.config);
    worker = space.start('--log-level', 'debug', 'worker');
    coordinator = space.start('--log-level', 'debug', 'coordinator');
    await worker.line('worker started');
  });
  afterAll(async () => {
    await space?.close();
    await house?.close();
    await client?.close();
  });

  it(
    `goes on for ${WORK_MS / 1000} s with tokens of ${TTL_S} s that last ${MAX_TTL_S} s at most`,
    async () => {
      await work(WORK_MS);
      expect(troubles()).toEqual([]);
      for (const one of [worker, coordinator]) {
        expect(lines('logged in to Vault again', one).length).toBeGreaterThanOrEqual(
          Math.max(1, Math.floor(WORK_MS / 1000 / MAX_TTL_S) - 1),
        );
        expect(lines('login to Vault renewed', one).length).toBeGreaterThanOrEqual(2);
      }
      expect((await tokensOf(house.ec2.vault, 'aws')).length).toBeGreaterThanOrEqual(2);
    },
    WORK_MS + 120_000,
  );

  it('a sealed Vault delays the logins and a start, and stops no run', async () => {
    const { vault } = house.ec2;
    const before = [worker, coordinator].map(kept);
    await vault.seal();
    const late = space.start('worker');
    await late.line('Vault does not serve yet; it is tried again');
    await work(SEALED_MS);
    for (const one of [worker, coordinator]) expect(lines('"code":"VAULT_SEALED"', one).length).toBeGreaterThan(0);
    expect(lines('worker started', late)).toEqual([]);
    await vault.unseal();
    await late.line('worker started');
    await vi.waitFor(() => {
      for (const [index, one] of [worker, coordinator].entries()) expect(kept(one)).toBeGreaterThan(before[index] ?? 0);
    }, SOON);
    expect(await late.end('SIGTERM')).toBe(0);
  });

  it('a login that was revoked is made again, and nothing that was kept is lost at the end', async () => {
    const { vault } = house.ec2;
    const again = () => [worker, coordinator].map((one) => lines('logged in to Vault again', one).length);
    const before = again();
    for (const token of await tokensOf(vault, 'aws')) await revoke(vault, token);
    await vi.waitFor(() => {
      for (const [index, count] of again().entries()) expect(count).toBeGreaterThan(before[index] ?? 0);
    }, SOON);
    await work(0);
    expect(await Promise.all([worker, coordinator].map((one) => one.end('SIGTERM')))).toEqual([0, 0]);
    expect((await space.json('status')).results).toMatchObject([{ rows: inserted }]);
  });
});
