/** Cleans a text of secrets. */
export type Redact = (text: string) => string;

/** What stands in place of a secret. */
const HIDDEN = '***';

/**
 * The secrets of this process: what a configuration gave. A set for all of it, because an error or a line knows nothing of where
 * its words came from. It only grows: a secret stays one when its configuration is closed.
 */
const kept = new Set<string>();
let clean: Redact = blankUrls;

/** From now on `redact` takes these out of every text. Empty strings are left alone. */
export function keepSecrets(secrets: Iterable<string>): void {
  const before = kept.size;
  for (const secret of secrets) kept.add(secret);
  if (kept.size === before) return;
  const known = hiding(kept);
  clean = (text) => blankUrls(known(text));
}

/**
 * The text as it may leave the process: without the secrets that are known, in whatever form they stand there, and without user
 * and password in any URL, known or not. Every message and hint of a `MongolakeError` and every line of a log goes through this.
 */
export function redact(text: string): string {
  return clean(text);
}

/** An error as one that may be logged: the name, message, code and stack, cleaned, and nothing else of what it carries. */
export function redactedError(error: unknown, also: Redact = redact, depth = 3): Error {
  if (!(error instanceof Error)) return new Error(also(String(error)));
  const cause = error.cause === undefined || depth === 0 ? undefined : redactedError(error.cause, also, depth - 1);
  const copy = new Error(also(error.message), cause === undefined ? undefined : { cause });
  copy.name = error.name;
  copy.stack = also(error.stack ?? '');
  const { code } = error as { code?: unknown };
  return code === undefined ? copy : Object.assign(copy, { code });
}

/**
 * A function that takes secrets out of a text: as they are, percent-encoded or decoded, and as JSON writes them. A secret under 4
 * characters, and `words`, are taken out only where they stand as words of their own: inside longer words they would be found by chance
 * everywhere, and their gaps would spell them.
 */
export function hiding(secrets: Iterable<string>, words: Iterable<string> = []): Redact {
  const all = formsOf(secrets);
  const anywhere = all.filter(({ length }) => length >= 4);
  const asWords = [...all.filter(({ length }) => length < 4), ...formsOf(words)].map(
    (secret) => new RegExp(`(?<![\\w*])${escapeForRegExp(secret)}(?![\\w*])`, 'g'),
  );
  return (text) => {
    let rest = text;
    for (const secret of anywhere) rest = rest.replaceAll(secret, HIDDEN);
    for (const word of asWords) rest = rest.replace(word, HIDDEN);
    return rest;
  };
}

/** Query options of connection strings that are secrets (MongoDB manual, "Connection String Options"). */
const SECRET_OPTIONS = /[?&](?:tlsCertificateKeyFilePassword|proxyPassword|proxyUsername)=([^&#]*)/gi;
const SESSION_TOKEN = /AWS_SESSION_TOKEN(?::|%3A)([^,&#]*)/gi;

/** What of a URL or a connection string is secret, as it is written there, and the names of its users. */
export function secretsOfUri(uri: string): { readonly secrets: readonly string[]; readonly users: readonly string[] } {
  const secrets = new Set<string>();
  const users = new Set<string>();
  const rest = uri.replace(/^[^/]*:\/\//, '');
  // A password with an unescaped `@` makes the URI invalid, so where it ends is not known: take the first `@` and the last.
  for (const end of [rest.indexOf('@'), rest.lastIndexOf('@')]) {
    if (end < 0) continue;
    const userinfo = rest.slice(0, end);
    const colon = userinfo.indexOf(':');
    users.add(colon < 0 ? userinfo : userinfo.slice(0, colon));
    if (colon < 0) continue;
    if (colon > 0) secrets.add(userinfo);
    secrets.add(userinfo.slice(colon + 1));
  }
  for (const pattern of [SECRET_OPTIONS, SESSION_TOKEN]) {
    for (const match of uri.matchAll(pattern)) secrets.add(match[1] ?? '');
  }
  return { secrets: [...secrets].filter((one) => one !== ''), users: [...users].filter((one) => one !== '') };
}

/** Each text in all its forms, the longest first: a shorter one may be part of it. */
function formsOf(texts: Iterable<string>): readonly string[] {
  const forms = new Set<string>();
  for (const text of texts) {
    for (const one of [text, inUri(decodeURIComponent, text)]) {
      forms.add(one);
      forms.add(inUri(encodeURIComponent, one));
      forms.add(JSON.stringify(one).slice(1, -1));
    }
  }
  forms.delete('');
  return [...forms].sort((a, b) => b.length - a.length);
}

function inUri(form: (text: string) => string, text: string): string {
  try {
    return form(text);
  } catch (error) {
    // What is no valid escape, or half a character, has no second form.
    if (error instanceof URIError) return text;
    throw error;
  }
}

/**
 * Without user and password in URLs: errors of drivers quote connection strings, also those that we were never told of. The words of our
 * own hints stay.
 */
function blankUrls(text: string): string {
  if (!text.includes('@')) return text;
  return text.replace(/([a-z][a-z\d+.-]*:\/\/)(?!user:password@)[^\s/@]*(?:@[^\s/@]*)*@/gi, `$1${HIDDEN}@`);
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
