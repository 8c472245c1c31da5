import type { SecretAnswer, SecretReference } from '../ports/secrets.ts';

type Fields = Readonly<Record<string, unknown>>;

const NAMES_AT_MOST = 20;

/**
 * The keys and values of an answer to a read; `undefined` where it is none. KV version 2 answers `{ data: { data, metadata } }`,
 * version 1 and the other engines `{ data }`.
 */
export function fieldsOf(body: unknown): Fields | undefined {
  const outer = asFields(asFields(body)?.data);
  const inner = asFields(outer?.data);
  return inner !== undefined && asFields(outer?.metadata) !== undefined ? inner : outer;
}

/** What `fields` have at the reference. Values that are no text become text; objects and lists are `missing`. */
export function answerOf(fields: Fields, { path, key }: SecretReference): SecretAnswer {
  if (!Object.hasOwn(fields, key)) {
    const names = Object.keys(fields).sort();
    const listed = [...names.slice(0, NAMES_AT_MOST), ...(names.length > NAMES_AT_MOST ? ['…'] : [])].join(', ');
    const has = names.length === 0 ? 'it has no keys' : `it has: ${listed}`;
    return { missing: `there is no key ${key} at ${path} (${has})` };
  }
  const value = fields[key];
  if (typeof value === 'string') return { value };
  if (typeof value === 'boolean') return { value: String(value) };
  if (typeof value === 'number') {
    // JSON's larger integers have lost their last digits by now.
    if (Number.isSafeInteger(value) || !Number.isInteger(value)) return { value: String(value) };
    return { missing: `the key ${key} at ${path} is a number that is too large to be exact; store it as a string` };
  }
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
  return { missing: `the key ${key} at ${path} is ${kind}; expected a string, a number or a boolean` };
}

/** Why there is nothing at `path`, as Vault's 404 tells it. */
export function absenceOf(body: unknown, path: string): string {
  const answer = asFields(body);
  const warnings = Array.isArray(answer?.warnings) ? answer.warnings : [];
  if (warnings.some((text) => /versioned K\/V/i.test(String(text)))) {
    return `${path} is in a KV engine of version 2, whose paths have data/ after the mount, such as secret/data/${path.split('/').slice(1).join('/')}`;
  }
  if (asFields(asFields(answer?.data)?.metadata) !== undefined) return `the latest version of ${path} was deleted`;
  const errors = Array.isArray(answer?.errors) ? answer.errors : [];
  if (errors.some((text) => /no handler for route/.test(String(text)))) {
    return `no secrets engine is mounted that ${path} leads to`;
  }
  return `there is nothing at ${path}`;
}

function asFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
