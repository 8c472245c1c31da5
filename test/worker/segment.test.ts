import { expect, test } from 'vitest';
import { createSegment } from '../../src/worker/segment.ts';
import type { PackedChunk } from '../../src/worker/thread/shuffle.ts';

const chunk = (partition: number, text: string): PackedChunk => ({
  partition,
  packed: Buffer.from(text),
  rawLength: text.length * 2,
  documents: 1,
  crc32: text,
});

test('what is held is written partition by partition, and its place is noted', () => {
  const segment = createSegment();
  segment.add([chunk(5, 'five'), chunk(0, 'a')]);
  segment.add([chunk(5, 'FIVE!'), chunk(2, 'two')]);
  expect(segment.held).toBe(13);
  expect(Buffer.concat([...segment.flush()]).toString()).toBe('atwofiveFIVE!');
  expect(segment.held).toBe(0);
  segment.add([chunk(5, 'later')]);
  expect(Buffer.concat([...segment.flush()]).toString()).toBe('later');
  expect(segment.written).toBe(18);
  const placed = Object.entries(segment.index).map(([partition, chunks]) => [
    partition,
    ...chunks.map(({ offset, length, crc32 }) => `${offset}+${length} ${crc32}`),
  ]);
  expect(placed).toEqual([
    ['0', '0+1 a'],
    ['2', '1+3 two'],
    ['5', '4+4 five', '8+5 FIVE!', '13+5 later'],
  ]);
});
