import { createHash } from 'node:crypto';
import { calculateObjectSize, EJSON, serialize } from 'bson';
import { describe, expect, it } from 'vitest';
import {
  AS_OF,
  type BenchDocument,
  CHANGED_AS_OF,
  documentAt,
  insertedAfter,
  withAllChanged,
  withStatusChanged,
} from '../../../bench/data/document.ts';

const BASE = { seed: 1, rows: 2000 };
const INDEXES = Array.from({ length: BASE.rows }, (_, i) => i);

function differing(a: BenchDocument, b: BenchDocument): string[] {
  return Object.keys(a).filter((key) => {
    const [one, other] = [a, b].map((document) => EJSON.stringify(document[key as keyof BenchDocument]));
    return one !== other;
  });
}

describe('documents of the bench', () => {
  it('are the same bytes for the same seed, on every machine', () => {
    const hash = createHash('sha256');
    for (const index of INDEXES) hash.update(serialize(documentAt(index, BASE)));
    expect(hash.digest('hex')).toBe('7cf3d2728ddd6b0c21db16608c06aad97ea957d357fdb1dc640258bf7abff1c1');
  });

  it('have 14 fields and about 346 bytes, ascending ids, and end before the dump starts', () => {
    const documents = INDEXES.map((index) => documentAt(index, BASE));
    const bytes = documents.reduce((sum, document) => sum + calculateObjectSize(document), 0) / BASE.rows;
    expect(Math.abs(bytes - 346)).toBeLessThan(2);
    const ids = documents.map(({ _id }) => _id.toHexString());
    expect(ids).toEqual([...new Set(ids)].sort());
    for (const document of documents) {
      expect(Object.keys(document)).toHaveLength(14);
      expect(document.updateTime.getTime()).toBeLessThan(AS_OF);
    }
  });

  it('change in their status and time, or in every field but the id, after the dump and before the next', () => {
    for (const index of INDEXES) {
      const before = documentAt(index, BASE);
      expect(differing(before, withStatusChanged(index, BASE))).toEqual(['status', 'updateTime']);
      const all = withAllChanged(index, BASE);
      expect(differing(before, all)).toEqual(Object.keys(before).filter((key) => key !== '_id'));
      expect(all.updateTime.getTime()).toBeGreaterThan(AS_OF);
      expect(all.updateTime.getTime()).toBeLessThan(CHANGED_AS_OF);
    }
  });

  it('are inserted right after a document that is there', () => {
    for (const index of INDEXES.slice(0, -1)) {
      const [own, inserted, next] = [
        documentAt(index, BASE),
        insertedAfter(index, BASE),
        documentAt(index + 1, BASE),
      ].map(({ _id }) => _id.toHexString());
      expect([own, inserted, next]).toEqual([own, inserted, next].sort());
      expect(inserted).not.toBe(next);
    }
  });
});
