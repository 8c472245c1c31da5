import { describe, expect, it } from 'vitest';
import { dataFiles } from '../../src/coordinator/files.ts';
import type { AddFile } from '../../src/shared/domain/delta/actions.ts';

const add = (path: string, more: Partial<AddFile> = {}): [string, AddFile] => [
  path,
  { path, partitionValues: {}, size: 7, modificationTime: 1, dataChange: false, ...more },
];
const own = { tags: { 'mongolake.partition': '3' }, stats: '{"numRecords":5}' };

describe('the files of a version', () => {
  it('have URIs that engines read, rows, size and partition, in the order of their keys', () => {
    const files = new Map([add('data/000003/b.parquet', own), add('data/000001/a.parquet')]);
    expect(dataFiles({ files }, 's3://lake/guest')).toEqual([
      { uri: 's3://lake/guest/data/000001/a.parquet', rows: 0, bytes: 7, partition: null },
      { uri: 's3://lake/guest/data/000003/b.parquet', rows: 5, bytes: 7, partition: 3 },
    ]);
  });

  it.each([
    ['file:/a/lake', 'data/x.parquet', 'file:///a/lake/data/x.parquet'],
    ['file:/a/la ke%2F', 'data/x%20y.parquet', 'file:///a/la ke%2F/data/x y.parquet'],
    ['s3://lake/guest', 's3://other/x.parquet', 's3://other/x.parquet'],
  ])('of %s, %s is %s', (uri, path, expected) => {
    expect(dataFiles({ files: new Map([add(path)]) }, uri)[0]?.uri).toBe(expected);
  });
});
