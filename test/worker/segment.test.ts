import { expect, test } from 'vitest';
import { checksumOf } from '../../src/shared/domain/checksum.ts';
import { pack, unpackBlocks } from '../../src/shared/packing.ts';
import { createSegment } from '../../src/worker/segment.ts';
import type { PackedBlock } from '../../src/worker/thread/distribution.ts';

const block = (partition: number, text: string): PackedBlock => ({
  partition,
  packed: pack(Buffer.from(text)),
  rawLength: text.length,
  documents: 1,
});

test('what is held is written partition by partition, one chunk for each, and its place is noted', () => {
  const segment = createSegment();
  segment.add([block(5, 'five'), block(0, 'a')]);
  segment.add([block(5, 'FIVE!'), block(2, 'two')]);
  expect(segment.held).toBeGreaterThan(0);
  const first = Buffer.concat([...segment.flush()]);
  expect(segment.held).toBe(0);
  segment.add([block(5, 'later')]);
  const object = Buffer.concat([first, ...segment.flush()]);
  expect(segment.written).toBe(object.length);
  const found = Object.entries(segment.index).map(([partition, chunks]) => [
    partition,
    ...chunks.map(({ offset, length, rawLength, documents, crc32 }) => {
      const bytes = object.subarray(offset, offset + length);
      expect(checksumOf(bytes)).toBe(crc32);
      const texts = [...unpackBlocks(bytes)].map(String);
      expect(texts.join('').length).toBe(rawLength);
      expect(texts.length).toBe(documents);
      return texts.join(' ');
    }),
  ]);
  expect(found).toEqual([
    ['0', 'a'],
    ['2', 'two'],
    ['5', 'five FIVE!', 'later'],
  ]);
});
