import type { TlsMaterial } from './tls-files.ts';

/** Where a Redis is, the certificates for it, and who asks. */
export interface RedisPlace {
  /** `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS. */
  readonly url: string;
  /** Those that Node knows, and none of ours, where not given. */
  readonly tls?: TlsMaterial;
  /** User and password for the next connection; those of the URL where not given. */
  readonly credentials?: () => RedisCredentials;
}

export interface RedisCredentials {
  readonly username?: string;
  readonly password?: string;
}

/** User and password of a URL, decoded. */
export function redisCredentials(url: string): RedisCredentials {
  const { username, password } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: decoded(password) }),
  };
}

/** What is not rightly encoded is taken as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
