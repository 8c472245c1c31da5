import {
  MongoAWSError,
  MongoCompatibilityError,
  type MongoError,
  MongoExpiredSessionError,
  MongoInvalidArgumentError,
  MongoKerberosError,
  MongoMissingCredentialsError,
  MongoMissingDependencyError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOIDCError,
  MongoParseError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from 'mongodb';
import { type ErrorCode, MongolakeError } from '../domain/errors.ts';
import { type Redact, redactedError } from '../domain/redact.ts';

/** Credentials or rights (MongoDB `error_codes.yml`): UserNotFound, Unauthorized, AuthenticationFailed, AtlasError. */
const REFUSED = new Set([11, 13, 18, 8000]);

/**
 * A server, a primary or a cursor that is gone for now (`error_codes.yml`; the list of the retryable reads specification and
 * what kills a cursor): the same read, begun anew from where it stood, can succeed.
 */
const PASSING = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  43, // CursorNotFound: idle for 10 minutes, or the server restarted
  63, // StaleShardVersion
  89, // NetworkTimeout
  91, // ShutdownInProgress
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  136, // CappedPositionLost
  150, // StaleEpoch
  175, // QueryPlanKilled: an index was dropped or rebuilt
  189, // PrimarySteppedDown
  206, // NoSuchSession
  237, // CursorKilled
  239, // SnapshotTooOld
  246, // SnapshotUnavailable
  262, // ExceededTimeLimit
  279, // ClientDisconnect
  462, // IngressRequestRateLimitExceeded
  9001, // SocketException
  10058, // LegacyNotPrimary
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11601, // Interrupted
  11602, // InterruptedDueToReplStateChange
  13388, // StaleConfig
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
]);

const INVALID_OPTIONS = 72;

/** What Node's resolver and sockets answer, where the driver passes it on as it is (an SRV lookup). */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENODATA',
  'ENOTFOUND',
  'EPIPE',
  'ESERVFAIL',
  'ETIMEDOUT',
  'ETIMEOUT',
]);

/** The cursor ended without the server saying that it was exhausted: something closed it under the reader. */
export class CursorLost extends Error {
  override readonly name = 'CursorLost';
}

/** True where the same read, begun anew from the last document, can succeed. */
export function isResumable(error: unknown): boolean {
  return (error instanceof MongolakeError ? error.code : codeFor(error)) === 'SOURCE_UNREACHABLE';
}

/** True where the server understood and won't: it does not know a stage or an operator, or the question took too long. */
export function isRefusedQuery(error: unknown): boolean {
  return error instanceof MongoServerError && codeFor(error) === 'JOB_FAILED';
}

/** True for a server's error of that number (`error_codes.yml`). */
export function isServerError(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof MongoServerError && codes.includes(Number(error.code));
}

/**
 * The port's error for what the driver threw: `SOURCE_UNREACHABLE`, `SOURCE_REFUSED`, `CONFIG_INVALID` (the driver can't use
 * the URI), or `JOB_FAILED` where the server refuses the query itself. Message and causes are cleaned of the URI's secrets.
 */
export function sourceError(error: unknown, about: string, redact: Redact): MongolakeError {
  if (error instanceof MongolakeError) return error;
  const code = codeFor(error);
  const text = redact(error instanceof Error ? error.message : String(error));
  const number = error instanceof MongoServerError ? ` (${error.codeName ?? 'code'} ${error.code})` : '';
  const hint = code === 'SOURCE_UNREACHABLE' && /certificate|altnames/.test(text) ? HINT_TLS : HINTS[code];
  return new MongolakeError(code, `${about}: ${text}${number}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: redactedError(error, redact),
  });
}

const HINT_TLS =
  'Name the authority of the server as tls.caFile of the connection; where the server asks for a certificate, tls.certificateKeyFile.';
const HINTS: Partial<Record<ErrorCode, string>> = {
  SOURCE_UNREACHABLE: 'Check host, port, TLS and network, and whether a primary is elected. The table is as before.',
  SOURCE_REFUSED: 'Check user, password, authSource and that the user may read the database (role `read`).',
  CONFIG_INVALID:
    'Check the connection’s uri: mongodb://user:password@host:port/?options, user and password URL-escaped.',
};

function codeFor(error: unknown): ErrorCode {
  if (error instanceof CursorLost) return 'SOURCE_UNREACHABLE';
  if (error instanceof MongoServerError) return codeForServer(Number(error.code), error);
  if (
    error instanceof MongoAWSError ||
    error instanceof MongoKerberosError ||
    error instanceof MongoOIDCError ||
    error instanceof MongoMissingCredentialsError
  ) {
    return 'SOURCE_REFUSED';
  }
  if (error instanceof MongoServerSelectionError || error instanceof MongoNetworkError) {
    return refusedInside(error) ? 'SOURCE_REFUSED' : 'SOURCE_UNREACHABLE';
  }
  if (
    error instanceof MongoExpiredSessionError ||
    error instanceof MongoNotConnectedError ||
    error instanceof MongoServerClosedError ||
    error instanceof MongoTopologyClosedError
  ) {
    return 'SOURCE_UNREACHABLE';
  }
  if (
    error instanceof MongoParseError ||
    error instanceof MongoInvalidArgumentError ||
    error instanceof MongoCompatibilityError ||
    error instanceof MongoMissingDependencyError
  ) {
    return 'CONFIG_INVALID';
  }
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === 'string' && NETWORK_CODES.has(code)) return 'SOURCE_UNREACHABLE';
  // A key or CA file that the URI names.
  if (code === 'ENOENT' || code === 'EACCES') return 'CONFIG_INVALID';
  return 'JOB_FAILED';
}

function codeForServer(code: number, error: MongoServerError): ErrorCode {
  if (REFUSED.has(code)) return 'SOURCE_REFUSED';
  const passing =
    PASSING.has(code) ||
    // A member that has not heard yet of the time that is to be waited for.
    (code === INVALID_OPTIONS && /clusterTime/i.test(error.message)) ||
    error.hasErrorLabel('RetryableError') ||
    error.hasErrorLabel('SystemOverloadedError');
  return passing ? 'SOURCE_UNREACHABLE' : 'JOB_FAILED';
}

/** A connection that failed because the server refused the credentials says so only in its cause. */
function refusedInside(error: MongoError): boolean {
  return error.cause instanceof MongoServerError && REFUSED.has(Number(error.cause.code));
}
