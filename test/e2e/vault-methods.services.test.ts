// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to secrets, as a user writes them
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../services/context.ts';
import { startTokenReviews } from '../services/token-review.ts';
import { type AccessKey, SERVICE_ACCOUNT, startVaultMethods, type VaultMethods } from '../services/vault-methods.ts';
import { type Workspace, workspace } from './cli.ts';
import { writeDump } from './dump.ts';

const HIDDEN = 'canary-4715';

/** The path of a dump comes from Vault: who can't log in has nothing to sync. */
describeWith(['vault'], 'logins by IAM, Kubernetes and AppRole', () => {
  let house: VaultMethods;
  const spaces: Workspace[] = [];
  const keys = ({ accessKeyId, secretAccessKey }: Omit<AccessKey, 'arn'>) => ({
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });

  /** A machine of its own, with a folder for a dump. */
  const machine = (env: Record<string, string> = {}) => {
    const space = workspace({ version: 1 }, env);
    spaces.push(space);
    const secret = (name: string, text: string) => {
      const file = `${space.folder}/${name}`;
      writeFileSync(file, `${text}\n`, { mode: 0o600 });
      return file;
    };
    /** Syncs by a login; gives the result, and holds that nothing printed is a secret. */
    const sync = async (auth: object, secrets: readonly string[] = []) => {
      space.configure({
        version: 1,
        vault: { address: house.vault.address, retryFor: '0s', auth },
        connections: { guest: { kind: 'dump', path: '${vault:secret/data/mongolake#dump}' } },
        pipelines: {
          guest: {
            source: { connection: 'guest', database: 'guest', collections: ['notifications'] },
            table: { uri: 'file:./lake/{collection}' },
          },
        },
      });
      const { ended, results } = await space.json('--log-level', 'debug', 'sync');
      const printed = ended.stdout + ended.stderr;
      for (const one of [HIDDEN, 'hvs.', ...secrets]) expect(printed).not.toContain(one);
      const [result] = results;
      return { exit: ended.code, status: result?.status, ...result?.error };
    };
    return { secret, sync };
  };
  const refused = { exit: 77, code: 'VAULT_REFUSED', retryable: false };

  beforeAll(async () => {
    const dumps = workspace({ version: 1 });
    spaces.push(dumps);
    const dump = `${dumps.folder}/dump`;
    mkdirSync(dump);
    const at = new Date('2026-01-10T11:00:00Z');
    writeDump(`${dump}/guest/notifications.bson`, [{ _id: 1, updateTime: new Date('2026-01-10T10:00:00Z') }], at);
    house = await startVaultMethods({ mongolake: { dump, other: HIDDEN } }, ['secret/data/mongolake']);
  });
  afterAll(async () => {
    for (const space of spaces) await space.close();
    await house?.stop();
  });

  describe('iam', () => {
    const iam = (change: object = {}) => ({
      method: 'iam',
      role: 'mongolake',
      stsEndpoint: house.moto.endpoint,
      serverId: house.serverId,
      ...change,
    });

    it('lets the user in whose credentials the AWS SDK finds, by a signature that STS checks', async () => {
      const { sync } = machine(keys(house.user));
      expect(await sync(iam(), [house.user.secretAccessKey])).toEqual({ exit: 0, status: 'committed' });
    });

    it('another user, a wrong key, no credentials: 77', async () => {
      const foreign = await machine(keys(house.stranger)).sync(iam());
      expect(foreign).toMatchObject(refused);
      expect(foreign.message).toContain('Vault refused the iam login to role mongolake at auth/aws');
      expect(foreign.message).toContain(`IAM Principal "${house.stranger.arn}" does not belong to the role`);
      const secretAccessKey = 'canary-wrong-key';
      const wrong = await machine(keys({ ...house.user, secretAccessKey })).sync(iam(), [secretAccessKey]);
      expect(wrong).toMatchObject(refused);
      expect(wrong.message).toContain('AWS did not confirm the identity that signed');
      const nowhere = {
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_CONFIG_FILE: '/none',
        AWS_SHARED_CREDENTIALS_FILE: '/none',
      };
      const none = await machine({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', ...nowhere }).sync(iam());
      expect(none).toMatchObject(refused);
      expect(none.message).toBe(
        'there are no AWS credentials to sign the iam login to role mongolake at auth/aws with',
      );
    });

    it('a request that is not for this Vault: 77', async () => {
      const { sync } = machine(keys(house.user));
      const other = await sync(iam({ serverId: 'vault.elsewhere.example.com' }));
      expect(other).toMatchObject(refused);
      expect(other.message).toContain('it wants another X-Vault-AWS-IAM-Server-ID');
      expect(other.hint).toContain('vault.auth.serverId');
      const role = await sync(iam({ role: 'nobody' }));
      expect(role.message).toBe('Vault refused the iam login to role nobody at auth/aws: there is no such role');
    });
  });

  describe('kubernetes', () => {
    const login = (tokenFile: string, change: object = {}) => ({
      method: 'kubernetes',
      role: 'mongolake',
      tokenFile,
      ...change,
    });

    it('lets the service account in by its token, which is read anew each time', async () => {
      const { secret, sync } = machine();
      const old = house.reviews.token(SERVICE_ACCOUNT, -60);
      const ended = await sync(login(secret('token', old)), [old]);
      expect(ended).toMatchObject(refused);
      expect(ended.message).toContain('one that has ended');
      const token = house.reviews.token(SERVICE_ACCOUNT, 600);
      const before = house.reviews.reviews;
      expect(await sync(login(secret('token', token)), [token])).toEqual({ exit: 0, status: 'committed' });
      expect(house.reviews.reviews).toBe(before + 1);
    });

    it.each([
      ['another namespace', { ...SERVICE_ACCOUNT, namespace: 'default' }, 'namespace not authorized'],
      ['another account', { ...SERVICE_ACCOUNT, name: 'default' }, 'service account name not authorized'],
      ['another audience', { ...SERVICE_ACCOUNT, audience: 'kubernetes' }, 'is for another audience'],
    ])('%s: 77', async (_what, account, words) => {
      const { secret, sync } = machine();
      const error = await sync(login(secret('token', house.reviews.token(account, 600))));
      expect(error).toMatchObject(refused);
      expect(error.message).toContain('Vault refused the kubernetes login to role mongolake at auth/kubernetes');
      expect(error.message).toContain(words);
      expect(error.hint).toContain('vault read auth/kubernetes/role/mongolake');
    });

    it('a token of another cluster: 77; no token: 78', async () => {
      const { secret, sync } = machine();
      const cluster = await startTokenReviews();
      const file = secret('token', cluster.token(SERVICE_ACCOUNT, 600));
      await cluster.stop();
      const foreign = await sync(login(file));
      expect(foreign).toMatchObject(refused);
      expect(foreign.message).toContain(`it does not take the token of ${file}`);
      expect(foreign.hint).toContain('system:auth-delegator');
      const none = await sync(login(`${file}-none`));
      expect(none).toMatchObject({ exit: 78, code: 'CONFIG_INVALID' });
      expect(none.message).toBe(`${file}-none: the service account token can not be read (ENOENT)`);
    });
  });

  describe('approle', () => {
    const login = (change: object = {}) => ({ method: 'approle', roleId: house.roleId, ...change });

    it('lets in by role id and secret id, from the configuration or a file that may be replaced', async () => {
      const { secret, sync } = machine();
      const secretId = await house.secretId();
      expect(await sync(login({ secretId }), [secretId])).toEqual({ exit: 0, status: 'committed' });
      const secretIdFile = secret('secret-id', 'canary-wrong');
      const wrong = await sync(login({ secretIdFile }), ['canary-wrong']);
      expect(wrong).toMatchObject(refused);
      expect(wrong.message).toContain(
        `Vault refused the approle login to role with id ${house.roleId.slice(0, 8)}… at auth/`,
      );
      expect(wrong.message).toContain(`the secret id of ${secretIdFile} is wrong`);
      secret('secret-id', secretId);
      expect(await sync(login({ secretIdFile }))).toEqual({ exit: 0, status: 'unchanged' });
    });

    it('a secret id that is used up, none, a role id of nobody: 77', async () => {
      const { sync } = machine();
      const secretId = await house.secretId({ num_uses: 1 });
      expect(await sync(login({ secretId }))).toMatchObject({ exit: 0 });
      const again = await sync(login({ secretId }), [secretId]);
      expect(again).toMatchObject(refused);
      expect(again.message).toContain('was used as often as it may be');
      const none = await sync(login());
      expect(none).toMatchObject(refused);
      expect(none.message).toContain('asks for a secret id, and there is none');
      const nobody = await sync(login({ roleId: 'canary-nobody', secretId }), ['canary-nobody']);
      expect(nobody).toMatchObject(refused);
      expect(nobody.message).toContain('there is no role with this role id');
    });

    it('a wrapped secret id serves one start', async () => {
      const { secret, sync } = machine();
      const secretIdFile = secret('wrapped', await house.secretId({}, '60s'));
      const wrapped = login({ secretIdFile, wrapped: true });
      expect(await sync(wrapped)).toEqual({ exit: 0, status: 'committed' });
      const again = await sync(wrapped);
      expect(again).toMatchObject(refused);
      expect(again.message).toContain(`the wrapping token of ${secretIdFile} was used or has ended`);
      expect(again.hint).toContain('-wrap-ttl');
    });
  });
});
