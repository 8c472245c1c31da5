import { createHash } from 'node:crypto';

/** The SHA-256 of bytes, or of a text's UTF-8, as 64 hex digits. */
export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}
