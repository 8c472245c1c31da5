import { type SecretTree, writeSecrets } from './ec2.ts';
import { identitySigner } from './metadata.ts';
import { type MotoServer, startMoto } from './moto.ts';
import { required } from './result.ts';
import { startTokenReviews, type TokenReviews } from './token-review.ts';
import { startVault, type VaultServer } from './vault.ts';

/** An IAM user's access key. */
export interface AccessKey {
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A Vault with a role `mongolake` of each method but EC2's, each of which may read what the fixture says. */
export interface VaultMethods {
  readonly vault: VaultServer;
  /** Its STS checks signatures. */
  readonly moto: MotoServer;
  readonly reviews: TokenReviews;
  /** The user that the role of `auth/aws` is bound to, and another one. */
  readonly user: AccessKey;
  readonly stranger: AccessKey;
  /** Value of the header that `auth/aws` asks for. */
  readonly serverId: string;
  readonly roleId: string;
  /** Makes a secret id; with `wrapFor` (`60s`) it is a token that wraps one. */
  secretId(settings?: Readonly<Record<string, unknown>>, wrapFor?: string): Promise<string>;
  /** Writes the three roles again with these settings on top, such as token_ttl. */
  setRoles(settings: Readonly<Record<string, unknown>>): Promise<void>;
  stop(): Promise<void>;
}

const NAME = 'mongolake';
/** Whose token the role of `auth/kubernetes` takes. */
export const SERVICE_ACCOUNT = { namespace: 'lake', name: 'mongolake', audience: 'vault' } as const;
const SERVER_ID = 'vault.example.com';
const POLICY = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] });

export async function startVaultMethods(secret: SecretTree, readable: readonly string[]): Promise<VaultMethods> {
  const [vault, moto, reviews] = await Promise.all([
    startVault().then(required),
    startMoto().then(required),
    startTokenReviews(),
  ]);
  await writeSecrets(vault, { secret, kv: {} });
  const paths = readable.map((path) => `path "${path}" { capabilities = ["read"] }`).join('\n');
  await vault.request('PUT', `sys/policies/acl/${NAME}`, { policy: paths });
  const [user, stranger, own] = await Promise.all(['lake', 'stranger', 'vault'].map((name) => accessKey(moto, name)));
  if (user === undefined || stranger === undefined || own === undefined) throw new Error('moto made no users');
  await moto.checkSignatures();
  await mountMethods(vault, moto, reviews, own);
  const setRoles = async (settings: Readonly<Record<string, unknown>>) => {
    const common = { token_policies: [NAME], ...settings };
    await vault.request('POST', `auth/aws/role/${NAME}`, {
      auth_type: 'iam',
      bound_iam_principal_arn: [user.arn],
      resolve_aws_unique_ids: false,
      ...common,
    });
    await vault.request('POST', `auth/kubernetes/role/${NAME}`, {
      bound_service_account_names: [SERVICE_ACCOUNT.name],
      bound_service_account_namespaces: [SERVICE_ACCOUNT.namespace],
      audience: SERVICE_ACCOUNT.audience,
      ...common,
    });
    await vault.request('POST', `auth/approle/role/${NAME}`, common);
  };
  await setRoles({});
  return {
    vault,
    moto,
    reviews,
    user,
    stranger,
    serverId: SERVER_ID,
    roleId: (await vault.request('GET', `auth/approle/role/${NAME}/role-id`)).data.role_id,
    async secretId(settings = {}, wrapFor) {
      const path = `auth/approle/role/${NAME}/secret-id`;
      const answer = await vault.request('POST', path, settings, undefined, wrapFor);
      return wrapFor === undefined ? answer.data.secret_id : answer.wrap_info.token;
    },
    setRoles,
    async stop() {
      await Promise.all([vault.stop(), moto.stop(), reviews.stop()]);
    },
  };
}

/** As docs/secrets.md has an operator do it; `aws/` is the secrets engine, whose secrets are leased. */
async function mountMethods(
  vault: VaultServer,
  moto: MotoServer,
  reviews: TokenReviews,
  own: AccessKey,
): Promise<void> {
  for (const type of ['aws', 'kubernetes', 'approle']) await vault.request('POST', `sys/auth/${type}`, { type });
  const keys = { access_key: own.accessKeyId, secret_key: own.secretAccessKey };
  const endpoints = { iam_endpoint: moto.endpoint, sts_endpoint: moto.endpoint };
  await vault.request('POST', 'auth/aws/config/client', {
    ...keys,
    ...endpoints,
    endpoint: moto.endpoint,
    iam_server_id_header_value: SERVER_ID,
  });
  // Vault wants a CA, which the stand-in, without TLS, has no use for.
  const anybody = await identitySigner();
  anybody.close();
  await vault.request('POST', 'auth/kubernetes/config', {
    kubernetes_ca_cert: anybody.certificate,
    kubernetes_host: reviews.url,
    token_reviewer_jwt: reviews.reviewer,
  });
  await vault.request('POST', 'sys/mounts/aws', { type: 'aws' });
  await vault.request('POST', 'aws/config/root', { ...keys, ...endpoints, region: 'us-east-1' });
  await vault.request('POST', 'aws/roles/lake', { credential_type: 'iam_user', policy_document: POLICY });
}

async function accessKey(moto: MotoServer, name: string): Promise<AccessKey> {
  const user = await moto.iam({ Action: 'CreateUser', UserName: name });
  await moto.iam({ Action: 'PutUserPolicy', UserName: name, PolicyName: 'all', PolicyDocument: POLICY });
  const key = await moto.iam({ Action: 'CreateAccessKey', UserName: name });
  return { arn: user('Arn'), accessKeyId: key('AccessKeyId'), secretAccessKey: key('SecretAccessKey') };
}
