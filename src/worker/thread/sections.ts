import { closeSync, openSync, readSync } from 'node:fs';
import { checksumOf } from '../../shared/domain/checksum.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { unpackBlocks } from '../../shared/packing.ts';
import type { LocalSection } from './engine.ts';

/** The sections' BSON in order, one block at a time; of one chunk the packed bytes are in memory. */
export function* sectionBlocks(sections: readonly LocalSection[]): Generator<Buffer> {
  for (const section of sections) {
    const file = openSync(section.path, 'r');
    try {
      for (const chunk of section.chunks) yield* blocksOf(file, section.segment, chunk);
    } finally {
      closeSync(file);
    }
  }
}

type Chunk = LocalSection['chunks'][number];

function* blocksOf(file: number, segment: string, { length, rawLength, crc32 }: Chunk): Generator<Buffer> {
  const packed = Buffer.allocUnsafe(length);
  const read = readSync(file, packed, 0, length, null);
  if (read !== length) throw corrupt(segment, `${read} bytes instead of ${length}`);
  if (checksumOf(packed) !== crc32) throw corrupt(segment, 'another checksum than its receipt says');
  let unpacked = 0;
  for (const documents of unpackBlocks(packed)) {
    unpacked += documents.length;
    yield documents;
  }
  if (unpacked !== rawLength) throw corrupt(segment, `${unpacked} bytes unpacked instead of ${rawLength}`);
}

function corrupt(segment: string, what: string): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `a chunk of ${segment} has ${what}`, {
    hint: 'It is read anew when the job is tried again.',
  });
}
