import { describe, expect, it } from 'vitest';
import { chooseFiles, describeRows } from '../../src/cli/head-rows.ts';
import type { BaseFile } from '../../src/shared/domain/plan.ts';

const file = (path: string, size: number, rows: number): BaseFile => ({ path, size, rows, lower: null, upper: null });

describe('the files to read', () => {
  const files = [file('a', 300, 30), file('b', 100, 10), file('c', 100, 10), file('d', 50, 5)];

  it('is the smallest that has the rows', () => {
    expect(chooseFiles(files, 10).map(({ path }) => path)).toEqual(['b']);
    expect(chooseFiles(files, 11).map(({ path }) => path)).toEqual(['a']);
  });

  it('are the longest ones, where none has them all', () => {
    expect(chooseFiles(files, 41).map(({ path }) => path)).toEqual(['a', 'b', 'c']);
    expect(chooseFiles(files, 999).map(({ path }) => path)).toEqual(['a', 'b', 'c', 'd']);
    expect(chooseFiles([], 10)).toEqual([]);
  });
});

describe('rows as text', () => {
  const columns = [
    { name: '_id', numeric: true },
    { name: 'a', numeric: false },
    { name: 'b', numeric: false },
  ];

  it('have nested values as JSON, nulls empty, numbers on the right', () => {
    const rows = [
      [1, 'x', { n: [1, null] }],
      [10, '', null],
    ];
    expect(describeRows(columns, rows, undefined)).toEqual({
      lines: ['_id  a   b', '  1  x   {"n":[1,null]}', ' 10  ""'],
      hidden: [],
    });
  });

  it('have wide cells cut, and what a terminal would act on shown', () => {
    const { lines } = describeRows(columns, [[1, 'a\u001b[31m', 'x'.repeat(50)]], undefined);
    expect(lines[1]).toBe(`  1  a\\u001b[31m  ${'x'.repeat(39)}…`);
  });

  it('leave out the columns that do not fit, after cutting cells narrower', () => {
    const rows = [[1, 'x'.repeat(50), 'y'.repeat(50)]];
    expect(describeRows(columns, rows, 60)).toEqual({
      lines: [`_id  a${' '.repeat(23)}  b`, `  1  ${'x'.repeat(23)}…  ${'y'.repeat(23)}…`],
      hidden: [],
    });
    expect(describeRows(columns, rows, 40).hidden).toEqual(['b']);
    expect(describeRows(columns, rows, 1)).toEqual({ lines: ['_id', '  1'], hidden: ['a', 'b'] });
  });
});
