import { closeSync, openSync, readSync } from 'node:fs';
import { checksumOf } from '../../shared/domain/checksum.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { unpack } from '../../shared/packing.ts';
import type { LocalSection } from './engine.ts';

/** The sections' BSON in order, one chunk at a time; at most one is in memory. */
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

function unpacked(file: number, segment: string, { length, rawLength, crc32 }: Chunk): Buffer {
  const packed = Buffer.allocUnsafe(length);
  const read = readSync(file, packed, 0, length, null);
  if (read !== length) throw corrupt(segment, `${read} bytes instead of ${length}`);
  if (checksumOf(packed) !== crc32) throw corrupt(segment, 'another checksum than its receipt says');
  const documents = unpack(packed);
  if (documents.length !== rawLength)
    throw corrupt(segment, `${documents.length} bytes unpacked instead of ${rawLength}`);
  return documents;
}

function corrupt(segment: string, what: string): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `a chunk of ${segment} has ${what}`, {
    hint: 'It is read anew when the job is tried again.',
  });
}
