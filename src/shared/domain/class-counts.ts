import { parseFixed } from './fixed.ts';
import type { ColumnType, ScalarKind } from './schema.ts';
import type { FieldSketch } from './sketch.ts';
import type { ValueClass } from './value-class.ts';

/** Classes that say nothing of what a field holds. */
export const EMPTY: ReadonlySet<ValueClass> = new Set(['emptyStruct', 'emptyArray']);

/** The classes that a field was seen with, in the order in which they get columns: the first has the field's own name. */
export function byCount(counts: FieldSketch['counts']): ValueClass[] {
  const seen = (Object.entries(counts) as [ValueClass, number][]).filter(([, count]) => count > 0);
  return seen.sort((a, b) => rank(a[0]) - rank(b[0]) || b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([value]) => value);
}

/** What is configured comes first, and so has the field's name; empty ones last, so that they see the typed column that others made. */
function rank(value: ValueClass): number {
  if (EMPTY.has(value)) return 2;
  return parseFixed(value) === undefined ? 1 : 0;
}

/** The column type for a class that no column takes yet. */
export function newScalar(value: ValueClass, counts: FieldSketch['counts']): ColumnType {
  return parseFixed(value) ?? { kind: numericKind(value, counts) ?? (value as ScalarKind) };
}

/** Integers and doubles seen together share one double column, unless an integer would lose bits in it. */
function numericKind(value: ValueClass, counts: FieldSketch['counts']): 'long' | 'double' | undefined {
  if (value === 'double') return 'double';
  if (value !== 'long' && value !== 'wideLong' && value !== 'wholeDouble') return undefined;
  const doubles = (counts.double ?? 0) + (counts.wholeDouble ?? 0) > 0;
  return doubles && !counts.wideLong ? 'double' : 'long';
}
