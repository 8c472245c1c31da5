// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to secrets, as a user writes them
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeWith } from '../services/context.ts';
import { type Ec2Login, startEc2Login } from '../services/ec2.ts';
import { freePort } from '../services/server.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';
import { type Watch, watch } from './watch.ts';

const BOUND_MS = 40_000;
const HIDDEN = 'canary-4713';

/** What a case changes of a configuration with which all is well. */
interface Change {
  readonly vault?: object;
  readonly auth?: object;
  readonly reference?: string;
}

describeWith(['vault'], 'what Vault does not give', () => {
  let ec2: Ec2Login;
  let space: Workspace;
  let silent: Watch;
  const nonceFile = () => `${space.folder}/vault-nonce`;
  const config = ({ vault, auth, reference = 'secret/data/mongolake#dump' }: Change = {}) => ({
    version: 1,
    vault: {
      address: ec2.vault.address,
      timeout: '2s',
      retryFor: '0s',
      auth: { method: 'ec2', role: 'mongolake', nonceFile: nonceFile(), metadataUrl: ec2.metadata.url, ...auth },
      ...vault,
    },
    connections: { guest: { kind: 'dump', path: `\${vault:${reference}}` } },
    pipelines: {
      guest: {
        source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
        table: { uri: 'file:./lake/{collection}' },
      },
    },
  });
  /** Syncs, and gives the error. For each is looked at that it comes in bounded time, and tells no secret. */
  const refusal = async (change: Change) => {
    space.configure(config(change));
    const { ended, results } = await space.json('--log-level', 'debug', 'sync');
    expect(ended.durationMs).toBeLessThan(BOUND_MS);
    const printed = ended.stdout + ended.stderr;
    for (const secret of [HIDDEN, ec2.vault.rootToken, readFileSync(nonceFile(), 'utf8').trim()]) {
      expect(printed).not.toContain(secret);
    }
    const [result] = results;
    expect(result?.status).toBe('failed');
    return { exit: ended.code, ...result?.error };
  };
  const closed = async () => `http://127.0.0.1:${await freePort()}`;

  beforeAll(async () => {
    silent = await watch();
    space = workspace({ version: 1 });
    writeDump(
      `${space.folder}/dump/guest/notifications.bson`,
      [{ _id: 1, updateTime: new Date('2026-01-10T10:00:00Z') }],
      new Date('2026-01-10T11:00:00Z'),
    );
    const dump = `${space.folder}/dump`;
    ec2 = await startEc2Login({
      secret: { mongolake: { dump, other: HIDDEN }, hidden: { dump: HIDDEN } },
      kv: {},
      readable: ['secret/data/mongolake', 'secret/data/absent'],
    });
    // That all is well without a change is what makes the others mean something; and it pins the instance to its nonce.
    space.configure(config());
    expect((await space.json('sync')).results).toMatchObject([{ status: 'committed', inserted: 1 }]);
  });
  afterAll(async () => {
    await space?.close();
    await ec2?.stop();
    await silent?.close();
  });

  it('another nonce than that of the first login: 77', async () => {
    const other = `${space.folder}/other-nonce`;
    writeFileSync(other, 'canary-4713-nonce\n', { mode: 0o600 });
    const error = await refusal({ auth: { nonceFile: other } });
    expect(error).toMatchObject({ exit: 77, code: 'VAULT_REFUSED', retryable: false });
    expect(error.hint).toContain('identity-accesslist');
    expect(error.message).toContain(other);
    expect(error.message).toMatch(/nonce/);
  });

  it('a nonce file that others may read: 78', async () => {
    const open = `${space.folder}/open-nonce`;
    writeFileSync(open, readFileSync(nonceFile()), { mode: 0o644 });
    const error = await refusal({ auth: { nonceFile: open } });
    expect(error).toMatchObject({ exit: 78, code: 'CONFIG_INVALID' });
    expect(error.message).toContain(open);
  });

  it('an instance of a foreign image: 77', async () => {
    const { metadata } = await ec2.instance(await ec2.moto.registerImage());
    const error = await refusal({ auth: { metadataUrl: metadata.url } });
    expect(error).toMatchObject({ exit: 77, code: 'VAULT_REFUSED' });
    expect(error.message).toMatch(/AMI ID "ami-\w+" does not belong to role/);
  });

  it('a role that does not exist: 77', async () => {
    const error = await refusal({ auth: { role: 'nobody' } });
    expect(error).toMatchObject({ exit: 77, code: 'VAULT_REFUSED' });
    expect(error.message).toMatch(/ec2 login to role nobody at auth\/aws: there is no such role/);
  });

  it('an auth method that is not mounted: 77', async () => {
    const error = await refusal({ auth: { mount: 'elsewhere' } });
    expect(error).toMatchObject({ exit: 77, code: 'VAULT_REFUSED' });
    expect(error.message).toContain('auth/elsewhere');
  });

  it('a path that the policy does not allow: 77', async () => {
    const error = await refusal({ reference: 'secret/data/hidden#dump' });
    expect(error).toMatchObject({ exit: 77, code: 'VAULT_REFUSED' });
    expect(error.message).toContain('secret/data/hidden');
  });

  it.each([
    ['a key', 'secret/data/mongolake#nothing', /no key nothing at secret\/data\/mongolake/],
    ['a path', 'secret/data/absent#nothing', /nothing at secret\/data\/absent/],
  ])('%s that is not there: 78, with line and key of the file', async (_what, reference, pattern) => {
    const error = await refusal({ reference });
    expect(error).toMatchObject({ exit: 78, retryable: false });
    expect(error.code).toMatch(/^CONFIG_/);
    expect(error.message).toMatch(pattern);
    expect(error.message).toMatch(/mongolake\.yaml:\d+:\d+/);
  });

  it('a Vault that is not there, and one that is silent: 75', async () => {
    const address = await closed();
    const gone = await refusal({ vault: { address } });
    expect(gone).toMatchObject({ exit: 75, code: 'VAULT_UNREACHABLE', retryable: true });
    expect(gone.message).toContain(address);
    const mute = await refusal({ vault: { address: `http://127.0.0.1:${silent.port}` } });
    expect(mute).toMatchObject({ exit: 75, code: 'VAULT_UNREACHABLE' });
    expect(mute.message).toMatch(/no answer in 2 s/);
  });

  it('a metadata service that is not there, and one that is silent: 75', async () => {
    const metadataUrl = await closed();
    const gone = await refusal({ auth: { metadataUrl } });
    expect(gone).toMatchObject({ exit: 75, code: 'VAULT_UNREACHABLE', retryable: true });
    expect(gone.message).toMatch(/metadata/);
    expect(gone.message).toContain(metadataUrl);
    const mute = await refusal({ auth: { metadataUrl: `http://127.0.0.1:${silent.port}` } });
    expect(mute).toMatchObject({ exit: 75, code: 'VAULT_UNREACHABLE' });
    expect(mute.message).toMatch(/metadata.*no answer in 2 s/);
  });

  it('SIGTERM while Vault is asked ends it at once: 130', async () => {
    const unanswered = await watch();
    space.configure(config({ vault: { address: `http://127.0.0.1:${unanswered.port}`, timeout: '2m' } }));
    const worker = space.start('worker');
    try {
      await vi.waitFor(() => expect(unanswered.heard('/v1/auth/aws/login')).toBe(true), { timeout: BOUND_MS });
      expect(await worker.end('SIGTERM')).toBe(130);
    } finally {
      await unanswered.close();
    }
  });

  it('a sealed Vault: 75, and all is well once it is unsealed', async () => {
    await ec2.vault.seal();
    const error = await refusal({});
    expect(error).toMatchObject({ exit: 75, code: 'VAULT_SEALED', retryable: true });
    expect(error.message).toContain(ec2.vault.address);
    await ec2.vault.unseal();
    space.configure(config());
    expect((await space.json('sync')).results).toMatchObject([{ status: 'unchanged' }]);
  });

  it('DEBUG=node-vault, which would print secrets: 78, and nothing of it is printed', async () => {
    const loud = workspace(config(), { DEBUG: 'node-vault' });
    try {
      const { ended, results } = await loud.json('sync');
      expect(ended.code).toBe(78);
      expect(results).toMatchObject([{ error: { code: 'CONFIG_INVALID', message: expect.stringMatching(/DEBUG/) } }]);
      expect(ended.stderr).not.toMatch(/node-vault (?:request|response|set|read|write|=)|x-vault-token/i);
    } finally {
      await loud.close();
    }
  });
});
