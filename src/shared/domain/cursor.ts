import { BSON, findElement } from './bson.ts';

/** `a.b` as the names on the way. */
export function cursorPath(field: string): readonly string[] {
  return field.split('.');
}

/** The cursor field of the document at `at` in epoch milliseconds; `undefined` where it is missing or no date. */
export function readCursor(bytes: Buffer, at: number, path: readonly string[]): bigint | undefined {
  const element = findElement(bytes, at, path);
  return element?.type === BSON.date ? bytes.readBigInt64LE(element.at) : undefined;
}
