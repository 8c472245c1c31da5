import type { FixedType } from './fixed.ts';

/**
 * What a table takes of its documents, and how: `columns` of the configuration. A path is dotted (`guest.email`) and passes through
 * arrays as MongoDB's projection does: `guests.email` is that field of every element.
 */
export interface ColumnPolicy {
  /** Only these fields, and always `_id` and the cursor field. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Path → the column's name. */
  readonly rename?: Readonly<Record<string, string>>;
  readonly decimal?: Readonly<Record<string, Pick<FixedType, 'precision' | 'scale'>>>;
  /** Kept as one column of canonical EJSON, whatever is there. */
  readonly json?: readonly string[];
  /** Replaced by an HMAC-SHA-256 in lower-case hex. */
  readonly hash?: readonly string[];
}

/** A policy in its one form, as plans and tables hold it: sorted, without empty lists, with the fingerprint of the key. */
export interface TablePolicy extends ColumnPolicy {
  /** The key's fingerprint; there where something is hashed. Never the key. */
  readonly key?: string;
}

/** The policy in its one form; `undefined` where it does nothing. `key` is the fingerprint of the key for `hash`. */
export function tablePolicy(policy: ColumnPolicy | undefined, key: string | undefined): TablePolicy | undefined {
  if (policy === undefined) return undefined;
  const { include, exclude, rename, decimal, json, hash } = policy;
  const normal: TablePolicy = {
    ...list('include', include),
    ...list('exclude', exclude),
    ...map('rename', rename),
    ...map('decimal', decimal),
    ...list('json', json),
    ...list('hash', hash),
    ...(key === undefined || (hash ?? []).length === 0 ? {} : { key }),
  };
  return Object.keys(normal).length === 0 ? undefined : normal;
}

function list(name: string, paths: readonly string[] | undefined): Record<string, readonly string[]> {
  return paths === undefined || paths.length === 0 ? {} : { [name]: [...new Set(paths)].sort() };
}

function map<T>(name: string, byPath: Readonly<Record<string, T>> | undefined): Record<string, Record<string, T>> {
  const entries = Object.entries(byPath ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? {} : { [name]: Object.fromEntries(entries) };
}

/** Canonical JSON of a policy in its one form: equal policies give equal texts. `undefined` where there is none. */
export function policyText(policy: TablePolicy | undefined): string | undefined {
  return policy && JSON.stringify(policy);
}

/** True where the table has only hashes of its ids: then no value of `_id` may be told. */
export function hidesIds(policy: ColumnPolicy | undefined): boolean {
  return policy?.hash?.includes('_id') ?? false;
}

/** True where what is staged has less than the document: then nothing may keep a document's own bytes. */
export function hidesValues(policy: ColumnPolicy | undefined): boolean {
  return policy?.include !== undefined || policy?.exclude !== undefined || policy?.hash !== undefined;
}

/** The names on the way. */
export function pathParts(path: string): readonly string[] {
  return path.split('.');
}

/** True where `path` is `outer` or lies below it. */
export function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`);
}

/** The paths that `include` keeps, with `_id` and some others, none within another; `undefined` where all is kept. */
export function keptPaths(policy: ColumnPolicy, others: readonly string[]): readonly string[] | undefined {
  if (policy.include === undefined) return undefined;
  const all = [...new Set([...policy.include, '_id', ...others])];
  return all.filter((path) => !all.some((other) => other !== path && isWithin(path, other)));
}

/** Which fields a source may leave out before they are sent. */
export interface Projection {
  readonly kind: 'include' | 'exclude';
  /** None of them within another. */
  readonly paths: readonly string[];
}

/**
 * What the source is asked for: all but what is excluded, or only what is included and `needed`. MongoDB takes one of the two; where both are
 * given, what is not included is cut here.
 */
export function projectionOf(policy: ColumnPolicy | undefined, needed: readonly string[]): Projection | undefined {
  if (policy?.exclude !== undefined) return { kind: 'exclude', paths: policy.exclude };
  const kept = policy && keptPaths(policy, needed);
  return kept && { kind: 'include', paths: kept };
}

/** What is said of the column of one field, and of the fields within it. */
export interface FieldPolicy {
  /** The column's name; `undefined` where it is the field's. */
  readonly name?: string;
  readonly type?: 'json' | FixedType;
  readonly fields: ReadonlyMap<string, FieldPolicy>;
}

/** The names and types of columns, as a tree by field; `undefined` where the policy says nothing of them. */
export function fieldPolicies(policy: ColumnPolicy | undefined): FieldPolicy | undefined {
  const root = emptyField();
  for (const [path, name] of Object.entries(policy?.rename ?? {})) fieldAt(root, path).name = name;
  for (const [path, { precision, scale }] of Object.entries(policy?.decimal ?? {}))
    fieldAt(root, path).type = { kind: 'fixed', precision, scale };
  for (const path of policy?.json ?? []) fieldAt(root, path).type = 'json';
  return root.fields.size === 0 ? undefined : root;
}

interface GrowingField {
  name?: string;
  type?: 'json' | FixedType;
  readonly fields: Map<string, GrowingField>;
}

function emptyField(): GrowingField {
  return { fields: new Map() };
}

function fieldAt(root: GrowingField, path: string): GrowingField {
  let field = root;
  for (const part of pathParts(path)) {
    const next = field.fields.get(part) ?? emptyField();
    field.fields.set(part, next);
    field = next;
  }
  return field;
}
