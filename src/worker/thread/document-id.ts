import { type Element, findElement } from '../../shared/domain/bson.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { type IdType, idText, mainClass } from '../../shared/domain/ids.ts';
import { idInteger } from '../../shared/domain/numbers.ts';

/** The `_id` of the document at `at`, as its table stores it. Throws `DOCUMENT_BROKEN` where there is none. */
export function documentId(bytes: Buffer, at: number, idType: IdType): bigint | string {
  const id = findElement(bytes, at, ['_id']);
  if (id === undefined) throw new MongolakeError('DOCUMENT_BROKEN', 'a document without _id');
  return storedId(bytes, id, idType);
}

/** An `_id` as its table stores it. */
export function storedId(bytes: Buffer, { type, at, end }: Element, idType: IdType): bigint | string {
  if (idType !== 'long') return idText(bytes, type, at, end, mainClass(idType));
  const value = idInteger(bytes, type, at);
  if (value === undefined) throw new MongolakeError('INTERNAL', 'an _id that does not fit the table passed the schema');
  return value;
}
