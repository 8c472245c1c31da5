import { PutObjectCommand } from '@aws-sdk/client-s3';
import { MongolakeError } from '../domain/errors.ts';
import type { PutIfResult } from '../ports/storage.ts';
import { collect } from './storage-body.ts';
import { backOff } from './storage-s3-backoff.ts';
import { type S3Context, uploadTimeoutMs } from './storage-s3-client.ts';
import { faultOf, isMissing, isUnknown, s3Failure } from './storage-s3-errors.ts';
import { openObject, place } from './storage-s3-read.ts';

/** What must hold for the object to be written: none is there, or this version is. */
export type PutCondition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

/** A store that is asked to settle a race answers 409 while it does; so many are taken for a store that never will. */
const CONFLICTS_MAX = 12;

type Answer =
  | { readonly kind: 'written'; readonly etag: string }
  /** The condition did not hold, or a lost earlier try of ours is why it no longer does. */
  | { readonly kind: 'lost' }
  /** S3 asks to try again: nothing was written by this try. */
  | { readonly kind: 'conflict'; readonly error: unknown }
  /** No answer, or one that leaves open whether the object was written. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/**
 * PutObject under a condition, until it is known what came of it. Each try's answer is seen here and not retried by the SDK; after
 * a 412 or a lost answer the object is read back, and it is ours where it holds `writerId`. Trying again is safe: the condition
 * refuses a second write. Throws `STORE_UNREACHABLE` where it stays unknown. A write of ours that someone replaced before
 * it was read back is reported as not written: who goes on from there is the other one.
 */
export async function putConditionally(
  context: S3Context,
  key: string,
  body: Buffer,
  condition: PutCondition,
  writerId: string,
): Promise<PutIfResult> {
  const deadline = context.clock.monotonic() + 2 * uploadTimeoutMs(context, body.length);
  let conflicts = 0;
  for (let unknowns = 0; ; ) {
    const answer = await send(context, key, body, condition);
    if (answer.kind === 'written') return { written: true, etag: answer.etag };
    if (answer.kind === 'lost') {
      const found = await readBack(context, key);
      if (found?.body.includes(writerId)) return { written: true, etag: found.etag };
      // Nothing there although something was in the way: it was deleted since.
      if (found !== undefined || 'IfMatch' in condition) return { written: false };
      conflicts += 1;
    } else if (answer.kind === 'conflict') {
      conflicts += 1;
    } else {
      unknowns += 1;
      const found = await readBackIfPossible(context, key);
      if (found?.body.includes(writerId)) return { written: true, etag: found.etag };
    }
    const spent = context.clock.monotonic() >= deadline;
    if (spent || unknowns >= context.maxAttempts || conflicts >= CONFLICTS_MAX) throw unsettled(context, key, answer);
    await backOff(context.clock, unknowns + conflicts);
  }
}

async function send(context: S3Context, key: string, body: Buffer, condition: PutCondition): Promise<Answer> {
  const command = new PutObjectCommand({ ...place(context, key), ...condition, Body: body });
  try {
    const { ETag: etag } = await context.once.send(command, { requestTimeout: uploadTimeoutMs(context, body.length) });
    if (etag !== undefined) return { kind: 'written', etag };
    const error = new MongolakeError(
      'STORE_UNREACHABLE',
      `${context.uri}: the store gave no ETag for ${JSON.stringify(key)}`,
    );
    return { kind: 'unknown', error };
  } catch (error) {
    const fault = faultOf(error);
    if (fault.status === 412) return { kind: 'lost' };
    if (isMissing(fault) && 'IfMatch' in condition) return { kind: 'lost' };
    if (fault.status === 409) return { kind: 'conflict', error };
    // The SDK corrects its clock by such an answer, so the next try may pass.
    if (isUnknown(fault) || fault.code === 'RequestTimeTooSkewed') return { kind: 'unknown', error };
    if (fault.status === 501) throw unconditional(context, key);
    throw s3Failure(context, `conditional put of ${JSON.stringify(key)}`, error);
  }
}

async function readBack(context: S3Context, key: string): Promise<{ body: Buffer; etag: string } | undefined> {
  const found = await openObject(context, key);
  return found === undefined ? undefined : { body: await collect(found.chunks), etag: found.etag };
}

/** After a lost answer the store is perhaps still not to be reached; then the next try of the put tells. */
async function readBackIfPossible(
  context: S3Context,
  key: string,
): Promise<{ body: Buffer; etag: string } | undefined> {
  try {
    return await readBack({ ...context, quick: context.once, maxAttempts: 1 }, key);
  } catch (error) {
    if (error instanceof MongolakeError && error.retryable) return undefined;
    throw error;
  }
}

function unsettled(context: S3Context, key: string, answer: Answer): MongolakeError {
  const what = `conditional put of ${JSON.stringify(key)}`;
  if (answer.kind === 'unknown') {
    return s3Failure(context, `${what}, which may or may not have been written,`, answer.error);
  }
  if (answer.kind === 'conflict') return s3Failure(context, what, answer.error);
  return new MongolakeError('STORE_UNREACHABLE', `${context.uri}: ${what} failed: the object comes and goes`);
}

function unconditional(context: S3Context, key: string): MongolakeError {
  const message = `${context.uri}: the store does not implement the conditional put of ${JSON.stringify(key)}`;
  return new MongolakeError('STORE_UNCONDITIONAL', message, {
    hint: 'Use a store that honours If-None-Match and If-Match on PutObject.',
  });
}
