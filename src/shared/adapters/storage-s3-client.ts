import { createHash } from 'node:crypto';
import { type PutObjectCommandInput, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { keepSecrets } from '../domain/redact.ts';
import type { Clock } from '../ports/clock.ts';

/** Where the bucket is and how long to wait for it. Everything but the bucket's place has a default. */
export interface S3StorageOptions {
  readonly bucket: string;
  /** The table's folder in the bucket; slashes at its ends don't matter, an empty one is the whole bucket. */
  readonly prefix: string;
  readonly region: string;
  /** URL of a store other than AWS. */
  readonly endpoint?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`; most stores other than AWS need it. */
  readonly forcePathStyle?: boolean;
  /** A function gives those of now. Without any, the SDK's default chain: environment, shared files, web identity, container and instance roles. */
  readonly credentials?: S3Credentials | (() => S3Credentials);
  /** Certificates of the authorities that may vouch for the endpoint, PEM; those that Node knows where not given. */
  readonly ca?: string;
  /** Encryption at rest that every object is written with; the bucket's own where not given. */
  readonly encryption?: S3Encryption;
  /** Account that the bucket has to belong to: the store refuses every request where it is another's. */
  readonly expectedBucketOwner?: string;
  /** How long a small request may take to be answered, and a download stand still; default 5,000 ms. Uploads get more for their size. */
  readonly requestTimeoutMs?: number;
  /** Tries per request, the first one counted; default 3. */
  readonly maxAttempts?: number;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Keys of the store (SSE-S3), or one in KMS (SSE-KMS). */
export type S3Encryption =
  | { readonly kind: 's3' }
  | { readonly kind: 'kms'; readonly keyId?: string; readonly bucketKey?: boolean };

/** What the parts of the S3 adapter share. */
export interface S3Context {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  readonly uri: string;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  /** How long the store may be silent in a request of `bulk`. */
  readonly bulkTimeoutMs: number;
  readonly maxAttempts: number;
  /** Small requests and downloads. */
  readonly quick: S3Client;
  /** The same without retries, for requests whose every answer must be seen. */
  readonly once: S3Client;
  /** Requests that move or make the store move many bytes before it answers. */
  readonly bulk: S3Client;
}

const REQUEST_TIMEOUT_MS = 5000;
const MAX_ATTEMPTS = 3;
/** A connection that is not there by then will not come: it leaves room for three tries in some 10 s. */
const CONNECTION_TIMEOUT_MS = 3000;
/** How much longer than a small request a store may be silent while it takes in a part or puts an object together from its parts. */
const BULK_PATIENCE = 6;
/** The slowest line that uploads are expected to cope with, 256 KiB/s. */
const UPLOAD_BYTES_PER_MS = (256 * 1024) / 1000;

/** How long a request that sends `bytes` may take to be answered. */
export function uploadTimeoutMs(context: S3Context, bytes: number): number {
  return context.requestTimeoutMs + Math.ceil(bytes / UPLOAD_BYTES_PER_MS);
}

/** The clients and names for one root. Opens no connection. */
export function s3Context(options: S3StorageOptions, clock: Clock): S3Context {
  const trimmed = options.prefix.replace(/^\/+|\/+$/g, '');
  const requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const maxAttempts = options.maxAttempts ?? MAX_ATTEMPTS;
  const { credentials: given, ...rest } = options;
  const credentials = given === undefined ? {} : { credentials: providerOf(given, clock) };
  const quick = makeClient({ ...rest, ...credentials }, requestTimeoutMs, requestTimeoutMs, maxAttempts);
  // One place that fetches and renews credentials, however many clients there are.
  const shared = { ...options, credentials: quick.config.credentials };
  const bulkTimeoutMs = requestTimeoutMs * BULK_PATIENCE;
  return {
    bucket: options.bucket,
    prefix: trimmed === '' ? '' : `${trimmed}/`,
    uri: `s3://${options.bucket}${trimmed === '' ? '' : `/${trimmed}`}`,
    clock,
    requestTimeoutMs,
    bulkTimeoutMs,
    maxAttempts,
    quick,
    once: makeClient(shared, requestTimeoutMs, requestTimeoutMs, 1),
    bulk: makeClient(shared, bulkTimeoutMs, bulkTimeoutMs, maxAttempts),
  };
}

