import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  absoluteTableUri,
  collectionOfUri,
  fillTableUri,
  tableUriProblem,
} from '../../../src/shared/config/table-uri.ts';

const name = { pipeline: 'p', database: 'd', collection: 'c' };

test.each([
  ['s3://lake/{database}/{collection}/', 's3://lake/d/c'],
  ['file:./lake/{collection}', 'file:/etc/lake/c'],
  ['file:../lake/{pipeline}.{collection}', 'file:/lake/p.c'],
  ['file:/data/{collection}/', 'file:/data/c'],
  ['file:///data/{collection}', 'file:/data/c'],
  ['lake/{collection}', 'file:/etc/lake/c'],
  ['/data/{collection}', 'file:/data/c'],
])('%s leads to %s', (template, expected) => {
  expect(tableUriProblem(template)).toBeUndefined();
  expect(fillTableUri(absoluteTableUri(template, '/etc'), name)).toBe(expected);
});

test.each([
  ['s3://lake/{colection}', 'unknown placeholder (did you mean "{collection}"?)'],
  ['s3://lake/{collection', 'a { or } without its other half'],
  ['s3:lake/{collection}', 'the bucket is missing or not a bucket name; write s3://bucket/folder'],
  ['s3://{database}/{collection}', 'the bucket is missing or not a bucket name; write s3://bucket/folder'],
  ['s3://lake/', 'a folder is missing; write s3://bucket/folder'],
  ['s3://lake//{collection}', 'an empty, "." or ".." segment in the path'],
  ['s3://lake/../{collection}', 'an empty, "." or ".." segment in the path'],
  ['s3://lake/a/_mongolake/{collection}', 'a folder of another table’s own'],
  ['_delta_log', 'a folder of another table’s own'],
  ['gs://lake/{collection}', 'expected s3://bucket/folder, file:./folder or a path'],
  ['file://lake/{collection}', 'a file: URI has no host; write file:/absolute or file:./relative'],
])('%s is refused', (template, expected) => {
  expect(tableUriProblem(template)).toBe(expected);
});

describe('names in a path', () => {
  test.each([
    ['a/b', 'a%2Fb'],
    ['..', '%2E%2E'],
    ['a..b', 'a..b'],
    ['50%*?', '50%25%2A%3F'],
    ['Größe', 'Größe'],
    ['{database}', '%7Bdatabase%7D'],
    ['$&', '$&'],
  ])('%s is the segment %s', (collection, expected) => {
    expect(fillTableUri('s3://lake/{collection}', { ...name, collection })).toBe(`s3://lake/${expected}`);
  });

  test('never leave their segment, and tell which they were', () => {
    const template = 's3://lake/{database}/x{collection}y/{collection}';
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (collection) => {
        const uri = fillTableUri(template, { ...name, collection });
        expect(uri.split('/')).toHaveLength(6);
        expect(uri.split('/')).not.toContain('..');
        expect(collectionOfUri(template, name, uri)).toBe(collection);
      }),
    );
  });
});
