// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Environment, interpolate, maskReferences, type ReferenceResolver } from './interpolate.ts';
import type { KeyPath, Place, Problem } from './problem.ts';

/** A configuration file as plain values, with variables put in, that knows where each came from. */
export interface ConfigDocument {
  /** Maps have no prototype; keys whose variables are unset or were left empty (`${X:-}`) are missing. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Where the key (or list item) is; the nearest parent's where it is missing. */
  keyPlace(path: KeyPath): Place;
  /** Where the value starts; the nearest parent's where it is missing. */
  valuePlace(path: KeyPath): Place;
  /** References (`${NAME}`) that the value at `path` was made from. */
  references(path: KeyPath): readonly string[];
  /** Whether the value at `path` or one around it could not be known, so that nothing more can be said of it. */
  isUnknown(path: KeyPath): boolean;
}

const MAX_BYTES = 1 << 20;
const MAX_DEPTH = 32;
/** Values visited, aliases expanded: a bomb of aliases ends here. */
const MAX_VALUES = 100_000;
const MAX_ALIASES = 100;
const BAD_ALIAS = 'no anchor of this name comes before; quote a value that starts with *';

/** What went wrong, in our words: the parser's own messages may quote the text, which may hold a secret. */
const SYNTAX: Partial<Record<YAMLError['code'], string>> = {
  BAD_ALIAS,
  BAD_COLLECTION_TYPE: 'a tag that does not fit its value; quote a value that starts with !',
  BAD_INDENT: 'wrong indentation',
  BAD_SCALAR_START: 'a value that starts with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'two keys on one line; quote a value that contains ": "',
  MISSING_CHAR: 'a quote, bracket, brace, comma or colon is missing',
  MULTILINE_IMPLICIT_KEY: 'a key and its colon must be on one line',
  MULTIPLE_DOCS: 'more than one YAML document; use one file each',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  NON_STRING_KEY: 'a key must be a plain string; quote a value that starts with { or [',
  TAB_AS_INDENT: 'a tab can not indent YAML; use spaces',
  TAG_RESOLVE_FAILED: 'tags are not supported; quote a value that starts with !',
};

interface Origin {
  readonly key: number;
  readonly value: number;
  readonly references: readonly string[];
  readonly unknown: boolean;
}

interface Reading {
  readonly unmask: (value: string) => string;
  readonly env: Environment;
  readonly resolvers: readonly ReferenceResolver[];
  readonly document: Document;
  readonly origins: Map<string, Origin>;
  readonly place: (offset: number) => Place;
  readonly problems: Problem[];
  /** What each alias stands for: looking it up takes a walk over the file. */
  readonly aliases: Map<Alias, unknown>;
  values: number;
}

/** Reads YAML. Never throws for what the text holds: see `problems`. */
export function readDocument(
  text: string,
  env: Environment,
  resolvers: readonly ReferenceResolver[] = [],
): ConfigDocument {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const refuse = (message: string): ConfigDocument =>
    asDocument(undefined, [problem({ line: 1, column: 1 }, [], message)], new Map(), place);

  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (source.length > MAX_BYTES) return refuse('the file is larger than 1 MiB');
  const masked = maskReferences(source);
  let document: Document;
  try {
    document = parseDocument(masked.text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      merge: false,
      schema: 'core',
      resolveKnownTags: false,
      logLevel: 'error',
    });
  } catch (error) {
    if (error instanceof RangeError) return refuse('nested too deeply');
    throw error;
  }
  const syntax = syntaxProblems([...document.errors, ...document.warnings], place);
  if (syntax.length > 0) return asDocument(undefined, syntax, new Map(), place);
  if (document.contents === null) return refuse('the file is empty');

  const reading: Reading = {
    unmask: masked.unmask,
    env,
    resolvers,
    document,
    origins: new Map(),
    place,
    problems: [],
    aliases: new Map(),
    values: 0,
  };
  const value = readNode(reading, document.contents, [], offsetOf(document.contents));
  return asDocument(value, reading.problems, reading.origins, place);
}

function problem(place: Place, path: KeyPath, message: string): Problem {
  return { code: 'CONFIG_INVALID', place, path, message };
}

/** One problem a line: the rest are usually consequences. */
function syntaxProblems(errors: readonly YAMLError[], place: (offset: number) => Place): Problem[] {
  const byLine = new Map<number, Problem>();
  for (const error of errors) {
    const at = place(error.pos[0]);
    const message = SYNTAX[error.code] ?? 'not YAML: something here does not belong';
    if (!byLine.has(at.line)) byLine.set(at.line, problem(at, [], message));
  }
  return [...byLine.values()];
}

