import { DeleteObjectCommand, DeleteObjectsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { MongolakeError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ByteRange, Downloaded, ObjectInfo, Storage } from '../ports/storage.ts';
import { systemClock } from './clock-system.ts';
import { collect, writeScratch } from './storage-body.ts';
import { checkKey, checkPrefix, checkRange, checkWriterId, compareKeys, isKey, objectMissing } from './storage-keys.ts';
import { type S3Context, type S3StorageOptions, s3Context } from './storage-s3-client.ts';
import { type PutCondition, putConditionally } from './storage-s3-conditional.ts';
import { faultOf, isMissing, s3Error, s3Failure } from './storage-s3-errors.ts';
import { openObject, place } from './storage-s3-read.ts';
import { upload } from './storage-s3-upload.ts';

/** What one DeleteObjects takes. */
const DELETE_BATCH = 1000;

/**
 * Storage under a prefix of a bucket of Amazon S3, or of a store that speaks its protocol. Everything ends in bounded time: with
 * the defaults a refused port or a store that never answers gives `STORE_UNREACHABLE` within some 15 s; credentials, rights, a
 * missing bucket or another region are `STORE_REFUSED`. Messages name bucket, prefix, operation and S3's own code, and no secret.
 */
export function s3Storage(options: S3StorageOptions, clock: Clock = systemClock()): Storage {
  const context = s3Context(options, clock);
  const putIf = async (key: string, body: Buffer, condition: PutCondition, writerId: string) => {
    checkKey(context.uri, key);
    checkWriterId(context.uri, key, body, writerId);
    return await putConditionally(context, key, body, condition, writerId);
  };
  return {
    uri: context.uri,
    get: (key, range) => get(context, key, range),
    download: (key, path, signal) => download(context, key, path, signal),
    put: async (key, body, signal) => await upload(context, key, body, signal),
    putIfAbsent: (key, body, writerId) => putIf(key, body, { IfNoneMatch: '*' }, writerId),
    putIfMatch: (key, body, etag, writerId) => putIf(key, body, { IfMatch: etag }, writerId),
    list: (prefix, listing) => list(context, prefix, listing?.startAfter),
    delete: (keys) => remove(context, keys),
    close: async () => {
      for (const client of [context.quick, context.once, context.bulk]) client.destroy();
    },
  };
}

async function get(
  context: S3Context,
  key: string,
  range?: ByteRange,
): Promise<{ body: Buffer; etag: string } | undefined> {
  checkKey(context.uri, key);
  if (range !== undefined) checkRange(context.uri, key, range);
  const found = await openObject(context, key, range);
  return found === undefined ? undefined : { body: await collect(found.chunks), etag: found.etag };
}

async function download(
  context: S3Context,
  key: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Downloaded> {
  checkKey(context.uri, key);
  const found = await openObject(context, key, undefined, signal);
  if (found === undefined) throw objectMissing(context.uri, key);
  try {
    return await writeScratch(path, found.chunks, signal);
  } finally {
    found.release();
  }
}

/**
 * Pages of ListObjectsV2. Folder markers that consoles make, and other keys that are not valid here, are left out: nothing could
 * be done with them. An order other than UTF-8's (as in S3 Express directory buckets) is refused: the log's order rests on it.
 */
async function* list(context: S3Context, prefix: string, startAfter: string | undefined): AsyncGenerator<ObjectInfo> {
  checkPrefix(context.uri, prefix);
  let last = startAfter;
  for (let token: string | undefined, more = true; more; ) {
    const command = new ListObjectsV2Command({
      Bucket: context.bucket,
      Prefix: `${context.prefix}${prefix}`,
      ...(startAfter === undefined ? {} : { StartAfter: `${context.prefix}${startAfter}` }),
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await calling(context, `list of ${JSON.stringify(prefix)}`, () => context.quick.send(command));
    for (const { Key: full = '', Size: size = 0, LastModified: modified } of page.Contents ?? []) {
      const key = full.slice(context.prefix.length);
      if (!isKey(key) || (startAfter !== undefined && compareKeys(key, startAfter) <= 0)) continue;
      if (last !== undefined && compareKeys(key, last) <= 0) throw outOfOrder(context, last, key);
      last = key;
      yield { key, size, modifiedAt: modified?.getTime() ?? 0 };
    }
    token = page.NextContinuationToken;
    more = page.IsTruncated === true;
    // Half a listing must not pass for the whole: what is not on it would be taken for absent, or for an orphan.
    if (page.IsTruncated === undefined || (more && token === undefined)) throw unreadable(context, prefix);
  }
}

async function remove(context: S3Context, keys: readonly string[]): Promise<void> {
  for (const key of keys) checkKey(context.uri, key);
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    await calling(context, `delete of ${JSON.stringify(only)}`, () => removeOne(context, only));
    return;
  }
  for (let start = 0; start < keys.length; start += DELETE_BATCH) {
    await removeBatch(context, keys.slice(start, start + DELETE_BATCH));
  }
}

async function removeOne(context: S3Context, key: string): Promise<void> {
  try {
    await context.quick.send(new DeleteObjectCommand(place(context, key)));
  } catch (error) {
    // AWS takes the deletion of an absent object for done; some stores do not.
    if (!isMissing(faultOf(error))) throw error;
  }
}

async function removeBatch(context: S3Context, keys: readonly string[]): Promise<void> {
  const operation = `delete of ${keys.length} objects from ${JSON.stringify(keys[0])}`;
  const Objects = keys.map((key) => ({ Key: place(context, key).Key }));
  const command = new DeleteObjectsCommand({ Bucket: context.bucket, Delete: { Objects, Quiet: true } });
  const result = await calling(context, operation, () => context.quick.send(command));
  // The request as a whole succeeds also where no object could be deleted.
  const failed = (result.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey');
  const [first] = failed;
  if (first === undefined) return;
  const status = first.Code === 'InternalError' || first.Code === 'SlowDown' ? 503 : 403;
  const error = s3Error(first.Code ?? 'Error', first.Message ?? '', status);
  throw s3Failure(context, `delete of ${JSON.stringify(first.Key)} and ${failed.length - 1} more`, error);
}

async function calling<T>(context: S3Context, operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw s3Failure(context, operation, error);
  }
}

function unreadable(context: S3Context, prefix: string): MongolakeError {
  const message = `${context.uri}: the answer to the list of ${JSON.stringify(prefix)} is no listing, or does not say where it goes on`;
  return new MongolakeError('STORE_UNREACHABLE', message, {
    hint: 'A proxy may have answered, or cut the answer. Run again.',
  });
}

function outOfOrder(context: S3Context, before: string, after: string): MongolakeError {
  return new MongolakeError(
    'STORE_REFUSED',
    `${context.uri}: the store lists ${JSON.stringify(after)} after ${JSON.stringify(before)}, which is not the order of UTF-8`,
    {
      hint: 'mongolake needs listings in UTF-8 order; directory buckets do not have it. Use a general purpose bucket.',
    },
  );
}
