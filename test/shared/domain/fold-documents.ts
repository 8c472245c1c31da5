import type { Document } from 'bson';
import { kindText } from '../../../src/shared/domain/delta/schema.ts';
import { type FoldLimits, foldSchema } from '../../../src/shared/domain/fold.ts';
import { type ColumnPolicy, type FieldPolicy, fieldPolicies } from '../../../src/shared/domain/policy.ts';
import type { Column, TableSchema } from '../../../src/shared/domain/schema.ts';
import type { Sketch } from '../../../src/shared/domain/sketch.ts';
import { createSketcher, type Sketcher } from '../../../src/shared/domain/sketcher.ts';
import { bson } from './bson-bytes.ts';

/** The sketch of documents; each gets an `_id` where it has none, but those that are bytes already. */
export function sketchOf(documents: readonly (Document | Buffer)[], policy?: FieldPolicy): Sketch {
  return sketcherOf(documents, policy).sketch();
}

/** What made that sketch, to go on with. */
export function sketcherOf(documents: readonly (Document | Buffer)[], policy?: FieldPolicy): Sketcher {
  const sketcher = createSketcher(policy);
  for (const document of documents) sketcher.take(bytesOf(document), 0);
  return sketcher;
}

function bytesOf(document: Document | Buffer): Buffer {
  if (Buffer.isBuffer(document)) return document;
  return bson(document instanceof Map ? new Map([['_id', 1], ...document]) : { _id: 1, ...document });
}

/** Folds documents into a table's schema; each gets an `_id` where it has none. */
export function fold(
  documents: readonly Document[],
  table?: TableSchema,
  limits?: FoldLimits,
  columns?: ColumnPolicy,
): TableSchema {
  const policy = fieldPolicies(columns);
  return foldSchema(table, sketchOf(documents, policy), limits, policy);
}

/** `name: kind`, or `name ← source: kind` where they differ; the fields of structs in braces. */
export function shape(columns: readonly Column[]): string[] {
  return columns.map(({ name, source, type }) => {
    const inner = structOf(type);
    const fields = inner === undefined ? '' : `{${shape(inner).join(', ')}}`;
    return `${name === source ? name : `${name} ← ${source}`}: ${kindText(type)}${fields}`;
  });
}

export function structOf(type: Column['type']): readonly Column[] | undefined {
  if (type.kind === 'array') return structOf(type.element);
  return type.kind === 'struct' ? type.fields : undefined;
}

export const shapeOf = (documents: readonly Document[], table?: TableSchema) => shape(fold(documents, table).columns);
