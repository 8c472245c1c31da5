import { describe, expect, it } from 'vitest';
import { deltaDocuments, deltaFacts, recentIndexes, uniformIndexes } from '../../../bench/data/delta.ts';
import { documentAt } from '../../../bench/data/document.ts';

const BASE = { seed: 3, rows: 50_000 };
const KINDS = ['uniform', 'recent', 'worst'] as const;

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? Number.NaN));
}

describe('a delta', () => {
  it('that is uniform has as many from each part of the collection', () => {
    const indexes = uniformIndexes(1000, BASE);
    expect(indexes).toHaveLength(1000);
    expect(isAscending(indexes)).toBe(true);
    for (let tenth = 0; tenth < 10; tenth++) {
      const own = indexes.filter((index) => Math.floor(index / 5000) === tenth);
      expect(own).toHaveLength(100);
    }
  });

  it('that is recent has 95% among the newest 5%, and nearly all among the newest 15%', () => {
    const indexes = recentIndexes(1000, BASE);
    expect(indexes).toHaveLength(1000);
    expect(isAscending(indexes)).toBe(true);
    expect(indexes.every((index) => index >= 0 && index < BASE.rows)).toBe(true);
    const newest = (share: number) => indexes.filter((index) => index >= BASE.rows * (1 - share)).length;
    expect(newest(0.05)).toBeGreaterThan(940);
    expect(newest(0.05)).toBeLessThan(960);
    expect(newest(0.15)).toBeGreaterThan(995);
  });

  it('that is recent takes older ones where there are not enough of the newest', () => {
    const indexes = recentIndexes(50, { seed: 3, rows: 60 });
    expect(isAscending(indexes)).toBe(true);
    expect(indexes[0]).toBeGreaterThanOrEqual(0);
    expect(indexes.at(-1)).toBe(59);
  });

  it.each(KINDS)('that is %s brings what it says, a fiftieth of the rows, in the order of ids', (kind) => {
    const there = new Set(Array.from({ length: BASE.rows }, (_, i) => documentAt(i, BASE)._id.toHexString()));
    const ids = [...deltaDocuments(kind, BASE)].map(({ _id }) => _id.toHexString());
    expect(ids).toEqual([...new Set(ids)].sort());
    const updated = ids.filter((id) => there.has(id)).length;
    expect({ documents: ids.length, updated, inserted: ids.length - updated }).toEqual(deltaFacts(kind, BASE));
    expect(ids).toHaveLength(1000);
    expect(deltaFacts(kind, BASE).inserted).toBe(kind === 'worst' ? 500 : 0);
  });
});
