import { createHmac } from 'node:crypto';
import type { HashText } from './domain/cut.ts';

/** Hashes texts by HMAC-SHA-256 with the key (its UTF-8 bytes), as 64 lower-case hex digits. */
export function hashWith(key: string): HashText {
  return (text) => createHmac('sha256', key).update(text, 'utf8').digest('hex');
}

/** What tells one key from another without telling it: 16 hex digits of the HMAC of a fixed text. */
export function keyFingerprint(key: string): string {
  return hashWith(key)('mongolake.hashKey').slice(0, 16);
}
