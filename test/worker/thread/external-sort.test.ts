import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compareIds } from '../../../src/shared/domain/ids.ts';
import { externalSort } from '../../../src/worker/thread/external-sort.ts';
import { idOfKey, sortKey } from '../../../src/worker/thread/sort-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-sort-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function sortIn(memoryBytes: number, keys: readonly Buffer[], size = 8): readonly string[] {
  const sort = externalSort(folder, memoryBytes);
  for (const [i, key] of keys.entries()) sort.add(key, Buffer.alloc(size, `${i}|`));
  return [...sort.sorted()].map(
    ({ key, payload }) => `${key.toString('hex')} ${payload.length} ${payload.subarray(0, 6)}`,
  );
}

describe('an external sort', () => {
  test.each([
    ['of nothing', 1000, 0, 8],
    ['in memory', 1e9, 1000, 8],
    ['in many runs', 2000, 1000, 8],
    ['of records larger than a read', 1_000_000, 20, 300_000],
  ])('%s', (_, memory, count, size) => {
    const keys = Array.from({ length: count }, (_, i) => Buffer.from(`k${(i * 7919) % 100}`));
    const expected = keys
      .map((key, i) => ({ key, text: `${key.toString('hex')} ${size} ${`${i}|`.repeat(6).slice(0, 6)}` }))
      // A stable sort: readings of one id stay in their order.
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .map(({ text }) => text);
    expect(sortIn(memory, keys, size)).toEqual(expected);
  });

  test('writes to disk only what is past its memory', () => {
    const keys = Array.from({ length: 100 }, (_, i) => Buffer.from(String(i)));
    sortIn(1e6, keys);
    expect(readdirSync(folder)).toEqual([]);
    sortIn(10_000, keys);
    expect(readdirSync(folder).length).toBeGreaterThan(1);
  });
});

describe('a sort key', () => {
  test('has the order of integers, and gives the integer back', () => {
    const integers = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -3n, max: 3n }));
    fc.assert(
      fc.property(integers, integers, (a, b) => {
        expect(Math.sign(Buffer.compare(sortKey(a), sortKey(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(idOfKey(sortKey(a), 'long')).toBe(String(a));
      }),
    );
  });

  test('has the order of strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        const order = Buffer.compare(sortKey(a), sortKey(b));
        expect(Math.sign(order)).toBe(Math.sign(compareIds('string:string', a, b)));
        expect(idOfKey(sortKey(a), 'string:string')).toBe(a);
      }),
    );
  });
});
