import { inspect } from 'node:util';
import { afterEach, beforeEach } from 'vitest';
import { systemClock } from '../../src/shared/adapters/clock-system.ts';
import { s3Storage } from '../../src/shared/adapters/storage-s3.ts';
import type { S3StorageOptions } from '../../src/shared/adapters/storage-s3-client.ts';
import { MongolakeError } from '../../src/shared/domain/errors.ts';
import type { Clock } from '../../src/shared/ports/clock.ts';
import type { Storage } from '../../src/shared/ports/storage.ts';
import { type FakeRequest, type FakeS3, type Fault, startFakeS3 } from './storage-s3-fake.ts';

/** Credentials that must appear nowhere. */
export const SECRET = 'SECRET-KEY-OF-THE-TEST';
/** See `SECRET`. */
export const TOKEN = 'SESSION-TOKEN-OF-THE-TEST';
/** For tests in which something hangs: how long it is waited for. The others have the adapter's default, and never come near it. */
const TIMEOUT_MS = 150;

/** An S3 adapter with a fake S3 behind it, new for each test. */
export interface S3Bench {
  readonly fake: FakeS3;
  /** Under `s3://lake/table`. */
  readonly storage: Storage;
  /** The same, soon out of patience. */
  readonly hasty: Storage;
  /** Another adapter on the same fake; closed after the test. */
  open(options: Partial<S3StorageOptions>): Storage;
  /** Lets the first requests that `about` picks fail in these ways, one after the other. */
  failFirst(about: (request: FakeRequest) => boolean, ...faults: Fault[]): void;
}

/** Sets up a bench before each test of the file; call it once, at the top. */
export function s3Bench(): S3Bench {
  let fake: FakeS3 | undefined;
  let storages: Storage[] = [];
  const started = (): FakeS3 => {
    if (fake === undefined) throw new Error('the fake S3 is there only inside a test');
    return fake;
  };
  const open = (options: Partial<S3StorageOptions>): Storage => {
    const storage = s3Storage({ ...defaults(started().endpoint), ...options }, hurriedClock());
    storages.push(storage);
    return storage;
  };
  beforeEach(async () => {
    fake = await startFakeS3();
    open({});
  });
  afterEach(async () => {
    for (const storage of storages) await storage.close();
    storages = [];
    await fake?.close();
  });
  return {
    get fake() {
      return started();
    },
    get storage() {
      const [first] = storages;
      if (first === undefined) throw new Error('the storage is there only inside a test');
      return first;
    },
    get hasty() {
      return open({ requestTimeoutMs: TIMEOUT_MS });
    },
    open,
    failFirst: (about, ...faults) => {
      const rest = [...faults];
      started().fault = (request) => (about(request) ? (rest.shift() ?? 'pass') : 'pass');
    },
  };
}

/** The error of ours that the promise is rejected with; throws where it is not. */
export async function failureOf(promise: Promise<unknown>): Promise<MongolakeError> {
  const [result] = await Promise.allSettled([promise]);
  if (result.status === 'rejected' && result.reason instanceof MongolakeError) return result.reason;
  throw new Error(`expected a MongolakeError, got ${inspect(result)}`);
}

/** Requests of a kind. */
export const isPut = (request: FakeRequest): boolean => request.method === 'PUT';
/** See `isPut`. */
export const isGet = (request: FakeRequest): boolean => request.method === 'GET';
/** See `isPut`. */
export const isPart = (request: FakeRequest): boolean => request.query.has('partNumber');

function defaults(endpoint: string): S3StorageOptions {
  return {
    bucket: 'lake',
    prefix: '/table/',
    region: 'eu-central-1',
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'AK', secretAccessKey: SECRET, sessionToken: TOKEN },
  };
}

/** Our own waits between tries cost no time; the SDK's do. */
function hurriedClock(): Clock {
  return { ...systemClock(), sleep: async () => undefined };
}
