import type { FindCursor } from 'mongodb';
import { brokenDocument, MIN_DOCUMENT_BYTES } from '../domain/bson.ts';
import { bufferOf } from '../domain/buffers.ts';
import { fractionOf } from '../domain/fraction.ts';
import { int32At } from '../domain/little-endian.ts';
import type { Redact } from '../domain/redact.ts';
import type { Clock } from '../ports/clock.ts';
import type { RawBatch } from '../ports/source.ts';
import { CursorLost, isResumable, sourceError } from './mongodb-errors.ts';
import type { ReadOrder } from './mongodb-resume.ts';

/** A reply of the server holds up to 16 MiB of documents; they are handed on in copies of about this many bytes. */
const BATCH_BYTES = 2 * 1024 * 1024;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 30_000;

export interface ResumingRead {
  readonly order: ReadOrder;
  /** Opens a cursor of raw documents at a point (`undefined`: the beginning), in the order's sort. */
  open(after: Buffer | undefined): Promise<FindCursor>;
  /** Names the source in errors. */
  readonly about: string;
  readonly redact: Redact;
  readonly clock: Clock;
  /** How often in a row reading may fail without getting further. */
  readonly tries: number;
}

/** What one trip to the server brought: no documents where the cursor is exhausted. Never a rejection, see `fetchNext`. */
type Fetched = { readonly documents: readonly Uint8Array[] } | { readonly error: unknown };

/**
 * All documents of a cursor, in its order, as batches. Where the cursor dies on the way (a failover, an idle timeout, a cut
 * connection) it is opened anew at the last point read: documents may come twice, none is left out. The next reply is
 * fetched while the consumer works on the last.
 *
 * Throws `SOURCE_UNREACHABLE` after `tries` failures without progress, other errors of the source at once, `DOCUMENT_BROKEN` for one whose
 * length lies, and the signal's reason once it is aborted.
 */
export async function* readResuming(read: ResumingRead, signal: AbortSignal): AsyncGenerator<RawBatch, void, void> {
  let after: Buffer | undefined;
  let failures = 0;
  while (true) {
    signal.throwIfAborted();
    const opened = await unlessAborted(openCursor(read, after), signal);
    let error = opened.error;
    if (opened.cursor !== undefined) {
      const cursor = opened.cursor;
      try {
        let fetched = await unlessAborted(fetchNext(cursor), signal);
        while ('documents' in fetched) {
          if (fetched.documents.length === 0) return;
          const ahead = fetchNext(cursor);
          for (const document of fetched.documents) checkLength(document, read.about);
          for (const batch of pack(fetched.documents)) {
            signal.throwIfAborted();
            yield batch;
          }
          const point = lastPoint(read.order, fetched.documents);
          if (point !== undefined && (after === undefined || !point.equals(after))) {
            after = point;
            failures = 0;
          }
          fetched = await unlessAborted(ahead, signal);
        }
        error = fetched.error;
      } finally {
        await release(cursor, signal);
      }
    }
    failures += 1;
    signal.throwIfAborted();
    mayTryAgain(read, error, failures);
    await read.clock.sleep(backoffMs(failures, read.clock), signal);
  }
}

/** Opening may itself ask the server something; a failure there counts like one of the cursor. */
async function openCursor(
  read: ResumingRead,
  after: Buffer | undefined,
): Promise<{ readonly cursor?: FindCursor; readonly error?: unknown }> {
  try {
    return { cursor: await read.open(after) };
  } catch (error) {
    return { error };
  }
}

function mayTryAgain(read: ResumingRead, error: unknown, failures: number): void {
  if (!isResumable(error)) throw sourceError(error, read.about, read.redact);
  if (failures >= read.tries) {
    throw sourceError(error, `${read.about}: gave up after ${failures} tries without progress`, read.redact);
  }
}

/**
 * The cursor's next reply, whole. It resolves also where reading failed: it is not awaited while the consumer is at work,
 * and a promise that rejects unwatched ends the process.
 */
async function fetchNext(cursor: FindCursor): Promise<Fetched> {
  try {
    const first = (await cursor.next()) as Uint8Array | null;
    if (first !== null) return { documents: [first, ...(cursor.readBufferedDocuments() as unknown as Uint8Array[])] };
    // The driver answers `null` also where the cursor was closed under it. Taken for the end, documents would be lost.
    const exhausted = !cursor.killed && cursor.id?.isZero() === true;
    return exhausted ? { documents: [] } : { error: new CursorLost('the cursor was closed before its end') };
  } catch (error) {
    return { error };
  }
}

/** Throws `DOCUMENT_BROKEN` where a document is not as long as it says: whoever walks a batch goes from one to the next by that. */
function checkLength(document: Uint8Array, about: string): void {
  const said = document.length < MIN_DOCUMENT_BYTES ? 0 : int32At(document, 0);
  if (said !== document.length)
    throw brokenDocument(`${about}: the server gave ${document.length} bytes for a document of ${said}`);
}

/** Batches of about `BATCH_BYTES`, each a copy: the views that the driver gives lie apart, with the reply's keys between. */
function* pack(documents: readonly Uint8Array[]): Generator<RawBatch, void, void> {
  let from = 0;
  while (from < documents.length) {
    const offsets: number[] = [];
    let bytes = 0;
    let to = from;
    do {
      offsets.push(bytes);
      bytes += documents[to]?.length ?? 0;
      to += 1;
    } while (to < documents.length && bytes + (documents[to]?.length ?? 0) <= BATCH_BYTES);
    yield { bytes: Buffer.concat(documents.slice(from, to), bytes), offsets };
    from = to;
  }
}

function lastPoint(order: ReadOrder, documents: readonly Uint8Array[]): Buffer | undefined {
  for (let index = documents.length - 1; index >= 0; index--) {
    const point = order.point(bufferOf(documents[index] as Uint8Array));
    if (point !== undefined) return point;
  }
  return undefined;
}

/** Doubling from 250 ms to 30 s, of which a random half is taken off so that many readers don't come back at once. */
export function backoffMs(failures: number, clock: Clock): number {
  const random = fractionOf(clock.randomHex(4));
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (failures - 1));
  return full * (0.5 + random / 2);
}

/** Tells the server that the cursor is not needed. An abort does not wait for that: the server may be why it was aborted. */
async function release(cursor: FindCursor, signal: AbortSignal): Promise<void> {
  const closing = cursor.close();
  // What goes wrong in the end of a cursor that nobody needs is nobody's news; the server drops it by itself.
  if (signal.aborted) closing.catch(() => undefined);
  else await closing;
}

/** The promise, or the signal's reason as soon as it is aborted; the driver itself would wait for its socket. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
