import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compactFiles, joinedFiles, MOST_JOINED } from '../../../src/shared/domain/joins.ts';
import type { BaseFile } from '../../../src/shared/domain/plan.ts';

/** Files of these sizes, in id order; those of 0 bytes have no rows. */
function files(sizes: readonly number[]): readonly BaseFile[] {
  const bound = (i: number) => (i === 0 || i === sizes.length ? null : String(i).padStart(4, '0'));
  return sizes.map((size, i) => ({ path: `f${i}`, size, rows: size, lower: bound(i), upper: bound(i + 1) }));
}

/** The names of the files that become one, each time. */
function joined(sizes: readonly number[], target: number): readonly (readonly string[])[] | undefined {
  const compacted = compactFiles(files(sizes), target);
  return compacted && joinedFiles(compacted.base, compacted.joins).map((own) => own.map(({ path }) => path));
}

describe('a partition', () => {
  it.each<[string, number[], string[][] | undefined]>([
    ['without files', [], undefined],
    ['of one small file', [10], undefined],
    ['of two small files', [10, 20], [['f0', 'f1']]],
    ['of files of half the target', [50, 50, 50], undefined],
    [
      'of small files that do not fit into one',
      [40, 40, 40, 40, 40],
      [
        ['f0', 'f1'],
        ['f2', 'f3'],
      ],
    ],
    ['of small files that fit exactly', [30, 30, 40, 49], [['f0', 'f1', 'f2']]],
    ['whose small files are no neighbours', [10, 90, 10, 90, 10], undefined],
    [
      'with small files around a large one',
      [10, 10, 90, 10, 10, 10],
      [
        ['f0', 'f1'],
        ['f3', 'f4', 'f5'],
      ],
    ],
    ['with a file without rows beside a small one', [10, 0, 90], [['f0', 'f1']]],
    ['with a file without rows between large ones', [90, 0, 90], undefined],
  ])('%s', (_, sizes, expected) => {
    expect(joined(sizes, 100)).toEqual(expected);
  });

  it('of which no file has a row loses them all', () => {
    expect(compactFiles(files([0, 0, 0]), 100)).toEqual({ base: files([0, 0, 0]), joins: [] });
    expect(compactFiles(files([0]), 100)).toEqual({ base: files([0]), joins: [] });
  });

  it('of very many files is compacted in steps', () => {
    const sizes = Array.from({ length: 2 * MOST_JOINED + 1 }, () => 1);
    expect(compactFiles(files(sizes), 1e6)?.joins).toEqual([MOST_JOINED, MOST_JOINED]);
  });
});

test('small neighbours that fit together become one, nothing else is touched, and the ranges tile', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 40 }), checkCompacted));
});

function checkCompacted(sizes: readonly number[]): void {
  const target = 100;
  const all = files(sizes);
  const compacted = compactFiles(all, target);
  const groups = joinedFiles(compacted?.base ?? [], compacted?.joins ?? []);
  const bytesOf = (own: readonly BaseFile[]) => own.reduce((sum, { size }) => sum + size, 0);
  for (const own of groups) {
    expect(own.length).toBeGreaterThan(1);
    expect(bytesOf(own)).toBeLessThanOrEqual(target);
    for (const [i, file] of own.entries()) {
      expect(file.size).toBeLessThan(target / 2);
      if (i > 0) expect(file.lower).toBe(own[i - 1]?.upper);
    }
  }
  if (compacted === undefined || compacted.joins.length === 0) return;
  expect(groups.flat()).toEqual(compacted.base);
  const lasts = new Map(groups.map((own) => [own[0]?.path, own]));
  const gone = new Set(compacted.base.map(({ path }) => path));
  const after = all.flatMap((file) => {
    const own = lasts.get(file.path);
    if (own !== undefined)
      return [{ ...file, size: bytesOf(own), rows: bytesOf(own), upper: own.at(-1)?.upper ?? null }];
    return gone.has(file.path) ? [] : [file];
  });
  expect(after[0]?.lower ?? null).toBeNull();
  expect(after.at(-1)?.upper ?? null).toBeNull();
  for (const [i, file] of after.entries()) if (i > 0) expect(file.lower).toBe(after[i - 1]?.upper);
  // Files of these sizes are left alone by another compaction.
  expect(compactFiles(after, target)).toBeUndefined();
}
