import type { FixedType } from './fixed.ts';
import type { IdType } from './ids.ts';

/** Kinds of column, by what BSON values they hold exactly. The physical Delta type is in `delta/schema.ts`. */
export type ScalarKind =
  | 'string'
  | 'objectId'
  | 'uuid'
  | 'decimal'
  | 'long'
  | 'double'
  | 'boolean'
  | 'timestamp'
  | 'binary'
  /** A whole document in canonical EJSON, where its keys are data rather than a shape. */
  | 'object'
  /** Canonical EJSON in a string: whatever has no column of its own type. */
  | 'json';

export type ColumnType =
  | { readonly kind: ScalarKind }
  | FixedType
  | { readonly kind: 'struct'; readonly fields: readonly Column[] }
  | { readonly kind: 'array'; readonly element: ColumnType };

export interface Column {
  /** As the table shows it. */
  readonly name: string;
  /** The field's name in the document. Several columns may share one: a main column and its `name__kind` siblings. */
  readonly source: string;
  readonly type: ColumnType;
  /** True where this `json` column takes whatever its field holds, as is configured now; the table does not remember it. */
  readonly whole?: true;
}

/** A table's schema: `_id` first, then `columns` in order, then the JSON column where something has been put there. */
export interface TableSchema {
  readonly idType: IdType;
  readonly columns: readonly Column[];
  /**
   * Name of the JSON column that holds what has no typed column (`{}` and `[]` while nothing more is known of them, and what goes
   * past the column limit), or `null` while there is none.
   */
  readonly extra: string | null;
}

/** Name of the id column. */
export const ID_COLUMN = '_id';

/** The largest integer up to which every integer is exact in a double. */
export const DOUBLE_EXACT = 2 ** 53;

/** First and last millisecond that a timestamp column takes (years 1 to 9999, UTC). */
export const TIMESTAMP_MIN_MS = -62_135_596_800_000;
export const TIMESTAMP_MAX_MS = 253_402_300_799_999;

/** The fields of a struct, also where it is the element of arrays; `suffix` has a `[]` for each array around it. */
export function structWithin(
  type: ColumnType,
  suffix = '',
): { readonly fields: readonly Column[]; readonly suffix: string } | undefined {
  if (type.kind === 'struct') return { fields: type.fields, suffix };
  return type.kind === 'array' ? structWithin(type.element, `${suffix}[]`) : undefined;
}
