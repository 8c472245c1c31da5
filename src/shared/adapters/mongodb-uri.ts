import { hiding, type Redact, redact, secretsOfUri } from '../domain/redact.ts';

/**
 * A function that takes the URI, its user and password and its other secrets out of a text, and what else is secret. Everything the
 * driver says goes through it: its messages may quote what it could not parse.
 */
export function redactor(uri: string): Redact {
  const { secrets, users } = secretsOfUri(uri);
  const own = hiding([uri, ...secrets], users);
  return (text) => redact(own(text));
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
