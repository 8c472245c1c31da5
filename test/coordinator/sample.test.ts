import { Decimal128, type Document, Double, Long, ObjectId, serialize, Timestamp } from 'bson';
import { describe, expect, it } from 'vitest';
import { candidateFields, countHaving, readSample } from '../../src/coordinator/sample.ts';
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
    countWithoutCursor: async () => undefined,
    async *lookUp() {},
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

const at = new Date(0);
const sampleOf = (...documents: readonly Document[]) => documents.map((one) => Buffer.from(serialize(one)));

describe('a sample', () => {
  it('is of the first batch, and no more is read', async () => {
    const source = sourceOf([[{ _id: 1, a: at }, { _id: 2 }], [{ _id: 3, b: at }]]);
    expect(await readSample(source)).toEqual(sampleOf({ _id: 1, a: at }, { _id: 2 }));
    expect(source.given).toBe(1);
  });

  it('of an empty collection has no documents, and stops at its limit', async () => {
    expect(await readSample(sourceOf([]))).toEqual([]);
    expect(await readSample(sourceOf([[{ _id: 1 }, { _id: 2 }, { _id: 3 }]]), { limit: 2 })).toHaveLength(2);
  });

  it('counts the documents that have a cursor, broken ones as without', () => {
    const broken = Buffer.from(serialize({ a: 1, at }));
    broken[4] = 0x77;
    const sample = [...sampleOf({ at }, { at: 5 }, {}, { at: new Timestamp({ t: 1, i: 1 }) }), broken];
    expect(countHaving(sample, { field: 'at', type: 'date' })).toBe(1);
    expect(countHaving(sample, { field: 'at', type: 'timestamp' })).toBe(1);
    expect(countHaving(sample, { field: 'at', type: 'epochSeconds' })).toBe(1);
  });
});

describe('candidates', () => {
  it('are within objects, not within arrays, and also what is now and then one', () => {
    const sample = sampleOf(
      { _id: 1, meta: { at, deep: { er: at } }, list: [{ at }], mixed: at },
      { _id: 2, mixed: 'text', meta: { at } },
    );
    expect(candidateFields(sample)).toEqual([
      { field: 'meta.at', type: 'date', documents: 2 },
      { field: 'meta.deep.er', type: 'date', documents: 1 },
      { field: 'mixed', type: 'date', documents: 1 },
    ]);
  });

  it.each([
    ['the first second of 2000', 946_684_800, 'epochSeconds'],
    ['the one before', 946_684_799, undefined],
    ['the last second of 2099', new Double(4_102_444_799.5), 'epochSeconds'],
    ['the one after', 4_102_444_800, undefined],
    ['a millisecond of 2026', Long.fromNumber(1_770_000_000_000), 'epochMilliseconds'],
    ['a decimal', Decimal128.fromString('1770000000000.5'), 'epochMilliseconds'],
    ['microseconds', Long.fromNumber(1_770_000_000_000_000), undefined],
    ['a timestamp', new Timestamp({ t: 1, i: 1 }), 'timestamp'],
    ['an ObjectId of another document', new ObjectId(), undefined],
    ['a text', '1770000000', undefined],
  ])('%s', (_name, value, type) => {
    expect(candidateFields(sampleOf({ v: value })).map((one) => one.type)).toEqual(type === undefined ? [] : [type]);
  });

  it('are of several types where the field is', () => {
    expect(candidateFields(sampleOf({ v: at }, { v: 1_770_000_000 }, { v: at }))).toEqual([
      { field: 'v', type: 'date', documents: 2 },
      { field: 'v', type: 'epochSeconds', documents: 1 },
    ]);
  });
});
