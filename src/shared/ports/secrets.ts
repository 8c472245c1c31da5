/** One value that the configuration refers to: `${vault:secret/data/mongolake#mongo_password}`. */
export interface SecretReference {
  /** Path of the read, as the store has it. */
  readonly path: string;
  readonly key: string;
}

/** What the store has at a reference; `missing` says what is wrong in words that name path and keys, and no value. */
export type SecretAnswer = { readonly value: string } | { readonly missing: string };

/** Values that do not last: they were leased, and the lease is not renewed any more. */
export interface EndingSecret {
  /** Of the read that gave them. */
  readonly path: string;
  /** How long they are good for yet, at most; 0 where they have ended. */
  readonly endsIn_ms: number;
  /** The reason, for a log. */
  readonly why: string;
}

/**
 * A store of secrets, logged in to. Errors: `VAULT_UNREACHABLE` and `VAULT_SEALED` (retryable), `VAULT_REFUSED` (login or
 * rights). No message holds a token, a nonce, an identity document or a value.
 */
export interface Secrets {
  /** Where the store is, for messages. Never carries a secret. */
  readonly description: string;
  /** Whether something that was read is leased: it ends in time unless `keepAlive` renews it. */
  readonly leased: boolean;
  /** Whether the values that were read at the path are leased, and `keepAlive` renews the lease: they need not be read again. */
  holds(path: string): boolean;
  /**
   * One answer for each reference, in their order; each path is read once. May be asked again at any time: a leased path gives other
   * values then, whose lease takes the place of the former one.
   */
  read(references: readonly SecretReference[]): Promise<readonly SecretAnswer[]>;
  /**
   * Renews the login and all leases before they end, and logs in again where the login can't be renewed, until `signal` is aborted or
   * nothing is left to renew. Tells `onEnding` of a lease that can't be renewed any more, once, and in time where that can be known:
   * from then on its values are the asker's to read anew. Trouble is told to the log and tried again; never rejects. Waiting does not
   * keep the process alive.
   */
  keepAlive(signal: AbortSignal, onEnding: (ending: EndingSecret) => void): Promise<void>;
}
