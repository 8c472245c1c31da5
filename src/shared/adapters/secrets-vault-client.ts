import { Agent } from 'node:http';
import type { client as NodeVaultClient } from 'node-vault';
import type { VaultPlace } from './secrets-vault-errors.ts';
import type { Lease } from './secrets-vault-renewal.ts';

/** The little of Vault that is used. Every function rejects with node-vault's own errors, which hold secrets: see `failureOf`. */
export interface VaultClient {
  /** Logs in by EC2; the token is kept for all that follows. `undefined`: Vault answered without a token. */
  logIn(login: { readonly role: string; readonly pkcs7: string; readonly nonce: string }): Promise<Grant | undefined>;
  /** The answer to a read, as Vault gives it. */
  read(path: string): Promise<unknown>;
  renew(): Promise<Grant | undefined>;
  lookUp(): Promise<Grant | undefined>;
}

/** A lease, but for the time. */
export type Grant = Omit<Lease, 'grantedAt_ms'>;

export interface VaultClientSettings extends VaultPlace {
  readonly namespace: string | undefined;
  /** Empty before a login. */
  readonly token: string;
  /** Where the AWS method is mounted; not used with a token. */
  readonly mount: string;
}

/** What node-vault has and its types leave out. */
type Client = NodeVaultClient & {
  namespace: string;
  pathPrefix: string;
  ec2Login(login: object): Promise<unknown>;
};

/** A standby leads to the leader by a redirect, and the token goes along: but never from TLS to plain HTTP. */
class NoPlainHttp extends Agent {
  override createConnection(): never {
    throw new Error('it leads from https to http');
  }
}

/** A client of node-vault, loaded now. What the environment says of Vault (`VAULT_TOKEN`, `VAULT_SKIP_VERIFY`, …) is not heeded. */
export async function vaultClient(settings: VaultClientSettings): Promise<VaultClient> {
  const { default: nodeVault } = await import('node-vault');
  const client = nodeVault({
    endpoint: settings.address,
    debug: () => {},
    // Said here, it outdoes VAULT_SKIP_VERIFY.
    requestOptions: {
      timeout: settings.timeoutMs,
      strictSSL: true,
      ...(settings.address.startsWith('https:') ? { httpAgent: new NoPlainHttp() } : {}),
    },
  }) as Client;
  Object.assign(client, { token: settings.token, namespace: settings.namespace ?? '', pathPrefix: '' });
  // node-vault has no login by EC2. Without `schema` it would not heed `tokenSource`, and only what `schema` names is sent.
  const text = { type: 'string' };
  const req = {
    type: 'object',
    properties: { role: text, pkcs7: text, nonce: text },
    required: ['role', 'pkcs7', 'nonce'],
  };
  const conf = {
    method: 'POST',
    path: `/auth/${encodePath(settings.mount)}/login`,
    schema: { req },
    tokenSource: true,
  };
  client.generateFunction('ec2Login', conf);
  return {
    async logIn(login) {
      const before = client.token;
      client.token = '';
      try {
        return grantOfAuth(await client.ec2Login({ ...login }));
      } finally {
        if (client.token === '') client.token = before;
      }
    },
    read: (path) => client.read(encodePath(path)),
    renew: async () => grantOfAuth(await client.tokenRenewSelf()),
    lookUp: async () => grantOfLookUp(await client.tokenLookupSelf()),
  };
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function grantOfAuth(body: unknown): Grant | undefined {
  const { auth } = (body ?? {}) as { readonly auth?: Readonly<Record<string, unknown>> | null };
  if (typeof auth?.client_token !== 'string' || auth.client_token === '') return undefined;
  return grant(auth.lease_duration, auth.renewable);
}

function grantOfLookUp(body: unknown): Grant | undefined {
  const { data } = (body ?? {}) as { readonly data?: Readonly<Record<string, unknown>> | null };
  return data === null || data === undefined ? undefined : grant(data.ttl, data.renewable);
}

function grant(seconds: unknown, renewable: unknown): Grant {
  return { length_ms: typeof seconds === 'number' ? seconds * 1000 : 0, renewable: renewable === true };
}
