import { serialize } from 'bson';
import { describe, expect, it } from 'vitest';
import { dateFields, readSample } from '../../src/coordinator/sample.ts';
import type { RawBatch, Source } from '../../src/shared/ports/source.ts';

function sourceOf(batches: readonly (readonly object[])[]): Source & { readonly given: number } {
  let given = 0;
  return {
    get given() {
      return given;
    },
    description: 'fake',
    namespace: { database: 'd', collection: 'c' },
    clock: async () => ({ kind: 'live', serverTime: undefined, lastMajorityWrite: undefined }),
    estimate: async () => ({ documents: undefined, bytes: undefined }),
    ranges: async (scope) => [{ scope, part: null }],
    async *read(): AsyncGenerator<RawBatch> {
      for (const batch of batches) {
        given++;
        const documents = batch.map((document) => Buffer.from(serialize(document)));
        const offsets = documents.map((_, index) =>
          documents.slice(0, index).reduce((sum, one) => sum + one.length, 0),
        );
        yield { bytes: Buffer.concat(documents), offsets };
      }
    },
    indexes: async () => [],
    close: async () => {},
  };
}

describe('a sample', () => {
  const at = new Date(0);

  it('is of the first batch, and no more is read', async () => {
    const source = sourceOf([[{ _id: 1, a: at }, { _id: 2 }], [{ _id: 3, b: at }]]);
    const sample = await readSample(source);
    expect(sample.documents).toBe(2);
    expect(dateFields(sample)).toEqual([{ path: 'a', documents: 1 }]);
    expect(source.given).toBe(1);
  });

  it('of an empty collection has no documents', async () => {
    expect(await readSample(sourceOf([]))).toEqual({ documents: 0, fields: new Map() });
  });

  it('stops at its limit, and passes over what can not be stored', async () => {
    const sample = await readSample(sourceOf([[{ a: at }, { _id: 2, a: at }, { _id: 3, z: at }]]), { limit: 2 });
    expect(sample.documents).toBe(2);
    expect(dateFields(sample).map(({ path }) => path)).toEqual(['a']);
  });

  it('finds dates in objects, not in arrays, nor what is now and then one', async () => {
    const sample = await readSample(
      sourceOf([
        [
          { _id: 1, meta: { at, deep: { er: at } }, list: [{ at }], mixed: at },
          { _id: 2, mixed: 'text', meta: { at } },
        ],
      ]),
    );
    expect(dateFields(sample)).toEqual([
      { path: 'meta.at', documents: 2 },
      { path: 'meta.deep.er', documents: 1 },
      { path: 'mixed', documents: 1 },
    ]);
  });
});