function readNode(reading: Reading, node: unknown, path: KeyPath, keyOffset: number): unknown {
  reading.values += 1;
  if (reading.values === MAX_VALUES)
    report(reading, keyOffset, path, 'too many values (a cycle or a bomb of aliases?)');
  if (reading.values >= MAX_VALUES) return undefined;
  if (path.length > MAX_DEPTH) {
    report(reading, keyOffset, path.slice(0, 3), 'nested too deeply');
    reading.values = MAX_VALUES;
    return undefined;
  }
  if (isAlias(node)) return readAlias(reading, node, path, keyOffset);
  const origin: Origin = { key: keyOffset, value: offsetOf(node) || keyOffset, references: [], unknown: false };
  reading.origins.set(pathId(path), origin);
  if (isMap(node)) return readMap(reading, node.items, path);
  if (isSeq(node)) return readList(reading, node.items, path);
  if (!isScalar(node)) return null;
  if (typeof node.value === 'string') return readText(reading, reading.unmask(node.value), path, origin);
  return node.value;
}

function readAlias(reading: Reading, alias: Alias, path: KeyPath, keyOffset: number): unknown {
  if (!reading.aliases.has(alias) && reading.aliases.size < MAX_ALIASES) {
    reading.aliases.set(alias, alias.resolve(reading.document));
  }
  const target = reading.aliases.get(alias);
  if (target !== undefined) return readNode(reading, target, path, keyOffset);
  const value = offsetOf(alias);
  report(reading, value, path, reading.aliases.has(alias) ? BAD_ALIAS : 'too many aliases');
  reading.origins.set(pathId(path), { key: keyOffset, value, references: [], unknown: true });
  return '';
}

function readMap(reading: Reading, items: readonly { key: unknown; value: unknown }[], path: KeyPath): unknown {
  const map: Record<string, unknown> = Object.create(null);
  const seen = new Map<string, number>();
  for (const item of items) {
    const at = offsetOf(item.key);
    const key = isScalar(item.key) ? reading.unmask(String(item.key.value)) : '';
    const before = seen.get(key);
    if (before !== undefined) {
      report(reading, at, [...path, key], `this key was already given on line ${reading.place(before).line}`);
      continue;
    }
    seen.set(key, at);
    if (key === '__proto__') {
      report(reading, at, [...path, key], 'this key is not allowed');
      continue;
    }
    const value = readNode(reading, item.value, [...path, key], at);
    if (value !== undefined) map[key] = value;
  }
  return map;
}

function readList(reading: Reading, items: readonly unknown[], path: KeyPath): unknown {
  const list: unknown[] = [];
  for (const item of items) {
    const value = readNode(reading, item, [...path, list.length], offsetOf(item));
    if (value !== undefined) list.push(value);
  }
  return list;
}

function readText(reading: Reading, text: string, path: KeyPath, origin: Origin): string | undefined {
  if (!text.includes('${')) return text;
  const result = interpolate(text, reading.env, reading.resolvers, path);
  const unknown = result.unset.length > 0 || result.problems.length > 0 || result.later;
  reading.origins.set(pathId(path), { ...origin, references: result.names, unknown });
  for (const message of result.problems) report(reading, origin.value, path, message);
  for (const name of result.unset) {
    const message = `variable ${name} is not set`;
    reading.problems.push({ code: 'CONFIG_VARIABLE', place: reading.place(origin.value), path, message });
  }
  return unknown ? '' : result.text;
}

function report(reading: Reading, offset: number, path: KeyPath, message: string): void {
  reading.problems.push(problem(reading.place(offset), path, message));
}

function offsetOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null)?.range;
  return range?.[0] ?? 0;
}

function pathId(path: KeyPath): string {
  return JSON.stringify(path);
}

function asDocument(
  value: unknown,
  problems: readonly Problem[],
  origins: ReadonlyMap<string, Origin>,
  place: (offset: number) => Place,
): ConfigDocument {
  const nearest = (path: KeyPath): { readonly origin: Origin | undefined; readonly exact: boolean } => {
    for (let length = path.length; length >= 0; length--) {
      const origin = origins.get(pathId(path.slice(0, length)));
      if (origin !== undefined) return { origin, exact: length === path.length };
    }
    return { origin: undefined, exact: false };
  };
  return {
    value,
    problems,
    keyPlace: (path) => place(nearest(path).origin?.key ?? 0),
    valuePlace: (path) => {
      const { origin, exact } = nearest(path);
      return place((exact ? origin?.value : origin?.key) ?? 0);
    },
    references: (path) => origins.get(pathId(path))?.references ?? [],
    isUnknown: (path) => path.some((_, index) => origins.get(pathId(path.slice(0, index + 1)))?.unknown === true),
  };
}
