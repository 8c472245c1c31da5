import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprint } from './cache.ts';
import { findOnPath } from './command.ts';
import { goProgram } from './go.ts';
import { prepareMoto } from './moto.ts';
import { orUnavailable, type Started, unavailable } from './result.ts';
import { onPort, type Server, serverFolder, startServer, waitUntil } from './server.ts';

/** A Vault and an EC2 API (moto) that suites start for themselves: `startEc2Login`, `startVault`, `startMoto`. */
export interface VaultProgram {
  readonly available: true;
}

/** What Vault answers: `data`, `auth` and the like, as its API documentation has them. */
// biome-ignore lint/suspicious/noExplicitAny: as many shapes as endpoints
export type VaultAnswer = any;

/** A Vault process of ours: initialized, unsealed, in memory, without TLS; what main.go lists can be mounted. */
export interface VaultServer extends Server {
  readonly available: true;
  /** http://127.0.0.1:port */
  readonly address: string;
  readonly rootToken: string;
  /**
   * A request to `/v1/<path>`, by the root token unless another is given. Returns the answer's JSON, undefined where it has none;
   * with `wrapFor` (`60s`) the answer is wrapped.
   * Throws with the status and Vault's own errors where it is no success.
   */
  request(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'LIST',
    path: string,
    body?: unknown,
    token?: string,
    wrapFor?: string,
  ): VaultAnswer;
  /** From now on it answers 503 to all but `unseal`. */
  seal(): Promise<void>;
  unseal(): Promise<void>;
}

const VAULT_SOURCE = fileURLToPath(new URL('./vault/', import.meta.url));
const START_MS = 60_000;
const REQUEST_MS = 30_000;

/** Builds Vault with Go (about two minutes, once) and installs moto. */
export async function prepareVault(): Promise<Started<VaultProgram>> {
  return orUnavailable('Vault', async () => {
    if (!findOnPath('openssl')) return unavailable('openssl (to sign identities of instances) is not on the PATH');
    if (!(await buildVault())) return unavailable('go (to build Vault) is not on the PATH');
    await prepareMoto();
    return { available: true };
  });
}

/** The Vault of the cache, built where it is missing; undefined without Go. Throws where the build fails. */
async function buildVault(): Promise<string | undefined> {
  const sources = ['go.mod', 'go.sum', 'main.go'].map((name) => readFileSync(join(VAULT_SOURCE, name)));
  return goProgram({
    entry: `vault-1.14.2-${fingerprint(sources)}`,
    program: 'vault',
    args: ['build', '-mod=readonly', '-o', '{out}/vault', '.'],
    cwd: VAULT_SOURCE,
  });
}

/** Starts a Vault of ours, new and empty each time. */
export async function startVault(): Promise<Started<VaultServer>> {
  return orUnavailable('Vault', async () => {
    const program = await buildVault();
    if (!program) return unavailable('go (to build Vault) is not on the PATH');
    return onPort(undefined, (port) => start(program, port));
  });
}

async function start(program: string, port: number): Promise<VaultServer> {
  const address = `http://127.0.0.1:${port}`;
  const server = await startServer(serverFolder('vault'), {
    program,
    args: [`127.0.0.1:${port}`],
    ready: () => call(address, 'GET', 'sys/health?uninitcode=200'),
    deadlineMs: START_MS,
  });
  const { root_token: rootToken, keys } = await call(address, 'PUT', 'sys/init', {
    body: { secret_shares: 1, secret_threshold: 1 },
  });
  const vault: VaultServer = {
    available: true,
    address,
    rootToken,
    request: (method, path, body, token = rootToken, wrapFor) => call(address, method, path, { body, token, wrapFor }),
    seal: () => vault.request('PUT', 'sys/seal'),
    async unseal() {
      await call(address, 'PUT', 'sys/unseal', { body: { key: keys[0] } });
      // Its mounts are set up after it has answered.
      await waitUntil(() => call(address, 'GET', 'sys/health'), START_MS);
    },
    ...server,
  };
  await vault.unseal();
  return vault;
}

async function call(
  address: string,
  method: string,
  path: string,
  {
    body,
    token,
    wrapFor,
  }: { readonly body?: unknown; readonly token?: string; readonly wrapFor?: string | undefined } = {},
): Promise<VaultAnswer> {
  const answer = await fetch(`${address}/v1/${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { 'x-vault-token': token }),
      ...(wrapFor === undefined ? {} : { 'x-vault-wrap-ttl': wrapFor }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Vault, ${method} ${path}: ${answer.status}: ${text.trim()}`);
  return text === '' ? undefined : JSON.parse(text);
}
