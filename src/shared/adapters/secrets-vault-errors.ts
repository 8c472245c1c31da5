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

/** Status and Vault's own words, for the end of a message. */
export function because(status: number, reason: string): string {
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

/** Nothing answered at `address`; `code` is of Node or axios. */
export function unreachable(address: string, timeoutMs: number, code: string): MongolakeError {
  const message = `Vault at ${address} can't be reached: ${wordsOfCode(code, timeoutMs)}`;
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS|HOSTNAME/.test(code)) {
    return new MongolakeError('VAULT_UNREACHABLE', message, {
      hint: 'Name the CA of your Vault: vault.caFile: /path/to/ca.pem, or NODE_EXTRA_CA_CERTS. VAULT_SKIP_VERIFY is not heeded.',
    });
  }
  const hint =
    code === 'EPROTO' || code.startsWith('ERR_SSL')
      ? 'Check vault.address: http:// where Vault listens without TLS.'
      : 'Check vault.address, the network, and HTTPS_PROXY and NO_PROXY where there is a proxy.';
  return new MongolakeError('VAULT_UNREACHABLE', message, { hint });
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
