import { open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { MongolakeError } from '../domain/errors.ts';
import { type ReadInto, StreamBroken } from './source-dump-frame.ts';

/**
 * Compressed bytes handed to zlib at a time. What they inflate to is held at once: deflate reaches at most 1,032 to 1
 * (zlib, "Maximum Expansion Factor"), so a hostile file costs 66 MB, an ordinary one half a megabyte.
 */
const GZIP_SLICE_BYTES = 64 * 1024;
/** Bytes zlib gives at a time. Where it meets damage it keeps back the chunk it was filling, so this is what goes missing. */
const INFLATED_CHUNK_BYTES = 64 * 1024;

/** An open dump file, as its uncompressed bytes. */
export interface DumpFile {
  /** Rejects with `StreamBroken` where the compressed bytes are cut off, after everything before was given, or damaged. */
  readonly read: ReadInto;
  close(): Promise<void>;
}

/** Opens a `.bson` or `.bson.gz` file. Throws `SOURCE_MISSING`, `SOURCE_REFUSED` (rights) or `SOURCE_UNREACHABLE` (disk). */
export async function openDumpFile(path: string): Promise<DumpFile> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw fileError(path, error);
  });
  const readFile: ReadInto = async (target, start, end) => {
    try {
      return (await handle.read(target, start, end - start, null)).bytesRead;
    } catch (error) {
      throw fileError(path, error);
    }
  };
  if (!path.endsWith('.gz')) return { read: readFile, close: () => handle.close() };
  const inflated = inflate(readFile);
  return {
    read: inflated.read,
    close: async () => {
      inflated.close();
      await handle.close();
    },
  };
}

/** The port's error for what the file system answered about `path`. */
export function fileError(path: string, error: unknown): MongolakeError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') {
    const what =
      code === 'ENOENT' ? 'no such file or folder' : code === 'EISDIR' ? 'is a folder' : 'a part of it is no folder';
    return new MongolakeError('SOURCE_MISSING', `dump ${path}: ${what}`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Give the user that runs mongolake the right to read it.';
    return new MongolakeError('SOURCE_REFUSED', `dump ${path}: permission denied`, { hint, cause: error });
  }
  return new MongolakeError('SOURCE_UNREACHABLE', `dump ${path}: ${message}`, { cause: error });
}

/**
 * Inflates a gzip stream of one or more members (RFC 1952, 2.2) slice by slice.
 *
 * It feeds zlib by hand rather than through a pipe: a stream that fails throws away what it has buffered, and the end of
 * the input must be told only after its last slice gave all it holds, else documents before a cut would be lost with it.
 */
export function inflate(readFile: ReadInto): { readonly read: ReadInto; close(): void } {
  const gunzip = createGunzip({ chunkSize: INFLATED_CHUNK_BYTES });
  const ready: Buffer[] = [];
  let taken = 0;
  let failure: StreamBroken | undefined;
  let ended = false;
  gunzip.on('data', (piece: Buffer) => ready.push(piece));
  gunzip.on('end', () => {
    ended = true;
  });
  gunzip.on('error', (error) => {
    failure = new StreamBroken(`the gzip stream is broken: ${error.message}`, { cause: error });
  });

  async function refill(): Promise<void> {
    const slice = Buffer.allocUnsafe(GZIP_SLICE_BYTES);
    const got = await readFile(slice, 0, slice.length);
    const before = gunzip.bytesWritten;
    if (got === 0) await settled(gunzip, () => gunzip.end());
    else await settled(gunzip, (done) => gunzip.write(slice.subarray(0, got), done));
    if (!ended || got === 0) return;
    if (await onlyZeros(slice.subarray(gunzip.bytesWritten - before, got), readFile)) return;
    failure = new StreamBroken('the gzip stream ends, but other bytes follow it');
  }

  const read: ReadInto = async (target, start, end) => {
    while (ready.length === 0) {
      if (failure !== undefined) throw failure;
      if (ended) return 0;
      await refill();
    }
    const piece = ready[0];
    if (piece === undefined) return 0;
    const copied = piece.copy(target, start, taken, Math.min(piece.length, taken + end - start));
    taken += copied;
    if (taken === piece.length) {
      ready.shift();
      taken = 0;
    }
    return copied;
  };
  return { read, close: () => gunzip.destroy() };
}

/** Resolves once zlib has taken the input, failed, or ended: after the last member it never calls back (node:zlib). */
function settled(gunzip: Gunzip, feed: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      gunzip.off('end', done);
      gunzip.off('error', done);
      // The callback of a failed write comes a tick before its event; a turn of the loop later both are there.
      setImmediate(resolve);
    };
    gunzip.once('end', done);
    gunzip.once('error', done);
    feed(done);
  });
}

/** After the last member only zero bytes may follow, as tapes and archives pad; anything else would be dropped in silence. */
async function onlyZeros(rest: Buffer, readFile: ReadInto): Promise<boolean> {
  let piece = rest;
  do {
    if (piece.some((byte) => byte !== 0)) return false;
    const next = Buffer.allocUnsafe(GZIP_SLICE_BYTES);
    piece = next.subarray(0, await readFile(next, 0, next.length));
  } while (piece.length > 0);
  return true;
}
