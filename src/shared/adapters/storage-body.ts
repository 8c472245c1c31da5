import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { bufferOf } from '../domain/buffers.ts';
import { startChecksum } from '../domain/checksum.ts';
import { MongolakeError } from '../domain/errors.ts';
import { scratched } from '../domain/scratch.ts';
import type { Downloaded } from '../ports/storage.ts';

/** A body to store, made safe to hold for a while: `chunks` may be read once, `release` must be called in the end. */
export interface HeldBody {
  /** The bytes, in chunks as they come. Throws the stream's own error, or the signal's reason as soon as it is aborted. */
  readonly chunks: AsyncGenerator<Buffer>;
  /** True for what `chunks` threw, and for the signal's reason: such an error is the caller's, not the store's. */
  isOwn(error: unknown): boolean;
  /** Destroys the stream, read to its end or not, and takes the listener off the signal. */
  release(): void;
}

/**
 * Takes over `body` until it is released. From here on an error of the stream can't become an uncaught exception, also while
 * nobody reads it: the stream keeps the error and `chunks` throws it.
 */
export function holdBody(body: Buffer | Readable, signal?: AbortSignal): HeldBody {
  let failure: { readonly error: unknown } | undefined;
  async function* noted(): AsyncGenerator<Buffer> {
    try {
      signal?.throwIfAborted();
      yield* Buffer.isBuffer(body) ? [body] : streamed(body, signal);
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  const isOwn = (error: unknown): boolean =>
    failure?.error === error || (signal?.aborted === true && signal.reason === error);
  if (Buffer.isBuffer(body)) return { chunks: noted(), isOwn, release: () => undefined };
  // Never taken off: an error may still be on its way out of a destroyed stream. The stream itself keeps it for `chunks`.
  body.on('error', () => undefined);
  const stop = (): void => {
    body.destroy(asError(signal?.reason));
  };
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  const release = (): void => {
    signal?.removeEventListener('abort', stop);
    body.destroy();
  };
  return { chunks: noted(), isOwn, release };
}

async function* streamed(body: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    yield typeof chunk === 'string' ? Buffer.from(chunk) : asBuffer(chunk);
    signal?.throwIfAborted();
  }
  // The end of a stream that was destroyed by the abort must not be taken for the end of the data.
  signal?.throwIfAborted();
}

/** All chunks as one buffer. */
export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/**
 * Writes the chunks to a local file, replacing it, and tells what they were. On a failure the file is removed. Errors
 * of `chunks` pass unchanged; errors of the file are `SCRATCH`.
 */
export async function writeScratch(
  path: string,
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): Promise<Downloaded> {
  const handle = await scratched(path, () => open(path, 'w'));
  const sum = startChecksum();
  let size = 0;
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      await scratched(path, () => handle.writeFile(chunk));
      sum.add(chunk);
      size += chunk.length;
    }
    await scratched(path, () => handle.close());
    return { size, crc32: sum.text };
  } catch (error) {
    // Half a file must not be taken for the object; what failed first is what the caller has to know.
    await Promise.allSettled([handle.close()]);
    await Promise.allSettled([rm(path, { force: true })]);
    throw error;
  }
}

function asBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return bufferOf(chunk);
  throw new MongolakeError('INTERNAL', `a body's stream gave a ${typeof chunk} where bytes were expected`);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
