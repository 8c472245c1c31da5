import { describe, expect, test } from 'vitest';
import {
  addCounts,
  checkExtract,
  checkMerge,
  checkReplace,
  checkRun,
  NO_COUNTS,
} from '../../../src/shared/domain/books.ts';
import type { MergeInput } from '../../../src/shared/domain/plan.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from '../../../src/shared/domain/receipt.ts';

const COUNTS: Counts = {
  read: 28,
  inserted: 7,
  updated: 6,
  deleted: 5,
  unchanged: 4,
  superseded: 3,
  quarantined: 3,
  erased: 4,
};

const chunk = (documents: number) => ({ offset: 0, length: 1, rawLength: 1, documents, crc32: '00000000' });

const QUARANTINED = { digest: 'd', id: '1', reason: 'r', place: 'p', bytes: 5, object: 'o' };

const EXTRACT: ExtractReceipt = {
  kind: 'extract',
  run: 'r',
  ordinal: 3,
  attempt: 'a',
  segment: 's',
  documents: 10,
  bytes: 100,
  segmentBytes: 10,
  quarantine: [QUARANTINED],
  minCursor: null,
  partitions: { 0: [chunk(4), chunk(2)], 7: [chunk(3)] },
  sketch: { ids: {}, idExamples: {}, fields: [] },
  durationMs: 1,
};

const file = (path: string, rows: number) => ({ path, size: 1, rows, lower: null, upper: null });
const INPUT: MergeInput = { partition: 5, documents: 28, base: [file('a', 100), file('b', 50)], sections: [] };

function receipt(over: Partial<MergeReceipt> = {}): MergeReceipt {
  return {
    kind: 'merge',
    run: 'r',
    partition: 5,
    attempt: 'a',
    counts: COUNTS,
    segments: [],
    removed: ['a'],
    added: [
      { ...file('c', 60), stats: '{}' },
      { ...file('d', 42), stats: '{}' },
    ],
    bytesRead: 1,
    bytesWritten: 1,
    durationMs: 1,
    ...over,
  };
}

test('documents of erased ids are accounted for, in a job and in the run', () => {
  const left = { ...EXTRACT, documents: 12, erased: 2 };
  expect(() => checkExtract(left)).not.toThrow();
  expect(() => checkExtract({ ...left, erased: 1 })).toThrow(/12 expected, 11 accounted/);
  const only = { ...left, partitions: {}, quarantine: [], documents: 2 };
  expect(checkRun([only], [], [])).toEqual({ ...NO_COUNTS, read: 2, erased: 2 });
});

test('counts add up one by one', () => {
  expect(addCounts(COUNTS, NO_COUNTS)).toEqual(COUNTS);
  const twice = addCounts(COUNTS, COUNTS);
  for (const key of Object.keys(COUNTS) as (keyof Counts)[]) expect(twice[key]).toBe(2 * COUNTS[key]);
});

describe('an extract job', () => {
  test('balances where every document is in a section or in quarantine', () => {
    expect(() => checkExtract(EXTRACT)).not.toThrow();
    expect(() => checkExtract({ ...EXTRACT, documents: 0, quarantine: [], partitions: {} })).not.toThrow();
  });

  test.each([
    ['a document too few', { documents: 11 }],
    ['a document too many', { documents: 9 }],
    ['one forgotten in quarantine', { quarantine: [] }],
  ])('with %s does not', (_, over) => {
    expect(() => checkExtract({ ...EXTRACT, ...over })).toThrow('extract job 3: ');
  });
});

describe('a merge job', () => {
  test('balances where all documents have one outcome and all rows are there', () => {
    expect(() => checkMerge(INPUT, receipt())).not.toThrow();
    const nothing = receipt({ counts: { ...NO_COUNTS, read: 28, unchanged: 28 }, removed: [], added: [] });
    expect(() => checkMerge(INPUT, nothing)).not.toThrow();
  });

  test.each([
    ['a document that was shuffled to it but not read', { counts: { ...COUNTS, read: 27, unchanged: 3 } }],
    ['a document read without an outcome', { counts: { ...COUNTS, superseded: 2 } }],
    ['a row lost', { added: [{ ...file('c', 101), stats: '{}' }] }],
    ['a row twice', { added: [{ ...file('c', 103), stats: '{}' }] }],
    ['a file dropped', { removed: ['a', 'b'] }],
    ['a file kept beside its successor', { removed: [] }],
    ['a file replaced that it was not given', { removed: ['a', 'x'] }],
  ])('with %s does not', (_, over) => {
    expect(() => checkMerge(INPUT, receipt(over))).toThrow('partition 5');
  });

  test('is of no use for other segments than those that it read, however many documents these have', () => {
    const input = { ...INPUT, sections: ['s1', 's2'].map((segment, ordinal) => ({ ordinal, segment, chunks: [] })) };
    expect(() => checkMerge(input, receipt({ segments: ['s1', 's2'] }))).not.toThrow();
    for (const segments of [['s1', 'twin'], ['s2', 's1'], ['s1'], ['s1', 's2', 's3'], []])
      expect(() => checkMerge(input, receipt({ segments }))).toThrow('partition 5, segments: ');
  });

  test('says what it expected and found, and that nothing was committed', () => {
    expect(() => checkMerge(INPUT, receipt({ removed: [] }))).toThrow(
      'partition 5, rows: 2 expected, 102 accounted for; nothing was committed',
    );
  });
});

describe('a run that replaces the table', () => {
  const old = [file('a', 100), file('b', 50)];
  const input: MergeInput = { partition: 5, documents: 9, base: [], sections: [] };
  const extracted: ExtractReceipt = { ...EXTRACT, partitions: { 5: [chunk(9)] } };
  const merged = receipt({
    counts: { ...NO_COUNTS, read: 9, inserted: 7, superseded: 2 },
    removed: [],
    added: [{ ...file('c', 7), stats: '{}' }],
  });

  test('counts the rows of the old version as deleted, all of them', () => {
    expect(checkReplace([extracted], [input], [merged], old)).toEqual({
      ...NO_COUNTS,
      read: 10,
      inserted: 7,
      superseded: 2,
      quarantined: 1,
      deleted: 150,
    });
  });

  test('never meets one of them', () => {
    const met = {
      ...merged,
      counts: { ...merged.counts, inserted: 6, updated: 1 },
      added: [{ ...file('c', 6), stats: '{}' }],
    };
    expect(() => checkReplace([extracted], [input], [met], old)).toThrow(/rows of the old version met: 0 expected, 1/);
    // A deletion that has no row to meet.
    const deletion = { ...met, counts: { ...met.counts, updated: 0, unchanged: 1 } };
    expect(checkReplace([extracted], [input], [deletion], old)).toMatchObject({ inserted: 6, unchanged: 1 });
    const removing = { ...merged, removed: ['a'] };
    expect(() => checkReplace([extracted], [input], [removing], old)).toThrow(/files replaced: 0 expected, 1/);
  });
});
