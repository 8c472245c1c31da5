/**
 * The columns of a Parquet file that parquetjs-lite writes or reads. A row is whatever the fields' `from` can take apart: an
 * object, or an array of values.
 */
export type Field = Leaf | Group;

interface Placed {
  readonly name: string;
  readonly repetition: 'required' | 'optional' | 'repeated';
  /** The field's value of its parent; of a repeated field an array. Null and undefined are null. */
  readonly from: From;
}

export type From = (parent: unknown) => unknown;

export interface Leaf extends Placed {
  readonly type: LeafType;
}

export interface Group extends Placed {
  readonly annotation?: 'LIST' | 'MAP';
  readonly fields: readonly Field[];
}

/**
 * Values: `utf8` bytes or a string, `binary` bytes, `long` bigint (or a whole number when it is written), `timestamp` microseconds since
 * the epoch in UTC as bigint, `decimal` the unscaled value as bigint.
 */
export type LeafType =
  | { readonly kind: 'utf8' | 'binary' | 'int' | 'long' | 'double' | 'boolean' | 'timestamp' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number };

export function isGroup(field: Field): field is Group {
  return 'fields' in field;
}

export function leaf(name: string, type: LeafType, from: From): Leaf {
  return { name, repetition: 'optional', type, from };
}

export function required(field: Leaf): Leaf {
  return { ...field, repetition: 'required' };
}

export function struct(name: string, fields: readonly Field[], from: From): Group {
  return { name, repetition: 'optional', fields, from };
}

const itself: From = (value) => value;

/** An array, spelled `name.list.element` (Parquet LogicalTypes.md, "Lists"). `element` makes the field of its elements. */
export function list(name: string, element: (name: string, from: From) => Field, from: From): Group {
  const repeated: Group = { name: 'list', repetition: 'repeated', fields: [element('element', itself)], from: itself };
  return { name, repetition: 'optional', annotation: 'LIST', fields: [repeated], from };
}

/** A map of strings, given as its entries: `[key, value]` each. */
export function map(name: string, from: From): Group {
  const part = (index: 0 | 1): From => {
    return (entry) => (entry as readonly unknown[])[index];
  };
  const fields = [required(leaf('key', { kind: 'utf8' }, part(0))), leaf('value', { kind: 'utf8' }, part(1))];
  const repeated: Group = { name: 'key_value', repetition: 'repeated', fields, from: itself };
  return { name, repetition: 'optional', annotation: 'MAP', fields: [repeated], from };
}
