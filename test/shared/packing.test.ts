import snappyjs from 'snappyjs';
import { expect, test } from 'vitest';
import { pack, unpack } from '../../src/shared/packing.ts';
import { pattern } from '../contracts/storage-contract-tools.ts';

test('what native code packs the portable code unpacks, and the other way round', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.from('abc'.repeat(10_000)), pattern(300_000)]) {
    expect(unpack(pack(bytes)).equals(bytes)).toBe(true);
    expect(Buffer.from(snappyjs.uncompress(pack(bytes))).equals(bytes)).toBe(true);
    expect(unpack(Buffer.from(snappyjs.compress(bytes))).equals(bytes)).toBe(true);
  }
});

test('text gets smaller', () => {
  expect(pack(Buffer.from('abc'.repeat(10_000))).length).toBeLessThan(2000);
});
