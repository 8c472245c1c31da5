// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written so
import type { KeyPath } from './problem.ts';

/**
 * References to the environment in values: `${NAME}`, `${NAME:-default}` (default where unset or empty), and `$${` for a literal
 * `${`. `${scheme:reference}` asks another resolver. Pure; a value is put in once and never looked at again.
 */

/** Answers `${scheme:reference}`, as a secret store does from what was fetched before. */
export interface ReferenceResolver {
  /** Lower-case letters and digits: `vault` for `${vault:kv/mongo#uri}`. */
  readonly scheme: string;
  /** `path` is the key whose value has the reference. */
  resolve(reference: string, path: KeyPath): Resolved;
}

/** `problem` says why there is no value; `later`: it is not known yet, and nothing is wrong with that. */
export type Resolved = { readonly value: string } | { readonly problem: string } | { readonly later: true };

/** One `${…}` of a value. */
export interface Reference {
  /** `undefined` for a variable of the environment. */
  readonly scheme: string | undefined;
  readonly name: string;
  readonly fallback: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A value with its references put in; `names` are the references used, none for a plain value. */
export interface Interpolated {
  /** `undefined` where the value is nothing but references with an empty default that are unset: the key counts as left out. */
  readonly text: string | undefined;
  /** As written: `${NAME}`. Never a value. */
  readonly names: readonly string[];
  /** Variables that are not set, as written. */
  readonly unset: readonly string[];
  /** What is wrong with the syntax, a scheme without a resolver, or what a resolver says. */
  readonly problems: readonly string[];
  /** Whether a resolver answers later, so that `text` is not the value. */
  readonly later: boolean;
}

type Part = string | Reference;

const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const SCHEME = /^([a-z][a-z0-9]*):([^-].*)$/s;

/** The text cut at its references; malformed ones are described in `problems`. */
export function splitReferences(text: string): {
  readonly parts: readonly Part[];
  readonly problems: readonly string[];
} {
  const parts: Part[] = [];
  const problems: string[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('$${', at)) {
      literal += '${';
      at += 3;
    } else if (text.startsWith('${', at)) {
      const end = text.indexOf('}', at);
      const reference = end === -1 ? undefined : parseReference(text.slice(at + 2, end));
      if (reference === undefined) {
        problems.push('not a reference such as ${NAME} or ${NAME:-default}; write $${ for a literal ${');
        break;
      }
      parts.push(literal, reference);
      literal = '';
      at = end + 1;
    } else {
      literal += text[at];
      at += 1;
    }
  }
  parts.push(literal);
  return { parts: parts.filter((part) => part !== ''), problems };
}

function parseReference(inner: string): Reference | undefined {
  if (inner.includes('${')) return undefined;
  const variable = VARIABLE.exec(inner);
  if (variable?.[1] !== undefined) return { scheme: undefined, name: variable[1], fallback: variable[2] };
  const other = SCHEME.exec(inner);
  if (other?.[1] === undefined || other[2] === undefined) return undefined;
  return { scheme: other[1], name: other[2], fallback: undefined };
}

/**
 * Puts the references in. What a reference answers is never scanned again. What a resolver answers is percent-encoded where it is the
 * user or password of a URL: `mongodb://reader:${vault:…}@host/`. `path` is the key of `text`, for resolvers.
 */
export function interpolate(
  text: string,
  env: Environment,
  resolvers: readonly ReferenceResolver[] = [],
  path: KeyPath = [],
): Interpolated {
  const { parts, problems: malformed } = splitReferences(text);
  const names: string[] = [];
  const unset: string[] = [];
  const problems = [...malformed];
  let result = '';
  let later = false;
  let mayVanish = parts.length > 0;
  parts.forEach((part, index) => {
    if (typeof part === 'string') {
      result += part;
      mayVanish = false;
      return;
    }
    const name = formatReference(part);
    names.push(name);
    if (part.fallback !== '') mayVanish = false;
    if (part.scheme === undefined) {
      const value = lookUp(env, part);
      if (value === undefined) unset.push(name);
      result += value ?? '';
      return;
    }
    const resolver = resolvers.find(({ scheme }) => scheme === part.scheme);
    const resolved = resolver?.resolve(part.name, path) ?? { problem: `nothing answers ${part.scheme}: references` };
    if ('problem' in resolved) problems.push(`${name}: ${resolved.problem}`);
    else if ('later' in resolved) later = true;
    else result += isUserInfo(parts, index) ? encodeURIComponent(resolved.value) : resolved.value;
  });
  return {
    text: result === '' && mayVanish ? undefined : result,
    names,
    unset: problems.length > 0 ? [] : unset,
    problems,
    later,
  };
}

/** Whether the part stands between the `://` and the `@` of a URL. A reference counts as text without such signs. */
function isUserInfo(parts: readonly Part[], index: number): boolean {
  const literals = (some: readonly Part[]) => some.map((part) => (typeof part === 'string' ? part : '')).join('');
  return (
    /^\s*[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#@]*$/.test(literals(parts.slice(0, index))) &&
    /^[^/?#]*@/.test(literals(parts.slice(index + 1)))
  );
}

/** As the user wrote it, without the default. */
function formatReference(reference: Reference): string {
  return `\${${reference.scheme === undefined ? '' : `${reference.scheme}:`}${reference.name}}`;
}

function lookUp(env: Environment, reference: Reference): string | undefined {
  const value = Object.hasOwn(env, reference.name) ? env[reference.name] : undefined;
  if (reference.fallback === undefined) return value;
  return value === undefined || value === '' ? reference.fallback : value;
}

/** First of 128 private-use characters, which stand for the ASCII characters of a masked reference. */
const MASK = 0xe000;
/** A text that has such characters itself, or YAML's escapes of them. */
const HAS_MASKS = /[\uE000-\uE07F]|\\(?:u|U0000)[eE]0[0-7]/;

/**
 * The YAML with the punctuation inside of each `${…}` replaced by as many private-use characters, so that
 * `{ uri: ${MONGODB_URI} }` is a string and not a map of `$`. Every position stays. `unmask` takes them out of one value again.
 * A text that has such characters itself is left as it is: there, references within `{}` and `[]` need quotes.
 */
export function maskReferences(yaml: string): { readonly text: string; readonly unmask: (value: string) => string } {
  if (HAS_MASKS.test(yaml)) return { text: yaml, unmask: (value) => value };
  const text = yaml.replace(
    /\$\{[A-Za-z_][^{}"'\\\r\n]*\}/g,
    (reference) =>
      reference.slice(0, 1) +
      reference.slice(1).replace(/[ -/:-@[-`{-~]/g, (char) => String.fromCharCode(MASK + char.charCodeAt(0))),
  );
  const unmask = (value: string): string =>
    value.replace(/[\uE000-\uE07F]/g, (char) => String.fromCharCode(char.charCodeAt(0) - MASK));
  return { text, unmask };
}
