import { type Document, Double } from 'bson';
import { describe, expect, test } from 'vitest';
import { foldSchema } from '../../../src/shared/domain/fold.ts';
import { foreignIds } from '../../../src/shared/domain/foreign-ids.ts';
import type { TableSchema } from '../../../src/shared/domain/schema.ts';
import { diffSchemas, type SchemaDiff } from '../../../src/shared/domain/schema-diff.ts';
import { fold, sketchOf } from './fold-documents.ts';

function diff(table: TableSchema | undefined, documents: readonly Document[]): SchemaDiff {
  const sketch = sketchOf(documents);
  return diffSchemas(table, foldSchema(table, sketch), sketch);
}

/** `path ← source: why`, with `renamed` and `limit` where they are. */
function added(table: TableSchema | undefined, documents: readonly Document[]): string[] {
  return diff(table, documents).added.map(({ path, source, why, renamed, limit }) =>
    [`${path.join('.')} ← ${source}: ${why}`, renamed, limit].filter((part) => part !== null).join(', '),
  );
}

const table = fold([{ a: 1, o: { p: 'x' }, l: [{ q: 1 }] }]);

describe('columns that are added', () => {
  test('none, where all fits', () => {
    expect(added(table, [{ a: 2, o: { p: 'y' }, l: [{ q: 2 }, null], n: null }])).toEqual([]);
    expect(added(table, [])).toEqual([]);
  });

  test('new fields, at any depth, and what is within new ones', () => {
    expect(added(table, [{ b: true, o: { r: 1 }, l: [{ s: { t: 1 } }], ll: [[{ u: 1 }]] }])).toEqual([
      'o.r ← o.r: newField',
      'l.s ← l[].s: newField',
      'l.s.t ← l[].s.t: newField',
      'b ← b: newField',
      'll ← ll: newField',
      'll.u ← ll[][].u: newField',
    ]);
  });

  test('siblings of fields that changed their type, also of a field that is new with two', () => {
    expect(added(table, [{ a: 'x', o: { p: 1 }, l: [{ q: 'x' }, 7], m: 1 }, { m: 'x' }])).toEqual([
      'o.p__long ← o.p: typeConflict',
      'l.q__string ← l[].q: typeConflict',
      'a__string ← a: typeConflict',
      'l__json ← l: typeConflict',
      'm ← m: newField',
      'm__string ← m: typeConflict',
    ]);
  });

  test('renamed ones, for a character or for a name that is taken; a sibling is called by its own rule', () => {
    expect(added(table, [{ A: 1, 'a b': 1, 'x;': 1 }, { 'x;': 'y' }, { a__string: 1, a: 'x' }])).toEqual([
      'A_2 ← A: newField, taken',
      'a_b ← a b: newField, characters',
      'x_ ← x;: newField, characters',
      'x___string ← x;: typeConflict, characters',
      'a__string ← a__string: newField',
      'a__string_2 ← a: typeConflict, taken',
    ]);
  });

  test('the JSON column, once, and which fields go there', () => {
    const first = diff(table, [{ a: {}, e: [] }, { o: { f: {} } }, { l: [{ g: [] }] }]);
    expect(first.added).toMatchObject([{ path: ['_extra'], source: '', why: 'jsonColumn', renamed: null }]);
    expect(first.jsonColumn).toEqual(['a', 'e', 'o.f', 'l[].g']);
    const known: TableSchema = { ...table, extra: '_extra' };
    expect(diff(known, [{ e: [] }])).toMatchObject({ added: [], jsonColumn: ['e'] });
    expect(added(fold([{ _extra: 1 }]), [{ e: {} }])).toEqual(['_extra_2 ← : jsonColumn, taken']);
  });

  test('arrays that fit no typed column have a home in their JSON sibling', () => {
    expect(diff(table, [{ l: [7] }, { l: [[{}]] }, { l: [{ q: {} }] }])).toMatchObject({
      added: [{ path: ['l__json'] }, { path: ['_extra'] }],
      jsonColumn: ['l[].q'],
    });
    expect(diff(fold([{ m: [1, 'x'] }]), [{ m: [{}, []] }])).toMatchObject({ added: [], jsonColumn: [] });
  });

  test('of a table that is to be made, all', () => {
    expect(added(undefined, [{ a: 1, o: { p: 'x' } }])).toEqual([
      'a ← a: newField',
      'o ← o: newField',
      'o.p ← o.p: newField',
    ]);
  });
});

describe('limits', () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  const deep = (levels: number): Document => (levels === 0 ? { x: 1 } : { o: deep(levels - 1) });

  test('an object whose keys are data, or that lies too deep, is one column', () => {
    expect(added(table, [{ map: keys(251), l: [{ maps: [keys(251)] }] }])).toEqual([
      'l.maps ← l[].maps: newField, keys',
      'map ← map: newField, keys',
    ]);
    const lowest = added(table, [{ d: deep(12) }]).at(-1);
    expect(lowest).toBe('d.o.o.o.o.o.o.o.o.o.o ← d.o.o.o.o.o.o.o.o.o.o: newField, depth');
  });

  test('past the column limit fields go to the JSON column', () => {
    const { columns, jsonColumn, added: all } = diff(table, [keys(999)]);
    expect(columns).toEqual({ used: 1000, limit: 1000 });
    expect(all).toHaveLength(998);
    expect(jsonColumn).toEqual(['k997', 'k998']);
  });

  test('of more names than are kept the rest is told as one', () => {
    const { jsonColumn } = diff(table, [{ o: keys(10_001) }]);
    expect(jsonColumn.at(-1)).toBe('o.*');
  });
});

describe('ids that a table can not hold', () => {
  const ids = sketchOf([{ _id: 1 }, { _id: 'x' }, { _id: new Double(2) }, { _id: 'y' }, { _id: true }]);

  test('are those that are no integers, by their class', () => {
    expect(foreignIds('long', ids)).toEqual([
      { kind: 'string', documents: 2, example: 'x' },
      { kind: 'other', documents: 1, example: 'true' },
    ]);
  });

  test('are none where the ids are strings, or integers all', () => {
    expect(foreignIds('string:long', ids)).toEqual([]);
    expect(foreignIds('long', sketchOf([{ _id: 1 }]))).toEqual([]);
  });
});
