import { type Field, type Group, isGroup } from './fields.ts';
import { physical } from './physical.ts';

/** What a row group holds of one leaf: Dremel levels of every value and null, and the values as the codec takes them. */
export interface LeafColumn {
  rlevels: number[];
  dlevels: number[];
  values: unknown[];
}

/** The leaves of rows, as they are shredded. */
export interface Shredder {
  /** In the order of the fields. */
  readonly columns: readonly LeafColumn[];
  /** About how much memory they take. */
  readonly bytes: number;
  add(row: unknown): void;
  clear(): void;
}

/** What a value takes in memory beside its own bytes, about. */
const VALUE_BYTES = 32;
const BUFFER_BYTES = 100;

type Shred = (value: unknown, repetition: number, definition: number) => void;

interface State {
  readonly columns: LeafColumn[];
  bytes: number;
}

/** Dremel's shredding, compiled for the fields: the library's own makes so much for each row that writing takes ten times as long. */
export function shredder(fields: readonly Field[]): Shredder {
  const state: State = { columns: [], bytes: 0 };
  const shred = shredFields(state, fields, 0, 0);
  return {
    columns: state.columns,
    get bytes() {
      return state.bytes;
    },
    add: (row) => shred(row, 0, 0),
    clear() {
      for (const column of state.columns) Object.assign(column, { rlevels: [], dlevels: [], values: [] });
      state.bytes = 0;
    },
  };
}

function shredFields(state: State, fields: readonly Field[], repetition: number, definition: number): Shred {
  const children = fields.map((field) => ({
    from: field.from,
    shred: shredField(state, field, repetition, definition),
  }));
  return (value, rep, def) => {
    const missing = value === undefined || value === null;
    for (const { from, shred } of children) shred(missing ? null : from(value), rep, def);
  };
}

function shredField(state: State, field: Field, repetition: number, definition: number): Shred {
  const repeated = field.repetition === 'repeated';
  const r = repetition + (repeated ? 1 : 0);
  const d = definition + (field.repetition === 'required' ? 0 : 1);
  const shredOne = isGroup(field) ? shredGroup(state, field, r, d) : shredLeaf(state, physical(field.type).encode);
  if (!repeated) return (value, rep, def) => shredOne(value, rep, value === undefined || value === null ? def : d);
  return (value, rep, def) => {
    const items = (value ?? []) as readonly unknown[];
    if (items.length === 0) shredOne(null, rep, def);
    for (let i = 0; i < items.length; i++) shredOne(items[i], i === 0 ? rep : r, d);
  };
}

function shredGroup(state: State, group: Group, repetition: number, definition: number): Shred {
  return shredFields(state, group.fields, repetition, definition);
}

function shredLeaf(state: State, encode: ((value: unknown) => unknown) | undefined): Shred {
  const column: LeafColumn = { rlevels: [], dlevels: [], values: [] };
  state.columns.push(column);
  return (value, rep, def) => {
    column.rlevels.push(rep);
    column.dlevels.push(def);
    state.bytes += VALUE_BYTES;
    if (value === undefined || value === null) return;
    column.values.push(encode === undefined ? value : encode(value));
    if (Buffer.isBuffer(value)) state.bytes += value.length + BUFFER_BYTES;
    else if (typeof value === 'string') state.bytes += value.length;
  };
}
