import type { FieldPolicy } from './policy.ts';
import type { Column } from './schema.ts';

/** Names within one level of a schema: unique ignoring case, as Delta wants them. */
export interface LevelNames {
  /** A free name for a column of the field: the field's own or the configured one, with `__kind` where it is not its first. */
  take(source: string, kind: string, first: boolean): string;
}

/** The names of a level that has these columns, beside `reserved`. A configured name is kept for the field that it is for. */
export function levelNames(
  columns: readonly Column[],
  policy: FieldPolicy | undefined,
  reserved: readonly string[],
): LevelNames {
  const taken = lowerCased([...reserved, ...columns.map(({ name }) => name)]);
  const promised = lowerCased(configuredNames(policy));
  return {
    take(source, kind, first) {
      const configured = policy?.fields.get(source)?.name;
      const wanted = configured ?? safeName(source);
      const name =
        first && configured !== undefined
          ? uniqueName(wanted, taken)
          : uniqueName(first ? wanted : `${wanted}__${kind}`, new Set([...taken, ...promised]));
      taken.add(name.toLowerCase());
      return name;
    },
  };
}

/** A name like `name` that is none of these, ignoring case; a clash gets `_2`, `_3`, …: the source stays in the field's metadata. */
export function uniqueName(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${name}_${n}`;
  return candidate;
}

/** The names that fields of this level are to have. */
export function configuredNames(policy: FieldPolicy | undefined): readonly string[] {
  return [...(policy?.fields.values() ?? [])].flatMap(({ name }) => (name === undefined ? [] : [name]));
}

/** The names as Delta compares them. */
export function lowerCased(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

/** What Delta forbids in a column's name (Delta PROTOCOL.md, "Column Names"). */
const FORBIDDEN = /[ ,;{}()\n\t=]/g;

/** A column name that Delta takes, from any field name. */
export function safeName(source: string): string {
  const safe = source.replace(FORBIDDEN, '_');
  return safe === '' ? '_' : safe;
}
