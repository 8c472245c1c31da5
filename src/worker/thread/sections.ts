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
        yield unpacked(file, chunk.length, chunk.rawLength);
      }
    } finally {
      closeSync(file);
    }
  }
}

function unpacked(file: number, length: number, rawLength: number): Buffer {
  const packed = Buffer.allocUnsafe(length);
  const read = readSync(file, packed, 0, length, null);
  if (read !== length) throw corrupt(`${read} bytes instead of ${length}`);
  let documents: Buffer;
  try {
    documents = gunzipSync(packed, { maxOutputLength: rawLength + 1 });
  } catch (error) {
    throw corrupt(`not ${rawLength} bytes in gzip: ${(error as Error).message}`, error);
  }
  if (documents.length !== rawLength) throw corrupt(`${documents.length} bytes unpacked instead of ${rawLength}`);
  return documents;
}

function corrupt(what: string, cause?: unknown): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `a chunk of a segment has ${what}`, { cause });
}
