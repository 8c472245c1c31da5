import { type Document, Int32 } from 'bson';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromSchemaString, toSchemaString } from '../../../src/shared/domain/delta/schema.ts';
import { accepts, foldSchema } from '../../../src/shared/domain/fold.ts';
import type { Column, ColumnType, TableSchema } from '../../../src/shared/domain/schema.ts';
import type { DocumentSketch, FieldSketch, Sketch } from '../../../src/shared/domain/sketch.ts';
import { createSketcher } from '../../../src/shared/domain/sketcher.ts';
import type { ValueClass } from '../../../src/shared/domain/value-class.ts';
import { fieldNames, value } from './arbitrary.ts';
import { bson } from './bson-bytes.ts';

const document = fc
  .uniqueArray(fc.tuple(fieldNames, value), { maxLength: 6, selector: ([name]) => name })
  .map((fields) => new Map<string, unknown>([['_id', new Int32(1)], ...fields]) as unknown as Document);

const sketch = fc.array(document, { minLength: 1, maxLength: 5 }).map((documents) => {
  const sketcher = createSketcher();
  for (const each of documents) sketcher.take(bson(each), 0);
  return sketcher.sketch();
});

const limits = fc.record({
  columns: fc.constantFrom(1, 5, 1000),
  keys: fc.constantFrom(1, 250),
  depth: fc.constantFrom(1, 2, 10),
});

/** Where the schema has no place for a value that the sketch saw, by path; what the JSON column takes is not named where there is one. */
function homeless(schema: TableSchema, shape: Sketch): string[] {
  const found: string[] = [];
  fieldsOf(schema.columns, shape.fields, schema.extra !== null, '', found);
  return found;
}

function fieldsOf(
  columns: readonly Column[],
  fields: DocumentSketch,
  extra: boolean,
  path: string,
  found: string[],
): void {
  for (const [name, field] of fields) {
    const types = columns.filter((column) => column.source === name).map((column) => column.type);
    for (const kind of Object.keys(field.counts) as ValueClass[]) {
      if (kind === 'null') continue;
      const home = types.find((type) => accepts(type, kind) || (type.kind === 'json' && kind === 'array'));
      if (home === undefined && !extra) found.push(`${path}${name}: ${kind}`);
      if (home?.kind === 'struct') fieldsOf(home.fields, field.fields ?? new Map(), extra, `${path}${name}.`, found);
      if (home?.kind === 'array' && kind === 'array' && !types.some((type) => type.kind === 'json'))
        elementsOf(home.element, field.element, extra, `${path}${name}[]`, found);
    }
  }
}

function elementsOf(
  type: ColumnType,
  element: FieldSketch | undefined,
  extra: boolean,
  path: string,
  found: string[],
): void {
  if (element === undefined || type.kind === 'json') return;
  for (const kind of Object.keys(element.counts) as ValueClass[])
    if (kind !== 'null' && !accepts(type, kind) && !extra) found.push(`${path}: ${kind}`);
  if (type.kind === 'struct') fieldsOf(type.fields, element.fields ?? new Map(), extra, `${path}.`, found);
  if (type.kind === 'array') elementsOf(type.element, element.element, extra, path, found);
}

/** The committed columns must all be there, in place, at most with more fields. */
function extendsColumns(before: readonly Column[], after: readonly Column[]): void {
  for (const [i, column] of before.entries()) {
    expect(after[i]).toMatchObject({ name: column.name, source: column.source });
    extendsType(column.type, after[i]?.type);
  }
}

function extendsType(before: ColumnType, after: ColumnType | undefined): void {
  expect(after?.kind).toBe(before.kind);
  if (before.kind === 'struct' && after?.kind === 'struct') extendsColumns(before.fields, after.fields);
  if (before.kind === 'array' && after?.kind === 'array') extendsType(before.element, after.element);
}

function uniqueNames(columns: readonly Column[], reserved: readonly string[] = []): void {
  const names = [...reserved, ...columns.map((column) => column.name)].map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
  for (const { name, type } of columns) {
    expect(name).not.toMatch(/[ ,;{}()\n\t=]|^$/);
    const inner = type.kind === 'array' ? type.element : type;
    if (inner.kind === 'struct') uniqueNames(inner.fields);
  }
}

test('the schema has a place for all that it was folded from, and folding the same again changes nothing', () => {
  fc.assert(
    fc.property(sketch, limits, (seen, bounds) => {
      const schema = foldSchema(undefined, seen, bounds);
      expect(homeless(schema, seen)).toEqual([]);
      expect(foldSchema(schema, seen, bounds)).toEqual(schema);
      uniqueNames(schema.columns, ['_id', ...(schema.extra === null ? [] : [schema.extra])]);
    }),
    { numRuns: 1000 },
  );
});

test('fold(fold(t, a), b) extends the one before and has a place for a and b', () => {
  fc.assert(
    fc.property(sketch, sketch, sketch, limits, (a, b, c, bounds) => {
      let schema: TableSchema | undefined;
      for (const seen of [a, b, c, a]) {
        const next = foldSchema(schema, seen, bounds);
        if (schema !== undefined) {
          extendsColumns(schema.columns, next.columns);
          if (schema.extra !== null) expect(next.extra).toBe(schema.extra);
        }
        schema = next;
      }
      const last = schema as TableSchema;
      for (const seen of [a, b, c]) expect(homeless(last, seen)).toEqual([]);
      uniqueNames(last.columns, ['_id', ...(last.extra === null ? [] : [last.extra])]);
    }),
    { numRuns: 1000 },
  );
});

test('a schema is read back from its Delta form as it was', () => {
  fc.assert(
    fc.property(sketch, limits, (seen, bounds) => {
      const schema = foldSchema(undefined, seen, bounds);
      expect(fromSchemaString(toSchemaString(schema), schema.idType)).toEqual(schema);
    }),
    { numRuns: 500 },
  );
});
