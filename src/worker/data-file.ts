import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { type Checksum, startChecksum } from '../shared/domain/checksum.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { BaseFile } from '../shared/domain/plan.ts';
import { scratchError } from '../shared/domain/scratch.ts';
import type { Storage } from '../shared/ports/storage.ts';

/**
 * Fetches a data file of the table to `path`. Throws `OBJECT_CORRUPT` where what arrived has not the size, or not the checksum, that the
 * table's log has of it (older entries have no checksum); the errors of `download`.
 */
export async function downloadDataFile(
  storage: Storage,
  file: Pick<BaseFile, 'path' | 'size' | 'crc32'>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { size, crc32 } = await storage.download(file.path, path, signal);
  if (size !== file.size) throw corrupt(storage, file.path, `${size} bytes, and the table's log says ${file.size}`);
  if (file.crc32 !== undefined && crc32 !== file.crc32)
    throw corrupt(storage, file.path, `the checksum ${crc32}, and the table's log says ${file.crc32}`);
}

/** Uploads the local file at `path`, of `size` bytes, to `key`; its CRC-32 as 8 hex digits. Errors: `OBJECT_CORRUPT`, `SCRATCH`, those of `put`. */
export async function uploadDataFile(
  storage: Storage,
  key: string,
  { path, size }: { readonly path: string; readonly size: number },
  signal: AbortSignal,
): Promise<string> {
  const sum = startChecksum();
  const { size: sent } = await storage.put(key, Readable.from(summed(path, sum)), signal);
  if (sent !== size) throw corrupt(storage, key, `${sent} bytes uploaded of ${size}`);
  return sum.text;
}

async function* summed(path: string, sum: Checksum): AsyncGenerator<Buffer> {
  const chunks = createReadStream(path)[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((error: unknown) => {
        throw scratchError(path, error);
      });
      if (done === true) return;
      sum.add(value);
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

function corrupt(storage: Storage, key: string, what: string): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `${storage.uri}/${key}: ${what}`, {
    hint: 'It is read anew when the job is tried again. If it happens again, restore the object from a backup.',
  });
}
