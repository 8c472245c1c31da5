import { MIN_DOCUMENT_BYTES } from '../domain/bson.ts';
import { MongolakeError } from '../domain/errors.ts';
import { int32At } from '../domain/little-endian.ts';
import type { RawBatch } from '../ports/source.ts';

/** Largest document MongoDB stores, plus what it allows itself inside (16 MiB + 16 KiB, "BSONObjMaxInternalSize"). Bytes. */
const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024 + 16 * 1024;
const DEFAULT_BATCH_BYTES = 2 * 1024 * 1024;

/**
 * Copies the next bytes of a stream to `target[start..end)`; returns how many, 0 at its end. It may give fewer bytes than
 * asked for, in pieces of any size. Rejects with `StreamBroken` where what the bytes are unpacked from is damaged.
 */
export type ReadInto = (target: Buffer, start: number, end: number) => Promise<number>;

/** No more bytes can be had, and it is not the end: a gzip stream is damaged or cut off. */
export class StreamBroken extends Error {
  override readonly name = 'StreamBroken';
}

export interface FrameOptions {
  /** Names the stream in errors. */
  readonly file: string;
  /** About how many bytes a batch holds; a larger document is a batch of its own. 2 MiB if not given. */
  readonly batchBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where the framing stands: `buffer[0..filled)` holds bytes that begin at `position` of the stream, and is filled up to `want`. */
interface Carry {
  buffer: Buffer;
  want: number;
  filled: number;
  position: number;
  ended: boolean;
  failure: StreamBroken | undefined;
}

/** What one look at the carry found: whole documents up to `end`, and what stands after them. */
interface Frames {
  readonly offsets: readonly number[];
  readonly end: number;
  /** Length of the document at `end` that is not whole yet; 0 where fewer than four bytes are there. */
  readonly next: number;
  /** Why what stands at `end` is no document. */
  readonly broken: string | undefined;
}

/**
 * Cuts a stream of concatenated BSON documents (the format of a mongodump file) into batches of whole documents, in order,
 * with memory for one batch or one document, whichever is larger. A batch is a view that the next one overwrites.
 *
 * A length outside 5 bytes … 16 MiB + 16 KiB, a missing final NUL or a document cut off by the end of the stream throws
 * `DUMP_BROKEN` with the byte offset, after everything before it was yielded; so does a `StreamBroken` of `read`.
 */
export async function* frameDocuments(read: ReadInto, options: FrameOptions): AsyncGenerator<RawBatch, void, void> {
  const batchBytes = Math.max(options.batchBytes ?? DEFAULT_BATCH_BYTES, MIN_DOCUMENT_BYTES);
  const buffer = Buffer.allocUnsafe(batchBytes);
  const carry: Carry = { buffer, want: batchBytes, filled: 0, position: 0, ended: false, failure: undefined };
  while (true) {
    await fill(carry, read, options);
    const { offsets, end, next, broken } = frame(carry);
    if (offsets.length > 0) {
      yield { bytes: carry.buffer.subarray(0, end), offsets, position: carry.position };
      options.signal?.throwIfAborted();
    }
    if (broken !== undefined) throw dumpBroken(options.file, carry.position + end, broken);
    if (carry.failure !== undefined) {
      throw dumpBroken(options.file, carry.position + carry.filled, carry.failure.message, carry.failure);
    }
    if (carry.ended) {
      const rest = carry.filled - end;
      if (rest === 0) return;
      const reason = next === 0 ? `the file ends ${rest} bytes into a length` : cutOff(rest, next);
      throw dumpBroken(options.file, carry.position + end, reason);
    }
    carry.want = Math.max(batchBytes, next);
    keepRest(carry, end);
  }
}

/** The error for bytes that are no document. `offset` counts from the start of the uncompressed stream. */
export function dumpBroken(file: string, offset: number, reason: string, cause?: unknown): MongolakeError {
  return new MongolakeError('DUMP_BROKEN', `${file}: at byte ${offset}: ${reason}`, {
    hint: 'Nothing from this byte on can be trusted. Dump the collection again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function cutOff(there: number, length: number): string {
  return `the file ends ${there} bytes into a document of ${length} bytes`;
}

/** Reads until the buffer is full or the stream ends, so that a batch's size does not depend on the stream's pieces. */
async function fill(carry: Carry, read: ReadInto, options: FrameOptions): Promise<void> {
  while (!carry.ended && carry.filled < carry.want) {
    options.signal?.throwIfAborted();
    try {
      const got = await read(carry.buffer, carry.filled, carry.want);
      if (got === 0) carry.ended = true;
      carry.filled += got;
    } catch (error) {
      if (!(error instanceof StreamBroken)) throw error;
      // Kept until the documents that came before it are framed and yielded.
      carry.failure = error;
      carry.ended = true;
    }
  }
}

function frame({ buffer, filled }: Carry): Frames {
  const offsets: number[] = [];
  let end = 0;
  while (end + 4 <= filled) {
    const length = int32At(buffer, end);
    if (length < MIN_DOCUMENT_BYTES || length > MAX_DOCUMENT_BYTES) {
      const broken = `a document says it is ${length} bytes long; ${MIN_DOCUMENT_BYTES} to ${MAX_DOCUMENT_BYTES} are possible`;
      return { offsets, end, next: 0, broken };
    }
    if (end + length > filled) return { offsets, end, next: length, broken: undefined };
    if (buffer[end + length - 1] !== 0) {
      return { offsets, end, next: 0, broken: `a document of ${length} bytes does not end in a NUL` };
    }
    offsets.push(end);
    end += length;
  }
  return { offsets, end, next: 0, broken: undefined };
}

/** Moves what is after the last whole document to the front, into a larger buffer where the next document needs one. */
function keepRest(carry: Carry, end: number): void {
  const { buffer, filled, want } = carry;
  if (want > buffer.length) {
    const larger = Buffer.allocUnsafe(want);
    buffer.copy(larger, 0, end, filled);
    carry.buffer = larger;
  } else {
    buffer.copyWithin(0, end, filled);
  }
  carry.filled = filled - end;
  carry.position += end;
}
