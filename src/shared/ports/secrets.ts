/** One value that the configuration refers to: `${vault:secret/data/mongolake#mongo_password}`. */
export interface SecretReference {
  /** Path of the read, as the store has it. */
  readonly path: string;
  readonly key: string;
}

/** What the store has at a reference; `missing` says what is wrong in words that name path and keys, and no value. */
export type SecretAnswer = { readonly value: string } | { readonly missing: string };

/**
 * A store of secrets, logged in to. Errors: `VAULT_UNREACHABLE` and `VAULT_SEALED` (retryable), `VAULT_REFUSED` (login or
 * rights). No message holds a token, a nonce, an identity document or a value.
 */
export interface Secrets {
  /** Where the store is, for messages. Never carries a secret. */
  readonly description: string;
  /** One answer for each reference, in their order; each path is read once. */
  read(references: readonly SecretReference[]): Promise<readonly SecretAnswer[]>;
  /**
   * Renews the login before it ends, and logs in again where it can't be renewed, until `signal` is aborted or nothing is left to
   * renew. Trouble is told to the log and tried again; never rejects. Waiting does not keep the process alive.
   */
  keepAlive(signal: AbortSignal): Promise<void>;
}
