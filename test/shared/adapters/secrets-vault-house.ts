import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/shared/adapters/clock-system.ts';
import type { DebugEnvironment } from '../../../src/shared/adapters/debug-output.ts';
import { openVault, type VaultSettings } from '../../../src/shared/adapters/secrets-vault.ts';
import type { MongolakeError } from '../../../src/shared/domain/errors.ts';
import type { Clock } from '../../../src/shared/ports/clock.ts';
import type { Secrets } from '../../../src/shared/ports/secrets.ts';
import { auth, type FakeServer, fakeServer } from './vault-fake.ts';

export const LOGIN = 'POST /v1/auth/aws/login';
export const SECRET = 'GET /v1/secret/data/m';
/** What no message may hold. */
export const CANARIES = ['canary-token', 'canary-nonce', 'canary-value', 'Y2FuYXJ5LWRvY3VtZW50'] as const;

/** A fake Vault, a fake metadata service, a folder for nonces, and what was logged. */
export interface VaultHouse {
  readonly vault: FakeServer;
  readonly metadata: FakeServer;
  readonly folder: string;
  readonly nonceFile: string;
  readonly logged: { readonly level: string; readonly text: string }[];
  ec2(change?: Partial<Extract<VaultSettings['auth'], { method: 'ec2' }>>): VaultSettings;
  token(): VaultSettings;
  /** Any other way to log in. */
  by(auth: VaultSettings['auth']): VaultSettings;
  open(settings: VaultSettings, clock?: Clock, env?: DebugEnvironment): Promise<Secrets>;
  /** The error of opening, or of reading `secret/data/m#password`. */
  failure(settings: VaultSettings): Promise<MongolakeError>;
  close(): Promise<void>;
}

export async function vaultHouse(): Promise<VaultHouse> {
  const vault = await fakeServer();
  const metadata = await fakeServer();
  const folder = mkdtempSync(join(tmpdir(), 'mongolake-vault-'));
  const nonceFile = join(folder, 'nonce');
  const logged: { level: string; text: string }[] = [];
  const log = (level: string) => (message: string, fields: object | undefined) =>
    logged.push({ level, text: `${message} ${JSON.stringify(fields)}` });
  metadata.on('PUT /latest/api/token', { status: 200, body: 'session' });
  metadata.on('GET /latest/dynamic/instance-identity/pkcs7', { status: 200, body: 'Y2FuYXJ5\nLWRvY3VtZW50\n' });
  vault.on(LOGIN, auth('canary-token', 3600));
  const place = () => ({ address: vault.url, timeoutMs: 5_000, retryForMs: 0 });
  const house: VaultHouse = {
    vault,
    metadata,
    folder,
    nonceFile,
    logged,
    ec2: (change = {}) => ({
      ...place(),
      auth: { method: 'ec2', role: 'lake', mount: 'aws', nonceFile, metadataUrl: metadata.url, ...change },
    }),
    token: () => ({ ...place(), auth: { method: 'token', token: 'canary-token' } }),
    by: (auth) => ({ ...place(), auth }),
    open: (settings, clock = systemClock(), env = {}) =>
      openVault(settings, { clock, env, logger: { debug: log('debug'), warn: log('warn') } }),
    async failure(settings) {
      try {
        await (await house.open(settings)).read([{ path: 'secret/data/m', key: 'password' }]);
      } catch (error) {
        return error as MongolakeError;
      }
      throw new Error('nothing failed');
    },
    async close() {
      await vault.close();
      await metadata.close();
      rmSync(folder, { recursive: true });
    },
  };
  return house;
}

/** All that an error could show of itself. */
export function shown(error: MongolakeError): string {
  return [error.message, error.hint, error.stack, JSON.stringify(error), String(error.cause)].join('\n');
}
