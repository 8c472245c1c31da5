import { MongolakeError } from '../domain/errors.ts';
import type { ByteRange } from '../ports/storage.ts';

/** File names with this start are an adapter's own (temporary files, locks): no key may hold one, and no listing shows one. */
export const HIDDEN_PREFIX = '.mongolake-';

/**
 * Throws unless every adapter can store an object under `key`: relative, `/`-separated, well-formed Unicode, no segment that is
 * empty, `.`, `..` or hidden, no backslash, and no character that a listing in XML 1.0 could not show.
 */
export function checkKey(uri: string, key: string): void {
  const reason = keyFault(key);
  if (reason !== undefined) throw badKey(uri, key, reason);
}

/** As `checkKey`, for the start of a key: it may be empty, and its last segment may be cut anywhere. */
export function checkPrefix(uri: string, prefix: string): void {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const reason = characterFault(prefix) ?? (folder === '' ? undefined : keyFault(folder.slice(0, -1)));
  if (reason !== undefined) throw badKey(uri, prefix, reason);
}

/** Throws unless `0 <= start <= end`, both whole numbers. */
export function checkRange(uri: string, key: string, range: ByteRange): void {
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) return;
  throw new MongolakeError('INTERNAL', `${uri}: [${start}, ${end}) of ${JSON.stringify(key)} is not a byte range`);
}

/** Throws unless `writerId` can later be found in the body, which is how a writer recognises its own object. */
export function checkWriterId(uri: string, key: string, body: Buffer, writerId: string): void {
  if (writerId !== '' && body.includes(writerId)) return;
  throw new MongolakeError('INTERNAL', `${uri}: the body for ${JSON.stringify(key)} does not hold its writer's id`);
}

/** True where `checkKey` accepts the key. */
export function isKey(key: string): boolean {
  return keyFault(key) === undefined;
}

/** Order of keys in a listing: by their UTF-8 bytes. JavaScript's `<` differs for characters beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The error for a range that the object does not have. `size` is the object's, where it is known. */
export function rangeBeyondEnd(uri: string, key: string, range: ByteRange, size?: number): MongolakeError {
  const known = size === undefined ? '' : ` of ${size} bytes`;
  return new MongolakeError(
    'OBJECT_CORRUPT',
    `${uri}: the object ${JSON.stringify(key)}${known} is shorter than the range [${range.start}, ${range.end}) asked of it`,
    { hint: 'The object was cut or replaced after it was written; run verify.' },
  );
}

/** The error for an object that has to be there and is not. */
export function objectMissing(uri: string, key: string): MongolakeError {
  return new MongolakeError('OBJECT_MISSING', `${uri}: there is no object ${JSON.stringify(key)}`, {
    hint: 'It was deleted by someone else, or by a vacuum with too short a retention.',
  });
}

function keyFault(key: string): string | undefined {
  const segments = key.split('/');
  if (segments.includes('')) return 'it has an empty segment';
  if (segments.includes('.') || segments.includes('..')) return 'it has a relative segment';
  if (segments.some((segment) => segment.startsWith(HIDDEN_PREFIX))) return `${HIDDEN_PREFIX} is kept for own use`;
  return characterFault(key);
}

function characterFault(key: string): string | undefined {
  if (Buffer.from(key).toString() !== key) return 'it is not well-formed Unicode';
  for (const character of key) {
    if (character < ' ' || '\\\u007f\ufffe\uffff'.includes(character)) return 'it has a forbidden character';
  }
  return undefined;
}

function badKey(uri: string, key: string, reason: string): MongolakeError {
  return new MongolakeError('INTERNAL', `${uri}: ${JSON.stringify(key)} is not an object key: ${reason}`);
}
