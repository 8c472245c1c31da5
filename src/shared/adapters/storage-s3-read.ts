import type { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3';
import { MongolakeError } from '../domain/errors.ts';
import type { ByteRange } from '../ports/storage.ts';
import { rangeBeyondEnd } from './storage-keys.ts';
import { backOff } from './storage-s3-backoff.ts';
import type { S3Context } from './storage-s3-client.ts';
import { faultOf, isMissing, s3Error, s3Failure } from './storage-s3-errors.ts';

/** So much progress makes earlier failures of the same download forgotten: a long one may break now and then. */
const PROGRESS_BYTES = 8 * 2 ** 20;

/** An object being read. */
export interface OpenObject {
  readonly etag: string;
  /** The bytes, exactly as many as were asked for, or an error. May be read once. */
  readonly chunks: AsyncGenerator<Buffer>;
  /** Closes the connection where `chunks` was not read to its end. */
  release(): void;
}

interface Body {
  readonly stream: Readable;
  readonly etag: string;
  readonly length: number;
}

/**
 * Starts to read an object or a range of it; `undefined` where there is none. A body that breaks off or stands still is gone on
 * with from there, as long as it is the same version; so a reader sees either all bytes of one version or an error.
 */
export async function openObject(
  context: S3Context,
  key: string,
  range?: ByteRange,
  signal?: AbortSignal,
): Promise<OpenObject | undefined> {
  if (range !== undefined && range.start === range.end) return await openEmpty(context, key, range);
  const first = await request(context, key, range, undefined, signal);
  if (first === undefined) return undefined;
  let current = first.stream;
  const whole = range ?? { start: 0, end: first.length };

  async function* chunks(): AsyncGenerator<Buffer> {
    let at = whole.start;
    for (let failures = 0, forgiven = at; ; ) {
      let reason: unknown = s3Error('TruncatedBody', 'the body ended early');
      try {
        for await (const chunk of current) {
          yield chunk;
          at += chunk.length;
        }
      } catch (error) {
        reason = error;
      }
      signal?.throwIfAborted();
      if (at === whole.end) return;
      if (at - forgiven >= PROGRESS_BYTES) failures = 0;
      forgiven = at;
      failures += 1;
      if (failures >= context.maxAttempts) throw broken(context, key, whole, at, reason);
      await backOff(context.clock, failures, signal);
      const next = await request(context, key, { start: at, end: whole.end }, first?.etag, signal);
      if (next === undefined) throw replaced(context, key);
      current = next.stream;
    }
  }
  return { etag: first.etag, chunks: chunks(), release: () => current.destroy() };
}

/** Size and version of an object; `undefined` where there is none. */
export async function headObject(
  context: S3Context,
  key: string,
): Promise<{ readonly size: number; readonly etag: string } | undefined> {
  try {
    const answer = await context.quick.send(new HeadObjectCommand(place(context, key)));
    return { size: answer.ContentLength ?? 0, etag: answer.ETag ?? '' };
  } catch (error) {
    // The answer to a HEAD has no body that could name a code.
    if (faultOf(error).status === 404) return undefined;
    throw s3Failure(context, `head of ${JSON.stringify(key)}`, error);
  }
}

/** HTTP can't ask for no bytes at all. */
async function openEmpty(context: S3Context, key: string, range: ByteRange): Promise<OpenObject | undefined> {
  const found = await headObject(context, key);
  if (found === undefined) return undefined;
  if (range.end > found.size) throw rangeBeyondEnd(context.uri, key, range, found.size);
  async function* nothing(): AsyncGenerator<Buffer> {}
  return { etag: found.etag, chunks: nothing(), release: () => undefined };
}

async function request(
  context: S3Context,
  key: string,
  range: ByteRange | undefined,
  etag: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Body | undefined> {
  const command = new GetObjectCommand({
    ...place(context, key),
    ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  });
  let answer: GetObjectCommandOutput;
  try {
    answer = await context.quick.send(command, signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    signal?.throwIfAborted();
    const fault = faultOf(error);
    if (isMissing(fault)) return undefined;
    if (fault.status === 412) throw replaced(context, key);
    if (fault.status === 416 && range !== undefined) throw rangeBeyondEnd(context.uri, key, range);
    throw s3Failure(context, `get of ${JSON.stringify(key)}`, error);
  }
  return checked(context, key, range, answer);
}

/** The body of an answer that is about the bytes that were asked for. */
function checked(context: S3Context, key: string, range: ByteRange | undefined, answer: GetObjectCommandOutput): Body {
  const stream = answer.Body as Readable | undefined;
  const { ContentLength: length, ContentRange: served } = answer;
  const fail = (error: MongolakeError): never => {
    stream?.on('error', () => undefined).destroy();
    throw error;
  };
  if (stream === undefined || length === undefined) {
    const message = `${context.uri}: the store does not say how long ${JSON.stringify(key)} is`;
    return fail(new MongolakeError('OBJECT_CORRUPT', message, { hint: 'A proxy may be rewriting its answers.' }));
  }
  if (range !== undefined && !(served ?? '').startsWith(`bytes ${range.start}-`)) {
    const message = `${context.uri}: the store ignored the range asked of ${JSON.stringify(key)}`;
    return fail(
      new MongolakeError('OBJECT_CORRUPT', message, { hint: 'mongolake needs ranged GETs: use another store.' }),
    );
  }
  if (range !== undefined && length !== range.end - range.start) {
    const total = Number(/\/(\d+)$/.exec(served ?? '')?.[1]);
    return fail(rangeBeyondEnd(context.uri, key, range, Number.isNaN(total) ? undefined : total));
  }
  return { stream, length, etag: answer.ETag ?? '' };
}

/** Bucket and full key of an object. */
export function place(context: S3Context, key: string): { Bucket: string; Key: string } {
  return { Bucket: context.bucket, Key: `${context.prefix}${key}` };
}

function broken(context: S3Context, key: string, range: ByteRange, at: number, reason: unknown): MongolakeError {
  const done = `${at - range.start} of ${range.end - range.start} bytes`;
  return s3Failure(context, `get of ${JSON.stringify(key)}, after ${done},`, reason);
}

function replaced(context: S3Context, key: string): MongolakeError {
  const message = `${context.uri}: ${JSON.stringify(key)} was replaced or deleted while it was read`;
  return new MongolakeError('OBJECT_CORRUPT', message, { hint: 'Run again.' });
}
