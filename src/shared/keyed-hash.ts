import { createHmac } from 'node:crypto';
import type { KeyedHash } from './domain/cut.ts';

/** HMAC-SHA-256 with the key's UTF-8 bytes. Its fingerprint is that of a fixed text. */
export function keyedHash(key: string): KeyedHash {
  const hash = (text: string) => createHmac('sha256', key).update(text, 'utf8').digest('hex');
  return { hash, key, fingerprint: hash('mongolake.hashKey').slice(0, 16) };
}
