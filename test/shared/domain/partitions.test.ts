import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash32, partitionOf } from '../../../src/shared/domain/hash.ts';
import {
  isPartitionCount,
  newPartitions,
  partitionCount,
  rewriteGroups,
} from '../../../src/shared/domain/partitions.ts';

const MB = 1024 * 1024;

test.each([
  ['configured', 8, 1e12, 8],
  ['unknown size', 'auto', undefined, 16],
  ['nothing', 'auto', 0, 4],
  ['a little', 'auto', 1, 4],
  ['just what four hold', 'auto', 4 * 128 * MB, 4],
  ['a byte more', 'auto', 4 * 128 * MB + 1, 8],
  ['ten gigabytes', 'auto', 10_000 * MB, 128],
  ['a petabyte', 'auto', 1e15, 1024],
] as const)('partitions of a new table: %s', (_, configured, bytes, expected) => {
  expect(partitionCount(configured, bytes)).toBe(expected);
});

test('auto is always a power of two', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e15, noNaN: true }), (bytes) => {
      expect(Math.log2(partitionCount('auto', bytes)) % 1).toBe(0);
    }),
  );
});

test('doubling the partitions splits each in two', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 10 }), (hash, power) => {
      const n = 2 ** power;
      const half = partitionOf(hash, n);
      expect(half).toBeGreaterThanOrEqual(0);
      expect(half).toBeLessThan(n);
      expect([half, half + n]).toContain(partitionOf(hash, 2 * n));
    }),
  );
});

test.each([0, 0.5, 3, 65_536 * 2, -4, Number.NaN])('%d is no number of partitions', (count) => {
  expect(isPartitionCount(count)).toBe(false);
});

test('whatever becomes of the number, a row stays in its group, and the groups make every new partition once', () => {
  const powers = fc.integer({ min: 0, max: 8 }).map((power) => 2 ** power);
  fc.assert(
    fc.property(powers, powers, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (from, to, hash) => {
      const groups = rewriteGroups({ from, to });
      const made = Array.from({ length: groups }, (_, group) => newPartitions(group, { from, to }));
      expect(made.flat().toSorted((a, b) => a - b)).toEqual([...Array(to).keys()]);
      expect(made[partitionOf(partitionOf(hash, from), groups)]).toContain(partitionOf(hash, to));
    }),
  );
});

// Values that other implementations of XXH32 publish.
test('the hash is XXH32', () => {
  expect(hash32(Buffer.from(''), 0)).toBe(0x02cc5d05);
  expect(hash32(Buffer.from('a'), 0)).toBe(0x550d7456);
  expect(hash32(Buffer.from('abc'), 0)).toBe(0x32d153ff);
  expect(hash32(Buffer.from('Nobody inspects the spammish repetition'), 0)).toBe(0xe2293b2f);
  expect(hash32(Buffer.from('abc'), 1)).not.toBe(hash32(Buffer.from('abc'), 2));
});

test('the hash reads a view as it is, and a buffer of 16 MB', () => {
  const bytes = Buffer.from('xxabcyy');
  expect(hash32(bytes.subarray(2, 5), 0)).toBe(0x32d153ff);
  const long = Buffer.alloc(16 * MB, 'ab');
  expect(hash32(long, 0)).toBe(hash32(Buffer.from(long), 0));
  expect(hash32(Buffer.from('abc'), 0)).toBe(0x32d153ff);
});
