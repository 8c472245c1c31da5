import { type IdentitySigner, identitySigner, type MetadataServer, startMetadata } from './metadata.ts';
import { type InstanceIdentity, type MotoServer, startMoto } from './moto.ts';
import { required } from './result.ts';
import { waitUntil } from './server.ts';
import { startVault, type VaultServer } from './vault.ts';

/** Secrets of a fixture: path below the mount → key → value. */
export type SecretTree = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What is in a fixture's Vault. */
export interface Ec2LoginOptions {
  /** KV version 2 at `secret/`: `{ mongolake: … }` is read at `secret/data/mongolake`. */
  readonly secret: SecretTree;
  /** KV version 1 at `kv/`. */
  readonly kv: SecretTree;
  /** What the role may read, as in a policy: `secret/data/mongolake`. */
  readonly readable: readonly string[];
}

/** A Vault that lets EC2 instances of one image in, and an instance of it. */
export interface Ec2Login {
  readonly vault: VaultServer;
  readonly moto: MotoServer;
  readonly signer: IdentitySigner;
  /** The image that the role `mongolake` is bound to. */
  readonly imageId: string;
  /** The metadata service of an instance of that image. */
  readonly metadata: MetadataServer;
  /** Runs one more instance, of that image or of another. Its metadata service ends with the fixture. */
  instance(imageId?: string): Promise<{ readonly identity: InstanceIdentity; readonly metadata: MetadataServer }>;
  /** Writes the role `mongolake` again with these settings on top, such as token_period. */
  setRole(settings: Readonly<Record<string, unknown>>): Promise<void>;
  stop(): Promise<void>;
}

/** Role and policy of the fixture. */
const NAME = 'mongolake';
const MOUNTED_MS = 30_000;

/** Starts Vault, moto and the metadata service of an instance, and makes them trust each other as an operator would. */
export async function startEc2Login(options: Ec2LoginOptions): Promise<Ec2Login> {
  const [vault, moto, signer] = await Promise.all([
    startVault().then(required),
    startMoto().then(required),
    identitySigner(),
  ]);
  const imageId = await moto.registerImage();
  const metadatas: MetadataServer[] = [];
  const instance = async (image = imageId) => {
    const identity = await moto.runInstance(image);
    const metadata = await startMetadata(identity, signer);
    metadatas.push(metadata);
    return { identity, metadata };
  };
  await mountAws(vault, moto, signer);
  await writeSecrets(vault, options);
  const policy = options.readable.map((path) => `path "${path}" { capabilities = ["read"] }`).join('\n');
  await vault.request('PUT', `sys/policies/acl/${NAME}`, { policy });
  const setRole = (settings: Readonly<Record<string, unknown>>): Promise<void> =>
    vault.request('POST', `auth/aws/role/${NAME}`, {
      auth_type: 'ec2',
      bound_ami_id: [imageId],
      token_policies: [NAME],
      ...settings,
    });
  await setRole({});
  const { metadata } = await instance();
  return {
    vault,
    moto,
    signer,
    imageId,
    metadata,
    instance,
    setRole,
    async stop() {
      await Promise.all([vault.stop(), moto.stop(), ...metadatas.map((one) => one.stop())]);
      signer.close();
    },
  };
}

async function mountAws(vault: VaultServer, moto: MotoServer, signer: IdentitySigner): Promise<void> {
  await vault.request('POST', 'sys/auth/aws', { type: 'aws' });
  await vault.request('POST', 'auth/aws/config/client', {
    endpoint: moto.endpoint,
    iam_endpoint: moto.endpoint,
    sts_endpoint: moto.endpoint,
    access_key: 'test',
    secret_key: 'test',
  });
  await vault.request('POST', 'auth/aws/config/certificate/own', {
    type: 'pkcs7',
    aws_public_cert: Buffer.from(signer.certificate).toString('base64'),
  });
}

/** Mounts both versions of KV and fills them. */
export async function writeSecrets(
  vault: VaultServer,
  { secret, kv }: Pick<Ec2LoginOptions, 'secret' | 'kv'>,
): Promise<void> {
  await vault.request('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } });
  await vault.request('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '1' } });
  // A new mount of version 2 refuses for a moment, as it prepares its storage.
  await waitUntil(() => vault.request('GET', 'secret/config'), MOUNTED_MS);
  for (const [path, data] of Object.entries(secret)) await vault.request('POST', `secret/data/${path}`, { data });
  for (const [path, data] of Object.entries(kv)) await vault.request('POST', `kv/${path}`, data);
}
