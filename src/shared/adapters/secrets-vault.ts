import { type ErrorCode, MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../ports/logger.ts';
import type { SecretAnswer, SecretReference, Secrets } from '../ports/secrets.ts';
import { type DebugEnvironment, refuseDebugOutput } from './debug-output.ts';
import { ec2Identity } from './ec2-identity.ts';
import { type Grant, type VaultClient, vaultClient } from './secrets-vault-client.ts';
import {
  ec2LoginError,
  failureOf,
  isAtItsEnd,
  readRefused,
  tokenError,
  unavailable,
  type VaultFailure,
} from './secrets-vault-errors.ts';
import { failed, granted, type LoginState, nextStep, type Step, startState } from './secrets-vault-renewal.ts';
import { absenceOf, answerOf, fieldsOf } from './secrets-vault-values.ts';
import { clientNonce } from './vault-nonce.ts';

/** The identity of the EC2 instance that this runs on. */
export interface Ec2Auth {
  readonly method: 'ec2';
  readonly role: string;
  readonly mount: string;
  /** Given, or else kept in `nonceFile`. */
  readonly nonce?: string;
  /** Absolute. */
  readonly nonceFile: string;
  readonly metadataUrl: string;
}

/** A token that somebody else logged in for. */
export interface TokenAuth {
  readonly method: 'token';
  readonly token: string;
}

export interface VaultSettings {
  /** URL without a user. */
  readonly address: string;
  readonly namespace?: string;
  readonly auth: Ec2Auth | TokenAuth;
  /** Bound on one request. */
  readonly timeoutMs: number;
}

export interface VaultContext {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'debug' | 'warn'>;
  readonly env: DebugEnvironment;
}

/**
 * Vault by node-vault, logged in to. Errors: those of `Secrets`, and `CONFIG_INVALID` for a nonce file that can't be used, or a
 * `DEBUG` or `NODE_DEBUG` that would print secrets.
 */
export async function openVault(settings: VaultSettings, context: VaultContext): Promise<Secrets> {
  refuseDebugOutput(context.env, 'vault');
  const { auth, address, timeoutMs, namespace } = settings;
  const client = await vaultClient({
    address,
    timeoutMs,
    namespace,
    token: auth.method === 'token' ? auth.token : '',
    mount: auth.method === 'ec2' ? auth.mount : 'aws',
  });
  const { clock } = context;
  const logIn = auth.method === 'ec2' ? () => logInByEc2(client, settings, auth, clock) : undefined;
  const start_ms = clock.monotonic();
  const first = await logIn?.();
  const state = startState(logIn !== undefined, first && { ...first, grantedAt_ms: start_ms });
  return {
    description: `Vault at ${address}`,
    read: (references) => readAll(client, settings, references),
    keepAlive: (signal) => keepAlive(state, { client, settings, logIn, ...context }, signal),
  };
}

async function logInByEc2(client: VaultClient, settings: VaultSettings, auth: Ec2Auth, clock: Clock): Promise<Grant> {
  const { address, timeoutMs } = settings;
  const { role, mount } = auth;
  // Read anew each time: the operator may have mended the file.
  const nonce = auth.nonce ?? (await clientNonce(auth.nonceFile, clock));
  const pkcs7 = await ec2Identity({ url: auth.metadataUrl, timeoutMs }, clock);
  let grant: Grant | undefined;
  try {
    grant = await client.logIn({ role, pkcs7, nonce });
  } catch (error) {
    const nonceFrom = auth.nonce === undefined ? auth.nonceFile : 'vault.auth.nonce';
    throw ec2LoginError(failureOf(error, [nonce, pkcs7]), { address, timeoutMs, role, mount, nonceFrom });
  }
  if (grant !== undefined) return grant;
  throw new MongolakeError(
    'VAULT_REFUSED',
    `what answers at ${address} took the login to role ${role} but gave no token`,
    {
      hint: 'Check vault.address; a role that asks for more than the login (MFA) can not be used.',
    },
  );
}

async function readAll(
  client: VaultClient,
  settings: VaultSettings,
  references: readonly SecretReference[],
): Promise<readonly SecretAnswer[]> {
  const paths = [...new Set(references.map(({ path }) => path))];
  const bodies = await Promise.all(paths.map((path) => readPath(client, settings, path)));
  const found = new Map(paths.map((path, index) => [path, bodies[index]]));
  return references.map((reference) => {
    const fields = found.get(reference.path);
    if (typeof fields === 'object') return answerOf(fields, reference);
    return { missing: fields ?? '' };
  });
}

/** Keys and values, or why there are none. */
async function readPath(
  client: VaultClient,
  settings: VaultSettings,
  path: string,
): Promise<Readonly<Record<string, unknown>> | string> {
  let body: unknown;
  try {
    body = await client.read(path);
  } catch (error) {
    const failure = failureOf(error, secretsOf(settings));
    if (failure.status === 404) return absenceOf(failure.body, path);
    throw unavailable(failure, settings) ?? (await refusedRead(client, settings, path, failure));
  }
  return fieldsOf(body) ?? `what Vault has at ${path} is not a secret of keys and values`;
}

/** Vault answers 403 to a bad token as to one without rights: whether it knows the token tells them apart. */
async function refusedRead(
  client: VaultClient,
  { address, auth }: VaultSettings,
  path: string,
  failure: VaultFailure,
): Promise<MongolakeError> {
  const { status, reason } = failure.status === undefined ? { status: 0, reason: '' } : failure;
  if (auth.method === 'ec2') return readRefused(path, `the role ${auth.role}`, status, reason);
  const known = await client.lookUp().then(
    () => true,
    () => false,
  );
  return known || status !== 403 ? readRefused(path, 'the token', status, reason) : tokenError(address, status, reason);
}

function secretsOf({ auth }: VaultSettings): readonly string[] {
  return auth.method === 'token' ? [auth.token] : auth.nonce === undefined ? [] : [auth.nonce];
}

interface Keeper extends VaultContext {
  readonly client: VaultClient;
  readonly settings: VaultSettings;
  readonly logIn: (() => Promise<Grant>) | undefined;
}

async function keepAlive(start: LoginState, keeper: Keeper, signal: AbortSignal): Promise<void> {
  const { clock, logger, settings } = keeper;
  let state = start;
  while (!signal.aborted) {
    const step = nextStep(state, clock.monotonic(), Number.parseInt(clock.randomHex(2), 16) / 0x10000);
    if (step.act === 'rest') {
      const hint = 'Secrets are read at start only; what runs goes on.';
      if (step.why !== undefined) logger.warn(`login to Vault at ${settings.address}: ${step.why}`, { hint });
      return;
    }
    try {
      await clock.sleep(step.in_ms, signal, { background: true });
    } catch {
      return; // the signal
    }
    state = await take(state, step.act, keeper);
  }
}

/** Does what is due and tells what came of it; never rejects. */
async function take(state: LoginState, act: Exclude<Step['act'], 'rest'>, keeper: Keeper): Promise<LoginState> {
  const { clock, logger } = keeper;
  const start_ms = clock.monotonic();
  const verdict = await attempt(act, keeper);
  if ('length_ms' in verdict) {
    const lease = { ...verdict, grantedAt_ms: start_ms };
    logger.debug(act === 'log-in' ? 'logged in to Vault again' : 'login to Vault renewed', {
      seconds: lease.length_ms / 1000,
    });
    return act === 'log-in' ? startState(true, lease) : granted(state, lease);
  }
  const { refused, code, error } = verdict;
  // At its maximum every login is refused once; that is mended by the next.
  const expected = refused && act === 'renew' && state.canLogIn;
  logger[expected ? 'debug' : 'warn'](WHAT_FAILED[act], { code, error });
  return failed(state, act, refused);
}

const WHAT_FAILED = {
  'look-up': 'the login to Vault could not be looked up',
  renew: 'the login to Vault could not be renewed; it is tried again, or logged in anew',
  'log-in': 'could not log in to Vault again; it is tried again',
} as const;

interface Verdict {
  readonly refused: boolean;
  readonly code: ErrorCode;
  readonly error: string;
}

async function attempt(act: Exclude<Step['act'], 'rest'>, keeper: Keeper): Promise<Grant | Verdict> {
  const { client, settings, logIn } = keeper;
  try {
    if (act === 'log-in' && logIn !== undefined) return await logIn();
    const grant = await (act === 'look-up' ? client.lookUp() : client.renew());
    return grant ?? { refused: true, code: 'VAULT_REFUSED', error: `what answers at ${settings.address} is not Vault` };
  } catch (error) {
    const known = error instanceof MongolakeError ? error : tokenTrouble(error, settings);
    return { refused: known.code === 'VAULT_REFUSED', code: known.code, error: known.message };
  }
}

function tokenTrouble(error: unknown, settings: VaultSettings): MongolakeError {
  const failure = failureOf(error, secretsOf(settings));
  const away = isAtItsEnd(failure) ? undefined : unavailable(failure, settings);
  if (away !== undefined) return away;
  const { status, reason } = failure.status === undefined ? { status: 0, reason: '' } : failure;
  return tokenError(settings.address, status, reason);
}
