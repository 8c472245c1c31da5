/** Cleans a text of what a URI keeps secret. */
export type Redact = (text: string) => string;

const HIDDEN = '***';
/** Query options of a connection string that are secrets (MongoDB manual, "Connection String Options"). */
const SECRET_OPTIONS = /[?&](?:tlsCertificateKeyFilePassword|proxyPassword|proxyUsername)=([^&#]*)/gi;
const SESSION_TOKEN = /AWS_SESSION_TOKEN(?::|%3A)([^,&#]*)/gi;

/**
 * A function that takes the URI, its user and password, escaped or not, and its other secrets out of a text. Everything the
 * driver says goes through it: its messages may quote what it could not parse.
 *
 * A secret under 4 characters, and the user name, are taken out only where they stand as words of their own: inside longer
 * words they would be found by chance everywhere, and their gaps would spell them.
 */
export function redactor(uri: string): Redact {
  const { anywhere, asWords } = secretsOf(uri);
  return (text) => {
    let clean = text;
    for (const secret of anywhere) clean = clean.replaceAll(secret, HIDDEN);
    for (const secret of asWords) {
      const word = new RegExp(`(?<![\\w*])${escapeForRegExp(secret)}(?![\\w*])`, 'g');
      clean = clean.replace(word, HIDDEN);
    }
    return clean;
  };
}

/** An option of the connection string, unescaped, `undefined` where it is not set. Names are case-insensitive. */
export function optionOf(uri: string, name: string): string | undefined {
  const query = uri.slice(uri.indexOf('?') + 1);
  if (query.length === uri.length) return undefined;
  for (const [key, value] of new URLSearchParams(query)) {
    if (key.toLowerCase() === name.toLowerCase()) return value;
  }
  return undefined;
}

function secretsOf(uri: string): { readonly anywhere: readonly string[]; readonly asWords: readonly string[] } {
  const passwords = new Set<string>([uri]);
  const users = new Set<string>();
  const rest = uri.replace(/^[^/]*:\/\//, '');
  // A password with an unescaped `@` makes the URI invalid, so where it ends is not known: take the first `@` and the last.
  for (const end of [rest.indexOf('@'), rest.lastIndexOf('@')]) {
    if (end < 0) continue;
    const userinfo = rest.slice(0, end);
    const colon = userinfo.indexOf(':');
    addBoth(users, colon < 0 ? userinfo : userinfo.slice(0, colon));
    if (colon < 0) continue;
    addBoth(passwords, userinfo);
    addBoth(passwords, userinfo.slice(colon + 1));
  }
  for (const pattern of [SECRET_OPTIONS, SESSION_TOKEN]) {
    for (const match of uri.matchAll(pattern)) addBoth(passwords, match[1] ?? '');
  }
  const all = [...passwords].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
  return {
    anywhere: all.filter((secret) => secret.length >= 4),
    asWords: [...all.filter((secret) => secret.length < 4), ...[...users].filter((user) => user !== '')],
  };
}

/** Adds a part of a URI as it is written and as it is meant. */
function addBoth(secrets: Set<string>, escaped: string): void {
  secrets.add(escaped);
  try {
    secrets.add(decodeURIComponent(escaped));
  } catch (error) {
    // What is no valid escape has no second form; the URI is refused for it elsewhere.
    if (!(error instanceof URIError)) throw error;
  }
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
