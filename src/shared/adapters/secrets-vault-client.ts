import { Agent } from 'node:http';
import type { client as NodeVaultClient } from 'node-vault';
import type { VaultPlace } from './secrets-vault-errors.ts';
import type { Lease } from './secrets-vault-renewal.ts';

/** The little of Vault that is used. Every function rejects with node-vault's own errors, which hold secrets: see `failureOf`. */
export interface VaultClient {
  /** Logs in to the auth method at `mount`; the token is kept for all that follows. `undefined`: Vault answered without a token. */
  logIn(mount: string, body: Readonly<Record<string, string>>): Promise<Grant | undefined>;
  /** What a wrapping token stands for, as Vault gives it. It can be asked for once. */
  unwrap(wrappingToken: string): Promise<unknown>;
  /** The answer to a read, as Vault gives it. */
  read(path: string): Promise<unknown>;
  renew(): Promise<Grant | undefined>;
  lookUp(): Promise<Grant | undefined>;
  /** Renews the lease of what was read. */
  renewLease(leaseId: string): Promise<Grant>;
}

/** A lease, but for the time. */
export type Grant = Omit<Lease, 'grantedAt_ms'>;

export interface VaultClientSettings extends VaultPlace {
  readonly namespace: string | undefined;
  /** Empty before a login. */
  readonly token: string;
  /** PEM of the certificates that vouch for Vault, in place of Node's own; `undefined`: Node's. */
  readonly ca: string | undefined;
}

/** What node-vault has and its types leave out. */
type Client = NodeVaultClient & { namespace: string; pathPrefix: string };

/** A standby leads to the leader by a redirect, and the token goes along: but never from TLS to plain HTTP. */
class NoPlainHttp extends Agent {
  override createConnection(): never {
    throw new Error('it leads from https to http');
  }
}

/** A client of node-vault, loaded now. What the environment says of Vault (`VAULT_TOKEN`, `VAULT_SKIP_VERIFY`, …) is not heeded. */
export async function vaultClient(settings: VaultClientSettings): Promise<VaultClient> {
  const { default: nodeVault } = await import('node-vault');
  const make = (token: string): Client => {
    const client = nodeVault({
      endpoint: settings.address,
      debug: () => {},
      // Said here, it outdoes VAULT_SKIP_VERIFY.
      requestOptions: {
        timeout: settings.timeoutMs,
        strictSSL: true,
        ...(settings.ca === undefined ? {} : { ca: settings.ca }),
        ...(settings.address.startsWith('https:') ? { httpAgent: new NoPlainHttp() } : {}),
      },
    }) as Client;
    return Object.assign(client, { token, namespace: settings.namespace ?? '', pathPrefix: '' });
  };
  const client = make(settings.token);
  // Logins go without a token, and others may use that of the last login meanwhile.
  const nobody = make('');
  return {
    // node-vault has no login by EC2, and its others put the mount into the path as HTML.
    async logIn(mount, body) {
      const answer: unknown = await nobody.write(`auth/${encodePath(mount)}/login`, { ...body });
      const token = authOf(answer)?.client_token;
      if (typeof token !== 'string' || token === '') return undefined;
      client.token = token;
      return grantOfAuth(answer);
    },
    unwrap: (token) => nobody.write('sys/wrapping/unwrap', {}, { headers: { 'X-Vault-Token': token } }),
    read: (path) => client.read(encodePath(path)),
    renew: async () => grantOfAuth(await client.tokenRenewSelf()),
    lookUp: async () => grantOfLookUp(await client.tokenLookupSelf()),
    async renewLease(leaseId) {
      const { lease_duration, renewable } = (await client.renew({ lease_id: leaseId })) ?? {};
      return grant(lease_duration, renewable);
    },
  };
}

/** The lease of what a read answered: `undefined` where there is none, as of KV. */
export function leaseOfRead(body: unknown): (Grant & { readonly id: string }) | undefined {
  const { lease_id, lease_duration, renewable } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof lease_id !== 'string' || lease_id === '') return undefined;
  return { id: lease_id, ...grant(lease_duration, renewable) };
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function authOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  return (body as { readonly auth?: Readonly<Record<string, unknown>> | null } | null | undefined)?.auth ?? undefined;
}

function grantOfAuth(body: unknown): Grant | undefined {
  const auth = authOf(body);
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
