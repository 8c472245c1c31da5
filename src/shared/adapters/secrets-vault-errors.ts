import { MongolakeError } from '../domain/errors.ts';

/** What Vault answered, or the code of why there is no answer. */
export type VaultFailure =
  | { readonly status: number; readonly reason: string; readonly body: unknown }
  | { readonly status: undefined; readonly code: string };

/** What messages need to know of how Vault is reached. */
export interface VaultPlace {
  /** URL, without a user. */
  readonly address: string;
  readonly timeoutMs: number;
}

/** What messages need to know of a login by EC2. */
export interface Ec2Place extends VaultPlace {
  readonly role: string;
  readonly mount: string;
  /** Where the client nonce comes from: a file, or the configuration. */
  readonly nonceFrom: string;
}

const REASON_MAX = 300;

/**
 * What failed, from an error of node-vault: nothing of the original is kept, for it holds headers with the token, and bodies.
 * `secrets` are cut out of Vault's own words, should it repeat what it was sent.
 */
export function failureOf(error: unknown, secrets: readonly string[]): VaultFailure {
  const { response, code } = error as {
    readonly response?: { readonly statusCode?: number; readonly body?: unknown };
    readonly code?: unknown;
  };
  if (typeof response?.statusCode !== 'number') {
    return { status: undefined, code: typeof code === 'string' ? code : 'no answer' };
  }
  return { status: response.statusCode, reason: reasonOf(response.body, secrets), body: response.body };
}

/** Vault's errors as one line; empty where it gave none. Go's `multierror` puts a count in front, and a bullet on each. */
function reasonOf(body: unknown, secrets: readonly string[]): string {
  const errors = (body as { readonly errors?: unknown } | null | undefined)?.errors;
  if (!Array.isArray(errors)) return '';
  let text = errors.map(String).join('; ');
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '…');
  text = text
    .replace(/[A-Za-z0-9+/=_-]{48,}/g, '…')
    .replace(/\d+ errors? occurred:/g, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/[^\P{C}]/gu, '')
    .split(/(?:^|\s)\* /)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join('; ');
  return text.length > REASON_MAX ? `${text.slice(0, REASON_MAX)}…` : text;
}

/** The error where Vault was not there, or not able; `undefined` where it decided. */
export function unavailable(failure: VaultFailure, { address, timeoutMs }: VaultPlace): MongolakeError | undefined {
  if (failure.status === undefined) return unreachable(address, timeoutMs, failure.code);
  const { status, reason } = failure;
  if ([501, 503, 472, 473].includes(status)) return notActive(address, status, reason);
  if (status === 429 || status === 412) {
    return new MongolakeError('VAULT_UNREACHABLE', `Vault at ${address} asks to come later${because(status, reason)}`, {
      hint: "Try again, or have Vault's rate limit for this path raised.",
    });
  }
  if (status === 400 && reason === '') {
    return new MongolakeError('VAULT_UNREACHABLE', `what answers at ${address} does not take the request (400)`, {
      hint: 'Check vault.address: https:// where Vault listens with TLS, and port 8200 and not that of the cluster, 8201.',
    });
  }
  if (status < 500) return undefined;
  return new MongolakeError('VAULT_UNREACHABLE', `Vault at ${address} failed${because(status, reason)}`, {
    hint: "Try again; Vault's own log says more.",
  });
}

function because(status: number, reason: string): string {
  return reason === '' ? ` (${status})` : ` (${status}): ${reason}`;
}

function notActive(address: string, status: number, reason: string): MongolakeError {
  if (status === 503 && /seal/i.test(reason)) {
    return new MongolakeError('VAULT_SEALED', `Vault at ${address} is sealed, or was never initialized`, {
      hint: 'Somebody with the keys must unseal it: vault operator unseal.',
    });
  }
  return new MongolakeError('VAULT_SEALED', `Vault at ${address} is not active${because(status, reason)}`, {
    hint: 'It is sealed, not initialized, or a standby without a leader. `vault status` says which.',
  });
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name can not be looked up just now',
};

/** Why there was no answer, in words, by the code of Node or axios. */
export function wordsOfCode(code: string, timeoutMs: number): string {
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT') return `no answer in ${timeoutMs / 1000} s`;
  return WORDS[code] ?? code;
}

function unreachable(address: string, timeoutMs: number, code: string): MongolakeError {
  const message = `Vault at ${address} can't be reached: ${wordsOfCode(code, timeoutMs)}`;
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS|HOSTNAME/.test(code)) {
    return new MongolakeError('VAULT_UNREACHABLE', message, {
      hint: 'Let Node know the CA of your Vault: NODE_EXTRA_CA_CERTS=/path/to/ca.pem. VAULT_SKIP_VERIFY is not heeded.',
    });
  }
  const hint =
    code === 'EPROTO' || code.startsWith('ERR_SSL')
      ? 'Check vault.address: http:// where Vault listens without TLS.'
      : 'Check vault.address, the network, and HTTPS_PROXY and NO_PROXY where there is a proxy.';
  return new MongolakeError('VAULT_UNREACHABLE', message, { hint });
}

interface Refusal {
  readonly pattern: RegExp;
  readonly message: (place: Ec2Place) => string;
  readonly hint: (place: Ec2Place) => string;
  /** Whether Vault's own words add to the message. */
  readonly quote?: boolean;
}

