import { checksumOf } from './domain/checksum.ts';
import { MongolakeError } from './domain/errors.ts';
import type { Storage } from './ports/storage.ts';

/**
 * The JSON objects of a run and of a table (plans, receipts, the lease …). Each ends with a CRC-32 of what stands before it, so that a
 * damaged one is never taken for what was written. Older ones have none.
 */
const CHECKSUM = 'crc32';

/** What an object holds, and the version that was read. */
export interface FoundJson<T> {
  readonly body: T;
  readonly etag: string;
}

/** Reads a JSON object of a run. Errors: `OBJECT_MISSING`, those of `findJson`. */
export async function readJson<T>(storage: Storage, key: string): Promise<T> {
  const found = await findJson<T>(storage, key);
  if (found !== undefined) return found.body;
  throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key} is not there`, {
    hint: 'Its run was probably given up and cleaned. Start the sync again.',
  });
}

/** Reads a JSON object; `undefined` where there is none. Throws `OBJECT_CORRUPT` where it is not what was written, also when read again. */
export async function findJson<T>(storage: Storage, key: string): Promise<FoundJson<T> | undefined> {
  return readTwice('OBJECT_CORRUPT', async () => {
    const object = await storage.get(key);
    return object && { body: parseBody(object.body, `${storage.uri}/${key}`) as T, etag: object.etag };
  });
}

/** Reads once more where `read` fails with `code`: what was damaged on its way is whole the next time. */
export async function readTwice<T>(code: MongolakeError['code'], read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MongolakeError) || error.code !== code) throw error;
    return await read();
  }
}

/** A JSON object as the body of an object in the store, with its checksum as the last property. */
export function jsonBody(value: object): Buffer {
  return Buffer.from(sealed(JSON.stringify(value).slice(0, -1)), 'utf8');
}

function sealed(open: string): string {
  return `${open}${open === '{' ? '' : ','}"${CHECKSUM}":"${checksumOf(open)}"}`;
}

/** The object without its checksum. `name` is for errors. */
function parseBody(bytes: Buffer, name: string): unknown {
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the parser's own words: they quote the text.
    throw corrupt(name, 'it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw corrupt(name, 'it is no JSON object');
  const { [CHECKSUM]: told, ...rest } = value as Record<string, unknown>;
  if (told !== undefined && !isSealed(bytes)) throw corrupt(name, 'its checksum is that of another content');
  return rest;
}

/** Over the bytes as they came: decoding would hide what is not UTF-8. */
function isSealed(bytes: Buffer): boolean {
  const ending = new RegExp(`,?"${CHECKSUM}":"([0-9a-f]{8})"}$`);
  const tail = ending.exec(bytes.toString('latin1', Math.max(0, bytes.length - 32)));
  if (tail === null) return false;
  return checksumOf(bytes.subarray(0, bytes.length - tail[0].length)) === tail[1];
}

function corrupt(name: string, what: string): MongolakeError {
  return new MongolakeError('OBJECT_CORRUPT', `${name} is damaged: ${what}`, {
    hint: 'Run again. If it happens again, the store itself has it so.',
  });
}
