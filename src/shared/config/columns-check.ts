import { softField } from '../domain/deletion.ts';
import { type ColumnPolicy, isWithin, pathParts } from '../domain/policy.ts';
import { PATH, PATH_EXPECTED } from './columns.ts';
import type { ConfigDocument } from './document.ts';
import { keyProblem } from './issues.ts';
import type { KeyPath, Problem } from './problem.ts';
import type { Config } from './schema.ts';
import type { Settings } from './settings.ts';

/** What is wrong with the policies that tables have, each said once where it is written. */
export function checkColumns(config: Config, document: ConfigDocument): Problem[] {
  const found = new Map<string, Problem>();
  for (const { policy, at, cursorField, deletedField } of policiesOf(config)) {
    const faults = policyFaults(policy, cursorField, deletedField);
    if (policy.hash !== undefined && config.hashKey === undefined)
      faults.push({ at: ['hash'], message: 'needs a key: set hashKey at the top of the file, out of a secret' });
    for (const fault of faults) {
      const path = [...at, ...fault.at];
      found.set(JSON.stringify([path, fault.message]), keyProblem(document, path, fault.message));
    }
  }
  return [...found.values()];
}

interface PlacedPolicy {
  readonly policy: ColumnPolicy;
  /** Where it is written. */
  readonly at: KeyPath;
  /** Of the table that has it. */
  readonly cursorField: string;
  /** With `deletes: soft`. */
  readonly deletedField: string | undefined;
}

interface SettingsLevel {
  readonly at: KeyPath;
  readonly settings: Partial<Pick<Settings, 'columns' | 'cursorField' | 'deletes' | 'deletedField'>>;
}

/** The policy of each kind of table: those that have only the pipeline's settings, and those with some of their own. */
function policiesOf(config: Config): PlacedPolicy[] {
  return Object.entries(config.pipelines).flatMap(([name, pipeline]) => {
    const base = ['pipelines', name];
    const levels = [
      { at: ['defaults'], settings: config.defaults },
      { at: base, settings: pipeline },
    ];
    const own = Object.entries(pipeline.collections).map(([collection, settings]) => [
      ...levels,
      { at: [...base, 'collections', collection], settings },
    ]);
    return [levels, ...own].flatMap((each) => nearest(each));
  });
}

/** The first of the levels has everything but a policy. */
function nearest(levels: readonly SettingsLevel[]): PlacedPolicy[] {
  const merged = Object.assign({}, ...levels.map(({ settings }) => settings)) as Settings;
  const level = levels.findLast(({ settings }) => settings.columns !== undefined);
  if (level?.settings.columns === undefined) return [];
  const { cursorField } = merged;
  return [
    { policy: level.settings.columns, at: [...level.at, 'columns'], cursorField, deletedField: softField(merged) },
  ];
}

/** Something wrong with a policy. `at` is the place in it. */
export interface PolicyFault {
  readonly at: KeyPath;
  readonly message: string;
}

interface Entry {
  readonly key: keyof ColumnPolicy;
  readonly at: KeyPath;
  readonly path: string;
}

/** What contradicts itself, or takes away what a table needs. No message holds a path: places of the configuration are named. */
export function policyFaults(policy: ColumnPolicy, cursorField: string, deletedField?: string): PolicyFault[] {
  const entries = entriesOf(policy);
  const misspelt = entries.filter(({ path }) => !PATH.test(path));
  if (misspelt.length > 0) return misspelt.map(({ at }) => ({ at, message: PATH_EXPECTED }));
  return [
    ...entries.flatMap((entry) => {
      const message =
        neededFault(entry, cursorField, deletedField) ?? otherFault(entry, entries) ?? notIncluded(entry, entries);
      return message === undefined ? [] : [{ at: entry.at, message }];
    }),
    ...nameFaults(policy),
  ];
}

function entriesOf({ include, exclude, rename, decimal, json, hash }: ColumnPolicy): Entry[] {
  const listed = Object.entries({ include, exclude, json, hash }).flatMap(([key, list]) =>
    (list ?? []).map((path, index) => ({ key: key as Entry['key'], at: [key, index], path })),
  );
  const mapped = Object.entries({ rename, decimal }).flatMap(([key, byPath]) =>
    Object.keys(byPath ?? {}).map((path) => ({ key: key as Entry['key'], at: [key, path], path })),
  );
  return [...listed, ...mapped];
}

/** The row's key, and the fields by which changes and deletions are found. */
function neededFault({ key, path }: Entry, cursorField: string, deletedField?: string): string | undefined {
  if (isWithin(path, '_id') && path !== '_id') return '_id is taken whole: no field within it can be named';
  if (path === '_id' && key !== 'hash' && key !== 'include')
    return '_id is the key of every row: it can be hashed, and nothing else';
  if (key === 'exclude' && deletedField !== undefined && isWithin(deletedField, path))
    return 'deletedField is here: what is excluded is never read';
  const takes = key === 'exclude' || key === 'hash' || key === 'json' || key === 'decimal';
  return takes && isWithin(cursorField, path)
    ? 'the cursor field is here, and must stay a column of its own'
    : undefined;
}

/** Keys after which there is nothing within the field any more. */
const CLOSED: ReadonlySet<string> = new Set(['exclude', 'json', 'hash']);
const ONLY_HASH: ReadonlySet<string> = new Set(['hash']);
const ONE_OF = new Set([...CLOSED, 'decimal']);

function otherFault(entry: Entry, entries: readonly Entry[]): string | undefined {
  for (const other of entries) {
    if (other === entry) break;
    if (other.path !== entry.path) continue;
    const clash = other.key === entry.key || (ONE_OF.has(other.key) && ONE_OF.has(entry.key));
    if (clash) return `is in ${other.key} already`;
  }
  // What is hashed is hashed whole, or dump and server would give different hashes; of what is json, some may be included.
  const closed = entry.key === 'include' ? ONLY_HASH : CLOSED;
  const around = entries.find(({ key, path }) => closed.has(key) && path !== entry.path && isWithin(entry.path, path));
  if (around !== undefined) return `is within a field of ${around.key}`;
  const excluded = entries.some(({ key, path }) => key === 'exclude' && isWithin(entry.path, path));
  if (excluded && entry.key !== 'exclude') return 'is left out by exclude';
  const wider = entries.some(({ key, path }) => key === 'include' && path !== entry.path && isWithin(entry.path, path));
  return entry.key === 'include' && wider ? 'is within another field of include' : undefined;
}

function notIncluded(entry: Entry, entries: readonly Entry[]): string | undefined {
  const included = entries.filter(({ key }) => key === 'include');
  if (included.length === 0 || entry.key === 'exclude' || entry.path === '_id') return undefined;
  const kept = included.some(({ path }) => isWithin(entry.path, path) || isWithin(path, entry.path));
  return kept ? undefined : 'is left out: include does not name it';
}

/** Columns beside each other need names of their own; Delta tells none apart by case. */
function nameFaults({ rename = {} }: ColumnPolicy): PolicyFault[] {
  const seen = new Set<string>();
  return Object.entries(rename).flatMap(([path, name]) => {
    const at = ['rename', path];
    const lower = name.toLowerCase();
    if (lower === '_id') return [{ at, message: '_id is the name of the key column' }];
    const place = JSON.stringify([pathParts(path).slice(0, -1), lower]);
    if (seen.has(place)) return [{ at, message: 'another field beside it is given the same name' }];
    seen.add(place);
    return [];
  });
}