/** Of Vault's EC2 login (builtin/credential/aws/path_login.go). Some come with 400, some with 500. */
const REFUSALS: readonly Refusal[] = [
  {
    pattern: /client nonce mismatch/,
    message: ({ nonceFrom }) => `Vault knows this instance with another client nonce than that of ${nonceFrom}`,
    hint: ({ mount }) =>
      `Bring back the nonce of the first login, or, where it is lost and nobody else logged in as this instance, have the instance forgotten: ${forget(mount)}.`,
  },
  {
    pattern: /reauthentication is disabled|nonce missing in stored identity/,
    message: ({ role }) => `Vault lets this instance log in to role ${role} only once, and it has`,
    hint: ({ mount }) =>
      `Set disallow_reauthentication=false on the role, then have the instance forgotten: ${forget(mount)}.`,
  },
  {
    pattern: /entry for role .* not found|role .* could not be found/i,
    message: ({ role, mount }) => `Vault has no role ${role} at auth/${mount}`,
    hint: ({ mount }) => `Check vault.auth.role; \`vault list auth/${mount}/roles\` tells which there are.`,
  },
  {
    pattern: /auth method ec2 not allowed/,
    message: ({ role, mount }) => `the role ${role} at auth/${mount} is not of type ec2`,
    hint: () => 'Make a role with auth_type=ec2; the type of one that is there can not be changed.',
  },
  {
    pattern: /failed to verify instance ID/,
    quote: true,
    message: () => 'Vault could not confirm this instance with AWS',
    hint: ({ mount }) =>
      `Vault needs the right ec2:DescribeInstances in the account of the instance: auth/${mount}/config/client, and config/sts for other accounts.`,
  },
  {
    pattern:
      /does not belong to (?:the )?role|does not satisfy the constraint|in the instance description is|role tag|missing tag/,
    quote: true,
    message: ({ role }) => `Vault does not let this instance in to role ${role}`,
    hint: ({ role, mount }) =>
      `Compare the instance with the bound_ parameters: vault read auth/${mount}/role/${role}.`,
  },
  {
    pattern: /PKCS#?7|verify the signature|certificates to verify|identity document|older than the one/i,
    quote: true,
    message: () => 'Vault does not trust the identity document of this instance',
    hint: ({ mount }) =>
      `It may lack the certificate by which AWS signs in this region: auth/${mount}/config/certificate/<name>. Check vault.auth.metadataUrl too.`,
  },
];

function forget(mount: string): string {
  return `vault delete auth/${mount}/identity-accesslist/<instance id>`;
}

/** A login by EC2 that came to nothing. */
export function ec2LoginError(failure: VaultFailure, place: Ec2Place): MongolakeError {
  if (failure.status !== undefined) {
    const { reason } = failure;
    const known = REFUSALS.find(({ pattern }) => pattern.test(reason));
    if (known !== undefined) {
      const message = `${known.message(place)}${known.quote ? `: ${reason}` : ''}`;
      return new MongolakeError('VAULT_REFUSED', message, { hint: known.hint(place) });
    }
  }
  const away = unavailable(failure, place);
  if (away !== undefined || failure.status === undefined)
    return away ?? unreachable(place.address, place.timeoutMs, '');
  const { status, reason } = failure;
  // Without a token Vault does not tell what is not there from what is not allowed.
  if (status === 403 || status === 404 || /missing client token/.test(reason)) {
    const message = `Vault at ${place.address} takes no EC2 login at auth/${place.mount}${because(status, reason)}`;
    return new MongolakeError('VAULT_REFUSED', message, {
      hint: `Check that the method is mounted there (vault auth enable -path=${place.mount} aws), vault.auth.mount, vault.namespace, and the role's token_bound_cidrs.`,
    });
  }
  return new MongolakeError(
    'VAULT_REFUSED',
    `Vault refused the login to role ${place.role}${because(status, reason)}`,
    {
      hint: `Compare vault.auth with the role: vault read auth/${place.mount}/role/${place.role}.`,
    },
  );
}

/** Vault does not take the token itself, as far as can be told: it answers the same to one that may do nothing. */
export function tokenError(address: string, status: number, reason: string): MongolakeError {
  return new MongolakeError('VAULT_REFUSED', `Vault at ${address} does not take the token${because(status, reason)}`, {
    hint: 'It is wrong, revoked or has ended, is of another namespace (vault.namespace), or no policy of it allows this, nor auth/token/lookup-self.',
  });
}

/** Whether Vault says that a login is at its end, which it does with 400, 403 or 500. */
export function isAtItsEnd(failure: VaultFailure): boolean {
  return failure.status !== undefined && /past the max TTL|cannot renew|not renewable|not found/i.test(failure.reason);
}

/** A read that Vault refused for want of rights. `who` is whose policies count: `the role mongolake`. */
export function readRefused(path: string, who: string, status: number, reason: string): MongolakeError {
  return new MongolakeError('VAULT_REFUSED', `Vault does not let ${who} read ${path}${because(status, reason)}`, {
    hint: `A policy of ${who} must say: path "${path}" { capabilities = ["read"] }. In a KV engine of version 2 paths have data/ after the mount.`,
  });
}
