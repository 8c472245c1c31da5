import { type ErrorCode, MongolakeError } from '../domain/errors.ts';
import { redact } from '../domain/redact.ts';
import type { S3Context } from './storage-s3-client.ts';

/** What an error of the SDK says, without the parts of it that may hold a secret (a signed request, an echoed header). */
export interface S3Fault {
  /** S3's error code, or the system's (`ECONNREFUSED`), or the SDK's (`TimeoutError`). */
  readonly code: string;
  /** HTTP status of the answer; `undefined` where there was none. */
  readonly status: number | undefined;
  readonly message: string;
  readonly requestId: string | undefined;
}

const CREDENTIALS = 'Check the access key, secret and session token.';
const HINTS: Readonly<Record<string, string>> = {
  AccessDenied:
    'Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on the prefix, and s3:ListBucket on the bucket.',
  Forbidden: 'Check the credentials and the bucket policy.',
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  ExpiredToken: 'The session token has expired: get a new one.',
  CredentialsProviderError: 'No credentials were found: configure them, or give this host or pod a role.',
  RequestTimeTooSkewed: 'The clock of this machine is wrong: fix NTP.',
  NotFound: 'This does not answer as S3 does: check `endpoint` and proxies.',
  NoSuchBucket: 'Create the bucket, or correct its name.',
  PermanentRedirect: 'The bucket is in another region: correct `region` or `endpoint`.',
  AuthorizationHeaderMalformed: 'The bucket is in another region: correct `region`.',
  EPROTO: 'The endpoint does not speak TLS: check http/https in `endpoint`.',
  ENOTFOUND: 'The host name is not known: check `endpoint`, `region` and DNS. Some stores need `forcePathStyle: true`.',
};
const HINT_TLS = 'The certificate of the endpoint is not trusted: give its authority as `caFile` of the connection.';
const HINT_UNREACHABLE = 'Check endpoint, network and proxy, then run again.';
const HINT_REFUSED = 'Check the configuration of the connection and the bucket policy.';

/** Answers below 500 that the same request may not meet again. */
const TRANSIENT = new Set([
  'RequestTimeout',
  'SlowDown',
  'IncompleteBody',
  'BadDigest',
  'NoSuchUpload',
  'OperationAborted',
  'ConditionalRequestConflict',
  // The line broke in the middle of an answer: whatever its status said, the rest of it is not known.
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
]);

/** An error as the SDK would throw it, for a fault that comes another way. */
export function s3Error(code: string, message: string, status?: number): Error {
  const error = new Error(message);
  error.name = code;
  return Object.assign(error, { $metadata: { httpStatusCode: status } });
}

/** Reads the facts out of whatever the SDK threw. */
export function faultOf(error: unknown): S3Fault {
  const fields: Record<string, unknown> = typeof error === 'object' && error !== null ? { ...error } : {};
  const metadata: Record<string, unknown> = isRecord(fields.$metadata) ? fields.$metadata : {};
  const response = error instanceof Error && '$response' in error && isRecord(error.$response) ? error.$response : {};
  const status = [metadata.httpStatusCode, response.statusCode].find((value) => typeof value === 'number');
  const name = error instanceof Error ? error.name : 'Error';
  const system = typeof fields.code === 'string' ? fields.code : undefined;
  return {
    code: plainCode(system ?? name, status),
    status,
    message: error instanceof Error ? error.message : String(error),
    requestId: typeof metadata.requestId === 'string' ? metadata.requestId : undefined,
  };
}

/**
 * True where S3 says that there is no such object. Its code is asked for and not only the status: a 404 of a proxy, or of something
 * that is no S3 at all, must not make a table look empty.
 */
export function isMissing(fault: S3Fault): boolean {
  return fault.status === 404 && fault.code === 'NoSuchKey';
}

/** True where the request may or may not have been carried out. */
export function isUnknown(fault: S3Fault): boolean {
  return codeFor(fault) === 'STORE_UNREACHABLE';
}

/** The error as one of ours, naming the store, the operation and S3's code. Ours pass unchanged. */
export function s3Failure(context: Pick<S3Context, 'uri'>, operation: string, error: unknown): MongolakeError {
  if (error instanceof MongolakeError) return error;
  const fault = faultOf(error);
  const code = codeFor(fault);
  const status = fault.status === undefined ? '' : ` (HTTP ${fault.status})`;
  const text = redact(fault.message);
  const detail = ['', 'UnknownError', fault.code].includes(text) ? '' : `: ${text}`;
  return new MongolakeError(code, `${context.uri}: ${operation} failed: ${fault.code}${status}${detail}`, {
    hint: hintFor(fault, code),
    cause: causeOf(fault),
  });
}

/**
 * What is kept of the SDK's error. Not the error itself: one about a signature carries the request that was signed, session token
 * and all, and a logger would print it.
 */
function causeOf(fault: S3Fault): Error {
  const cause = new Error(redact(fault.message));
  cause.name = fault.code;
  return Object.assign(cause, { status: fault.status, requestId: fault.requestId });
}

function codeFor(fault: S3Fault): ErrorCode {
  if (TRANSIENT.has(fault.code)) return 'STORE_UNREACHABLE';
  if (fault.code === 'CredentialsProviderError' || isTls(fault.code)) return 'STORE_REFUSED';
  if (fault.status === undefined) return isBug(fault.code) ? 'INTERNAL' : 'STORE_UNREACHABLE';
  if (fault.status === 501) return 'STORE_REFUSED';
  if (fault.status >= 500 || fault.status === 408 || fault.status === 429) return 'STORE_UNREACHABLE';
  // A success that the SDK could not read.
  if (fault.status < 300) return 'STORE_UNREACHABLE';
  return 'STORE_REFUSED';
}

function hintFor(fault: S3Fault, code: ErrorCode): string {
  if (isTls(fault.code) && fault.code !== 'EPROTO') return HINT_TLS;
  const known = HINTS[fault.code];
  if (known !== undefined) return known;
  return code === 'STORE_REFUSED' ? HINT_REFUSED : HINT_UNREACHABLE;
}

function isTls(code: string): boolean {
  return /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$)/.test(code);
}

function isBug(code: string): boolean {
  return code === 'Error' || code === 'TypeError' || code === 'RangeError' || code === 'ReferenceError';
}

/** A HEAD has no body, so the SDK can only tell the status; the usual code for it says more. */
function plainCode(code: string, status: number | undefined): string {
  if (status === undefined || !/^(\d+|Unknown|UnknownError|Error)$/.test(code)) return code;
  if (status === 301 || status === 307) return 'PermanentRedirect';
  if (status === 403) return 'Forbidden';
  return status === 412 ? 'PreconditionFailed' : `HTTP${status}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
