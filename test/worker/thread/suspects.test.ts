import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { documentsOf } from '../../../src/shared/domain/id-list.ts';
import { createSuspects } from '../../../src/worker/thread/suspects.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mongolake-suspects-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('lists all ids, so many to a list, and tells the first ones, cut short', () => {
  const suspects = createSuspects(folder, 'string:string');
  for (let i = 0; i < 50_001; i++) suspects.add(`${i}`, 'gone');
  suspects.add('x'.repeat(200), 'stale');
  suspects.add('y'.repeat(5_000_000), 'missing');
  suspects.add('last', 'missing');
  suspects.close();
  const { lists, examples, differences } = suspects;
  const counts = lists.map(({ ids }) => ids);
  expect(counts).toEqual([50_000, 3, 1]);
  expect(lists.map(({ path }) => documentsOf(readFileSync(path)).length)).toEqual(counts);
  expect(differences).toEqual({ missing: 2, stale: 1, gone: 50_001 });
  expect([examples.length, examples[0]]).toEqual([1000, { id: '0', difference: 'gone' }]);
});

it('without a difference has no list', () => {
  const suspects = createSuspects(folder, 'long');
  suspects.close();
  expect([suspects.lists, suspects.examples]).toEqual([[], []]);
});
