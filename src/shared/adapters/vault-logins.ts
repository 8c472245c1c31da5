import { readFile } from 'node:fs/promises';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { ec2Identity } from './ec2-identity.ts';
import type { Grant, VaultClient } from './secrets-vault-client.ts';
import { failureOf, type VaultPlace } from './secrets-vault-errors.ts';
import type { AppRoleAuth, Ec2Auth, IamAuth, KubernetesAuth, VaultAuth } from './vault-auth.ts';
import { clientNonce } from './vault-nonce.ts';
import { type LoginPlace, loginError, unwrapError } from './vault-refusals.ts';

/** What a login sends, made anew each time. */
interface Proof {
  readonly body: Readonly<Record<string, string>>;
  /** What no message may repeat. */
  readonly secrets: readonly string[];
}

/** A way to log in again and again. */
export interface Login {
  /** Whose policies count, for messages: `the role mongolake`. */
  readonly who: string;
  /**
   * Logs in; the client has the token then. Errors: those of `Secrets`, and `CONFIG_INVALID` for a file that can't be used. What
   * comes from files is read each time: it may have been mended, or replaced.
   */
  logIn(): Promise<Grant>;
}

/** The login that the settings ask for; `undefined` for a token, which is one already. */
export function loginOf(client: VaultClient, auth: VaultAuth, at: VaultPlace, clock: Clock): Login | undefined {
  if (auth.method === 'token') return undefined;
  const place: LoginPlace = { ...at, method: auth.method, mount: auth.mount, role: roleOf(auth), from: sourceOf(auth) };
  const prove = proofOf(client, auth, place, clock);
  return {
    who: `the role ${place.role}`,
    async logIn() {
      const { body, secrets } = await prove();
      let grant: Grant | undefined;
      try {
        grant = await client.logIn(auth.mount, body);
      } catch (error) {
        throw loginError(failureOf(error, secrets), place);
      }
      if (grant !== undefined) return grant;
      throw new MongolakeError(
        'VAULT_REFUSED',
        `what answers at ${at.address} took the ${auth.method} login to role ${place.role} at auth/${auth.mount} but gave no token`,
        { hint: 'Check vault.address; a role that asks for more than the login (MFA) can not be used.' },
      );
    },
  };
}

type LoginAuth = Exclude<VaultAuth, { readonly method: 'token' }>;

/** An AppRole has no name here: the start of its id tells it from others and lets nobody in. */
function roleOf(auth: LoginAuth): string {
  return auth.method === 'approle' ? `with id ${auth.roleId.slice(0, 8)}…` : auth.role;
}

/** Where the thing that may be wrong comes from. */
function sourceOf(auth: LoginAuth): string {
  switch (auth.method) {
    case 'ec2':
      return auth.nonce === undefined ? auth.nonceFile : 'vault.auth.nonce';
    case 'iam':
      return auth.serverId === undefined ? 'no vault.auth.serverId' : `vault.auth.serverId ${auth.serverId}`;
    case 'kubernetes':
      return auth.tokenFile;
    case 'approle':
      return auth.secretIdFile ?? (auth.secretId === undefined ? 'no secret id' : 'vault.auth.secretId');
  }
}

function proofOf(client: VaultClient, auth: LoginAuth, place: LoginPlace, clock: Clock): () => Promise<Proof> {
  switch (auth.method) {
    case 'ec2':
      return () => proveEc2(auth, place.timeoutMs, clock);
    case 'iam':
      return () => proveIam(auth, place.timeoutMs, clock);
    case 'kubernetes':
      return () => proveKubernetes(auth);
    case 'approle':
      return proveAppRole(client, auth, place);
  }
}

async function proveEc2(auth: Ec2Auth, timeoutMs: number, clock: Clock): Promise<Proof> {
  const nonce = auth.nonce ?? (await clientNonce(auth.nonceFile, clock));
  const pkcs7 = await ec2Identity({ url: auth.metadataUrl, timeoutMs }, clock);
  return { body: { role: auth.role, pkcs7, nonce }, secrets: [nonce, pkcs7] };
}

async function proveIam(auth: IamAuth, timeoutMs: number, clock: Clock): Promise<Proof> {
  // Loaded here: no other login pays for the AWS SDK.
  const { signedCallerIdentity } = await import('./vault-iam.ts');
  return signedCallerIdentity(auth, timeoutMs, clock);
}

async function proveKubernetes({ role, tokenFile }: KubernetesAuth): Promise<Proof> {
  const jwt = await readSecretFile(tokenFile, 'the service account token', {
    none: 'It is there in pods only: mount a projected serviceAccountToken volume, or set vault.auth.tokenFile to where yours is.',
  });
  return { body: { role, jwt }, secrets: [jwt] };
}

/** A wrapped secret id is unwrapped once, and kept for the next login; another wrapping token is unwrapped anew. */
function proveAppRole(client: VaultClient, auth: AppRoleAuth, place: LoginPlace): () => Promise<Proof> {
  let unwrapped: { readonly token: string; readonly secretId: string } | undefined;
  return async () => {
    const given = await givenSecret(auth);
    if (given === undefined) return { body: { role_id: auth.roleId }, secrets: [auth.roleId] };
    if (auth.wrapped && unwrapped?.token !== given) {
      unwrapped = { token: given, secretId: await unwrap(client, given, place) };
    }
    const secretId = auth.wrapped && unwrapped !== undefined ? unwrapped.secretId : given;
    return { body: { role_id: auth.roleId, secret_id: secretId }, secrets: [auth.roleId, secretId] };
  };
}

async function givenSecret({ secretId, secretIdFile }: AppRoleAuth): Promise<string | undefined> {
  if (secretIdFile === undefined) return secretId;
  return readSecretFile(secretIdFile, 'the secret id', { none: 'Put it there, or set vault.auth.secretId.' });
}

async function unwrap(client: VaultClient, token: string, place: LoginPlace): Promise<string> {
  let body: unknown;
  try {
    body = await client.unwrap(token);
  } catch (error) {
    throw unwrapError(failureOf(error, [token]), place);
  }
  const { data } = (body ?? {}) as { readonly data?: { readonly secret_id?: unknown } | null };
  if (typeof data?.secret_id === 'string') return data.secret_id;
  throw new MongolakeError('VAULT_REFUSED', `what the wrapping token of ${place.from} stands for is no secret id`, {
    hint: `Wrap one: vault write -wrap-ttl=10m -f auth/${place.mount}/role/<role>/secret-id.`,
  });
}

/** The text of a file, without space around it. Errors: `CONFIG_INVALID`. */
async function readSecretFile(file: string, what: string, hints: { readonly none: string }): Promise<string> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new MongolakeError('CONFIG_INVALID', `${file}: ${what} can not be read (${code})`, {
      hint: code === 'ENOENT' ? hints.none : 'Let this user read it.',
    });
  }
  if (text !== '') return text;
  throw new MongolakeError('CONFIG_INVALID', `${file}: ${what} is empty`, { hint: hints.none });
}
