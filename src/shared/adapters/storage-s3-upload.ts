import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { MongolakeError } from '../domain/errors.ts';
import type { ObjectVersion } from '../ports/storage.ts';
import { holdBody } from './storage-body.ts';
import { checkKey } from './storage-keys.ts';
import { type S3Context, uploadTimeoutMs } from './storage-s3-client.ts';
import { s3Failure } from './storage-s3-errors.ts';
import { headObject, place } from './storage-s3-read.ts';

/** S3 takes 10,000 parts, so an object may have up to 78 GiB. */
const PART_BYTES = 8 * 2 ** 20;
/** Parts in flight. An upload holds at most this many parts, and one that is being filled. */
const PARTS_IN_FLIGHT = 4;
/** Larger bodies go by the client that waits longer. */
const QUICK_MAX_BYTES = 2 ** 20;

/**
 * Uploads a body of any length, in parts where it is longer than one. Resolves when the whole object is visible and has the size
 * that was sent. On a failure or an abort, resolves nothing until every part in flight has ended and the parts are thrown away.
 * An abort that comes after the last byte was handed over is too late: the upload then ends as it would have.
 */
export async function upload(
  context: S3Context,
  key: string,
  body: Buffer | Readable,
  signal: AbortSignal | undefined,
): Promise<ObjectVersion & { size: number }> {
  const held = holdBody(body, signal);
  const stop = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  let size = 0;
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop.abort(failure.error);
  };
  const onAbort = (): void => fail(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });

  async function* counted(): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of held.chunks) {
        // Once a part has failed the others need not be read. To end here instead would pass for the end of the data.
        stop.signal.throwIfAborted();
        size += chunk.length;
        yield chunk;
      }
    } catch (error) {
      fail(error);
      throw error;
    }
  }

  const feed = Readable.from(counted(), { highWaterMark: 1 });
  try {
    checkKey(context.uri, key);
    const sending = new Upload({
      client: stoppable(context, stop.signal, fail),
      params: { ...place(context, key), Body: feed },
      partSize: PART_BYTES,
      queueSize: PARTS_IN_FLIGHT,
    });
    const { ETag: etag } = await sending.done();
    if (size <= PART_BYTES && etag !== undefined) return { etag, size };
    return await verified(context, key, size);
  } catch (error) {
    const first = failure === undefined ? error : failure.error;
    throw held.isOwn(first) ? first : s3Failure(context, `put of ${JSON.stringify(key)}`, first);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    feed.on('error', () => undefined).destroy();
    held.release();
  }
}

/**
 * The client as `Upload` uses it. `Upload` sends without an abort signal and goes on with other parts when one has failed; this
 * client tells the first failure at once, cuts the parts in flight short, and sends nothing more but the order to throw the parts away.
 * Other requests are not cut short: a CreateMultipartUpload whose answer is lost can't be undone, and a completion whose
 * answer is lost may have made the object.
 */
function stoppable(context: S3Context, stop: AbortSignal, fail: (error: unknown) => void): S3Client {
  const send = async (command: Parameters<S3Client['send']>[0]): Promise<unknown> => {
    const bytes = bodyBytes(command.input);
    const slow = bytes > QUICK_MAX_BYTES || command instanceof CompleteMultipartUploadCommand;
    const client = slow ? context.bulk : context.quick;
    const timeoutMs = (slow ? context.bulkTimeoutMs : 0) + uploadTimeoutMs(context, bytes);
    try {
      if (!(command instanceof AbortMultipartUploadCommand)) stop.throwIfAborted();
      const abort = command instanceof UploadPartCommand ? { abortSignal: stop } : {};
      return await client.send(command, { ...abort, requestTimeout: timeoutMs });
    } catch (error) {
      fail(error);
      throw error;
    }
  };
  return Object.assign(Object.create(context.quick), { send });
}

function bodyBytes(input: object): number {
  return 'Body' in input && input.Body instanceof Uint8Array ? input.Body.length : 0;
}

/** Asks the store itself: an object put together from parts has the length that the store made of them. */
async function verified(context: S3Context, key: string, size: number): Promise<ObjectVersion & { size: number }> {
  const found = await headObject(context, key);
  if (found?.size === size) return { etag: found.etag, size };
  const there = found === undefined ? 'nothing' : `${found.size} bytes`;
  throw new MongolakeError(
    'OBJECT_CORRUPT',
    `${context.uri}: ${size} bytes were sent as ${JSON.stringify(key)}, and ${there} arrived`,
    { hint: 'Run again. If it happens again, the store loses parts.' },
  );
}
