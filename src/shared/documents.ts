import { MongolakeError } from './domain/errors.ts';
import type { Storage } from './ports/storage.ts';

/** Reads a JSON object of a run. Throws `OBJECT_MISSING`. */
export async function readJson<T>(storage: Storage, key: string): Promise<T> {
  const object = await storage.get(key);
  if (object === undefined) {
    throw new MongolakeError('OBJECT_MISSING', `${storage.uri}/${key} is not there`, {
      hint: 'Its run was probably given up and cleaned. Start the sync again.',
    });
  }
  return JSON.parse(object.body.toString('utf8')) as T;
}

/** A value as the body of an object. */
export function jsonBody(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
