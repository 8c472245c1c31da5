import { redact } from './redact.ts';

/** Exit codes of the CLI (after BSD's sysexits.h where it has one). */
export const EXIT = {
  ok: 0,
  failed: 1,
  workToDo: 2,
  quarantined: 3,
  differs: 4,
  usage: 64,
  tryAgain: 75,
  refused: 77,
  config: 78,
  interrupted: 130,
} as const;

interface CodeFacts {
  readonly exit: number;
  /** Whether trying again later, with nothing changed, can succeed. */
  readonly retryable: boolean;
}

/**
 * Every error that mongolake raises by itself, with what an operator should know. The message names the file, key, field or
 * document; the hint says what to do next.
 */
export const ERROR_CODES = {
  /** The command line is wrong. */
  USAGE: { exit: EXIT.usage, retryable: false },
  /** The config file is missing, not YAML, or a key of it is wrong: the message names file, line and key. */
  CONFIG_INVALID: { exit: EXIT.config, retryable: false },
  /** A `${VAR}` of the config is not set in the environment. */
  CONFIG_VARIABLE: { exit: EXIT.config, retryable: false },
  /** Vault, or the metadata service that tells who this machine is, can't be reached. Check address and network. */
  VAULT_UNREACHABLE: { exit: EXIT.tryAgain, retryable: true },
  /** Vault is sealed (or not initialized, or a standby without a leader): somebody must unseal it. */
  VAULT_SEALED: { exit: EXIT.tryAgain, retryable: true },
  /** Vault refused the login (role, instance, nonce, token) or the reading of a path. */
  VAULT_REFUSED: { exit: EXIT.refused, retryable: false },
  /** The address of metrics, health or dashboard can't be listened on: taken, or not allowed. */
  LISTEN_FAILED: { exit: EXIT.failed, retryable: false },
  /** MongoDB can't be reached. Check host, port, network; the table is as before. */
  SOURCE_UNREACHABLE: { exit: EXIT.tryAgain, retryable: true },
  /** MongoDB refused the credentials or the rights of the user. */
  SOURCE_REFUSED: { exit: EXIT.refused, retryable: false },
  /** The dump or collection does not exist. */
  SOURCE_MISSING: { exit: EXIT.failed, retryable: false },
  /** The source has no change streams: it is a dump, a server without a replica set, or one that only speaks MongoDB's protocol. */
  STREAM_UNSUPPORTED: { exit: EXIT.config, retryable: false },
  /** The server no longer has what came after the table's place in the change stream. The next sync reads the whole collection. */
  STREAM_LOST: { exit: EXIT.failed, retryable: false },
  /** The table is too far behind its change stream to be compared with its source. Sync it first. */
  TABLE_BEHIND: { exit: EXIT.tryAgain, retryable: true },
  /** The collection was dropped, renamed or sharded: what its name stands for now is not what the table follows. */
  STREAM_ENDED: { exit: EXIT.failed, retryable: false },
  /** A dump's framing is broken at the named byte: nothing after it can be trusted. Dump again. */
  DUMP_BROKEN: { exit: EXIT.failed, retryable: false },
  /** A document can't be read or stored; the message names it. */
  DOCUMENT_BROKEN: { exit: EXIT.failed, retryable: false },
  /** More documents can't be stored than `maxQuarantined` lets be put aside; nothing was committed. */
  QUARANTINE_LIMIT: { exit: EXIT.failed, retryable: false },
  /** The source's clock and ours differ by more than `allowedLateness`. Fix NTP, or raise it. */
  CLOCK_SKEW: { exit: EXIT.failed, retryable: true },
  /** Object storage can't be reached or keeps answering 5xx. */
  STORE_UNREACHABLE: { exit: EXIT.tryAgain, retryable: true },
  /** Object storage refused the credentials, the rights, or the bucket does not exist. */
  STORE_REFUSED: { exit: EXIT.refused, retryable: false },
  /** Object storage ignores conditional writes: two writers could both believe they committed. Use another store. */
  STORE_UNCONDITIONAL: { exit: EXIT.refused, retryable: false },
  /** An object that the table or the run refers to is not there. */
  OBJECT_MISSING: { exit: EXIT.failed, retryable: false },
  /** An object is shorter or other than expected. */
  OBJECT_CORRUPT: { exit: EXIT.failed, retryable: true },
  /** Redis can't be reached in time. */
  QUEUE_UNREACHABLE: { exit: EXIT.tryAgain, retryable: true },
  /** Redis refused the credentials or a command. */
  QUEUE_REFUSED: { exit: EXIT.refused, retryable: false },
  /** Another run holds the table's lease. */
  LEASE_HELD: { exit: EXIT.tryAgain, retryable: true },
  /** This run lost its lease and stopped before its commit; whoever has it now goes on. */
  LEASE_LOST: { exit: EXIT.tryAgain, retryable: true },
  /** Another entry took this run's version: the run is stale and committed nothing. */
  COMMIT_CONFLICT: { exit: EXIT.tryAgain, retryable: true },
  /** The answer to the commit was lost and the log can't be read: whether it happened is not known. Run again: it will be. */
  COMMIT_UNKNOWN: { exit: EXIT.tryAgain, retryable: true },
  /** The books of a run do not balance; nothing was committed. A bug: please report it. */
  BOOKS_UNBALANCED: { exit: EXIT.failed, retryable: false },
  /** The folder holds a table that mongolake did not make, or someone else wrote to it, or of a newer protocol. */
  TABLE_FOREIGN: { exit: EXIT.failed, retryable: false },
  /** The table belongs to another source namespace. */
  TABLE_NAMESPACE: { exit: EXIT.config, retryable: false },
  /** The table's watermark belongs to another cursor field or type: a backfill takes the new one. */
  TABLE_CURSOR: { exit: EXIT.config, retryable: false },
  /** The configured column policy, or the key of its hashes, is not the one that the table was loaded with. The hint has the way out. */
  TABLE_POLICY: { exit: EXIT.config, retryable: false },
  /** A scheduled repair would delete a large part of the table's rows. Look at the source, then repair by hand. */
  DELETES_REFUSED: { exit: EXIT.failed, retryable: false },
  /** The table was made with another engine, and the configured one can't take it over. */
  TABLE_ENGINE: { exit: EXIT.config, retryable: false },
  /** The worker can't load the table's engine; nothing takes its place. */
  ENGINE_MISSING: { exit: EXIT.config, retryable: false },
  /** There is no table yet. */
  TABLE_MISSING: { exit: EXIT.failed, retryable: false },
  /** The version that is asked for is not there yet, or can't be had any more: its log entries were cleaned away, a purge gave it up, or ids were erased since. */
  VERSION_MISSING: { exit: EXIT.failed, retryable: false },
  /** The Delta log can't be understood: a gap, or an entry that is not JSON. */
  TABLE_CORRUPT: { exit: EXIT.failed, retryable: false },
  /** A value can't be stored in the table's schema. */
  SCHEMA_CONFLICT: { exit: EXIT.failed, retryable: false },
  /** An `_id` does not fit the table's id type. */
  ID_TYPE: { exit: EXIT.failed, retryable: false },
  /** A job failed for its own reason after bounded tries; the message has the cause. */
  JOB_FAILED: { exit: EXIT.failed, retryable: false },
  /** Nothing moved for too long: no worker took a job. */
  RUN_STALLED: { exit: EXIT.tryAgain, retryable: true },
  /** Another version of mongolake planned the run than this worker is of. Finish the rollout; the run goes on then. */
  WORKER_VERSION: { exit: EXIT.tryAgain, retryable: true },
  /** The scratch disk is full or not writable. */
  SCRATCH: { exit: EXIT.tryAgain, retryable: true },
  /** Ctrl-C or SIGTERM. */
  INTERRUPTED: { exit: EXIT.interrupted, retryable: true },
  /** Anything else: a bug. */
  INTERNAL: { exit: EXIT.failed, retryable: false },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The one error class. `message` is for people and names what is wrong; `hint` says what to do next. Neither holds a secret: both are redacted here. */
export class MongolakeError extends Error {
  override readonly name = 'MongolakeError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(redact(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint === undefined ? undefined : redact(options.hint);
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** The error as a `MongolakeError`: itself, or wrapped as `INTERNAL` with the original as its cause. */
export function asMongolakeError(error: unknown): MongolakeError {
  if (error instanceof MongolakeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new MongolakeError('INTERNAL', message, { cause: error });
}

/** True where `code` is one of ours, as when it comes back through a queue. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
