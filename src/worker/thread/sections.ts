import { closeSync, openSync, readSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { MongolakeError } from '../../shared/domain/errors.ts';
import type { LocalSection } from './engine.ts';

/** The sections' BSON in order, one gzip member at a time; at most one is in memory. */
export function* sectionChunks(sections: readonly LocalSection[]): Generator<Buffer> {
  for (const section of sections) {
    const file = openSync(section.path, 'r');
    try {
      for (const chunk of section.chunks) {
        yield unpacked(file, section.segment, chunk);
      }
    } finally {
      closeSync(file);
    }
  }
}

type Chunk = LocalSection['chunks'][number];

/** gzip has a CRC-32 and the length of what was packed, which unpacking verifies. */
function unpacked(file: number, segment: string, { length, rawLength }: Chunk): Buffer {
  const packed = Buffer.allocUnsafe(length);
  const read = readSync(file, packed, 0, length, null);
  if (read !== length) throw corrupt(segment, `${read} bytes instead of ${length}`);
  let documents: Buffer;
  try {
    documents = gunzipSync(packed, { maxOutputLength: rawLength + 1 });
  } catch (error) {
    throw corrupt(segment, `not ${rawLength} bytes in gzip: ${(error as Error).message}`, error);
  }
  if (documents.length !== rawLength)
    throw corrupt(segment, `${documents.length} bytes unpacked instead of ${rawLength}`);
  return documents;
}

function corrupt(segment: string, what: string, cause?: unknown): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `a chunk of ${segment} has ${what}`, {
    hint: 'It is read anew when the job is tried again.',
    cause,
  });
}
