import { readFile } from 'node:fs/promises';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { SecretAnswer, SecretReference, Secrets } from '../ports/secrets.ts';
import { type DebugEnvironment, refuseDebugOutput } from './debug-output.ts';
import { type VaultClient, vaultClient } from './secrets-vault-client.ts';
import { failureOf, readRefused, tokenError, unavailable, type VaultFailure } from './secrets-vault-errors.ts';
import { type LeaseBook, leaseBook } from './secrets-vault-leases.ts';
import { keepLogin } from './secrets-vault-login.ts';
import { backoff, startState } from './secrets-vault-renewal.ts';
import { absenceOf, answerOf, fieldsOf } from './secrets-vault-values.ts';
import type { VaultAuth } from './vault-auth.ts';
import { loginOf } from './vault-logins.ts';

export interface VaultSettings {
  /** URL without a user. */
  readonly address: string;
  readonly namespace?: string;
  /** Certificates (PEM) that vouch for Vault, in place of Node's own. */
  readonly caFile?: string;
  readonly auth: VaultAuth;
  /** Bound on one request. */
  readonly timeoutMs: number;
  /** How long a login or a read is tried again where Vault is sealed or away. */
  readonly retryForMs: number;
}

export interface VaultContext {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
  readonly env: DebugEnvironment;
  /** Ends the waiting for a Vault that is away. */
  readonly signal?: AbortSignal;
}

/**
 * Vault by node-vault, logged in to. Errors: those of `Secrets`, and `CONFIG_INVALID` for a file that can't be used, or a `DEBUG` or
 * `NODE_DEBUG` that would print secrets.
 */
export async function openVault(settings: VaultSettings, context: VaultContext): Promise<Secrets> {
  refuseDebugOutput(context.env, 'vault');
  const { auth, address, timeoutMs, namespace, caFile } = settings;
  const { clock, logger } = context;
  const place = { address, timeoutMs };
  const token = auth.method === 'token' ? auth.token : '';
  const ca = caFile === undefined ? undefined : await readCertificates(caFile);
  const client = await vaultClient({ ...place, namespace, token, ca });
  const login = loginOf(client, auth, place, clock);
  const leases = leaseBook(client, place, context);
  const first = await patiently(settings, context, async () => {
    const grantedAt_ms = clock.monotonic();
    const grant = await login?.logIn();
    return grant && { ...grant, grantedAt_ms };
  });
  const state = startState(login !== undefined, first);
  const secrets = secretsOf(auth);
  const reader: Reader = { client, place, secrets, who: login?.who, leases, clock };
  return {
    description: `Vault at ${address}`,
    get leased() {
      return leases.size > 0;
    },
    holds: (path) => leases.has(path),
    read: (references) => readAll(references, (path) => patiently(settings, context, () => readPath(reader, path))),
    keepAlive(signal, onEnding) {
      leases.keep(signal, onEnding);
      return keepLogin(state, { client, place, secrets, logIn: login?.logIn, leases, clock, logger }, signal);
    },
  };
}

/** Somebody waits for the start. */
const WAIT_MAX_MS = 5_000;

/** Does what may find Vault sealed or away again, ever more slowly, as long as the settings say. */
async function patiently<T>(
  { retryForMs }: VaultSettings,
  { clock, signal, logger }: VaultContext,
  work: () => Promise<T>,
): Promise<T> {
  const start_ms = clock.monotonic();
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MongolakeError) || !error.retryable) throw error;
      const wait_ms = Math.min(WAIT_MAX_MS, backoff(failures, Number.parseInt(clock.randomHex(2), 16) / 0x10000));
      const spent_ms = clock.monotonic() - start_ms;
      if (spent_ms + wait_ms > retryForMs) throw failures === 1 ? error : givenUp(error, spent_ms);
      logger.warn('Vault does not serve yet; it is tried again', { code: error.code, error: error.message });
      await clock.sleep(wait_ms, signal);
    }
  }
}

function givenUp({ code, message, hint }: MongolakeError, spent_ms: number): MongolakeError {
  const tried = `${message} (tried for ${Math.round(spent_ms / 1000)} s)`;
  return new MongolakeError(code, tried, hint === undefined ? {} : { hint });
}

async function readCertificates(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new MongolakeError('CONFIG_INVALID', `${file}: the certificates of vault.caFile can not be read (${code})`);
  }
  if (/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(text)) return text;
  throw new MongolakeError('CONFIG_INVALID', `${file}: there is no certificate in it`, {
    hint: 'vault.caFile is a PEM file, whose certificates begin with -----BEGIN CERTIFICATE-----.',
  });
}

interface Reader {
  readonly client: VaultClient;
  readonly place: { readonly address: string; readonly timeoutMs: number };
  readonly secrets: readonly string[];
  /** Whose policies count; `undefined` with a token that was given. */
  readonly who: string | undefined;
  readonly leases: LeaseBook;
  readonly clock: Clock;
}

type Fields = Readonly<Record<string, unknown>>;

async function readAll(
  references: readonly SecretReference[],
  readOne: (path: string) => Promise<Fields | string>,
): Promise<readonly SecretAnswer[]> {
  const paths = [...new Set(references.map(({ path }) => path))];
  const bodies = await Promise.all(paths.map(readOne));
  const found = new Map(paths.map((path, index) => [path, bodies[index]]));
  return references.map((reference) => {
    const fields = found.get(reference.path);
    if (typeof fields === 'object') return answerOf(fields, reference);
    return { missing: fields ?? '' };
  });
}

/** Keys and values, or why there are none. */
async function readPath(reader: Reader, path: string): Promise<Fields | string> {
  const { client, place, secrets, leases, clock } = reader;
  const asked_ms = clock.monotonic();
  let body: unknown;
  try {
    body = await client.read(path);
  } catch (error) {
    const failure = failureOf(error, secrets);
    if (failure.status === 404) return absenceOf(failure.body, path);
    throw unavailable(failure, place) ?? (await refusedRead(reader, path, failure));
  }
  leases.add(path, body, asked_ms);
  return fieldsOf(body) ?? `what Vault has at ${path} is not a secret of keys and values`;
}

/** Vault answers 403 to a bad token as to one without rights: whether it knows the token tells them apart. */
async function refusedRead(
  { client, place, who }: Reader,
  path: string,
  failure: VaultFailure,
): Promise<MongolakeError> {
  const { status, reason } = failure.status === undefined ? { status: 0, reason: '' } : failure;
  if (who !== undefined) return readRefused(path, who, status, reason);
  const known = await client.lookUp().then(
    () => true,
    () => false,
  );
  return known || status !== 403
    ? readRefused(path, 'the token', status, reason)
    : tokenError(place.address, status, reason);
}

function secretsOf(auth: VaultAuth): readonly string[] {
  if (auth.method === 'token') return [auth.token];
  return auth.method === 'ec2' && auth.nonce !== undefined ? [auth.nonce] : [];
}