/** The SDK asks again for what is to end soon: before each request, as it takes minutes for soon. */
const ASK_AGAIN_MS = 60_000;

function providerOf(given: S3Credentials | (() => S3Credentials), clock: Clock): () => Promise<AwsCredentials> {
  return async () => {
    const credentials = typeof given === 'function' ? given() : given;
    const { secretAccessKey, sessionToken = '' } = credentials;
    // A shorter one, as a test may have, would make holes in every word.
    keepSecrets([secretAccessKey, sessionToken].filter(({ length }) => length > 5));
    return typeof given === 'function'
      ? { ...credentials, expiration: new Date(clock.now() + ASK_AGAIN_MS) }
      : credentials;
  };
}

type AwsCredentials = S3Credentials & { readonly expiration?: Date };

type ClientOptions = Omit<S3StorageOptions, 'credentials'> & Pick<S3ClientConfig, 'credentials'>;

function makeClient(options: ClientOptions, requestMs: number, silenceMs: number, maxAttempts: number): S3Client {
  // A request waiting for a free socket would use up its time to connect, so sockets are not limited: callers limit their requests.
  const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
  const client = new S3Client({
    region: options.region,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(options.forcePathStyle === undefined ? {} : { forcePathStyle: options.forcePathStyle }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts,
    retryMode: 'standard',
    // The default CRC32 arrives as a trailer or header that many stores refuse. Bodies are buffers, so their SHA-256 is part of
    // the signature, which every store checks: nothing is lost by leaving it out.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: Math.min(CONNECTION_TIMEOUT_MS, requestMs),
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: silenceMs,
      httpAgent: agent,
      httpsAgent: { ...agent, ...(options.ca === undefined ? {} : { ca: options.ca }) },
    },
  });
  useContentMd5(client);
  useBucketRules(client, options);
  return client;
}

/** Commands that make an object, and so say how it is encrypted. A part is encrypted as its upload was begun. */
const WRITES: ReadonlySet<string> = new Set(['PutObjectCommand', 'CreateMultipartUploadCommand', 'CopyObjectCommand']);

/** Puts owner and encryption on every command that takes them, whoever made it: lib-storage sends some of its own. */
function useBucketRules(client: S3Client, { encryption, expectedBucketOwner }: ClientOptions): void {
  const owner = expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner };
  const sealed = encryption === undefined ? {} : encryptionHeaders(encryption);
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) =>
        await next({ ...args, input: { ...args.input, ...owner, ...(WRITES.has(commandName) ? sealed : {}) } }),
    { step: 'initialize', name: 'bucketRules' },
  );
}

function encryptionHeaders(encryption: S3Encryption): Partial<PutObjectCommandInput> {
  if (encryption.kind === 's3') return { ServerSideEncryption: 'AES256' };
  const { keyId, bucketKey } = encryption;
  return {
    ServerSideEncryption: 'aws:kms',
    ...(keyId === undefined ? {} : { SSEKMSKeyId: keyId }),
    ...(bucketKey === undefined ? {} : { BucketKeyEnabled: bucketKey }),
  };
}

/**
 * DeleteObjects must carry a checksum, and stores older than 2025 know only Content-MD5, which all of them take (issue 6920 of
 * aws/aws-sdk-js-v3). It replaces the SDK's CRC32.
 */
function useContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const request: unknown = args.request;
      if (context.commandName === 'DeleteObjectsCommand' && isRequest(request)) {
        for (const name of Object.keys(request.headers)) {
          if (/^x-amz-(sdk-)?checksum-/i.test(name)) delete request.headers[name];
        }
        request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
      }
      return await next(args);
    },
    { step: 'build', priority: 'low', name: 'contentMd5ForDeleteObjects' },
  );
}

function isRequest(value: unknown): value is { headers: Record<string, string>; body: string | Uint8Array } {
  if (typeof value !== 'object' || value === null || !('headers' in value) || !('body' in value)) return false;
  return typeof value.body === 'string' || value.body instanceof Uint8Array;
}
