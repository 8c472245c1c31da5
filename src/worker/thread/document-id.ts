import { findElement } from '../../shared/domain/bson.ts';
import { MongolakeError } from '../../shared/domain/errors.ts';
import { type IdClass, type IdType, idText } from '../../shared/domain/ids.ts';
import { idInteger } from '../../shared/domain/numbers.ts';

/** The `_id` of the document at `at`, as its table stores it. Throws `DOCUMENT_BROKEN` where there is none. */
export function documentId(bytes: Buffer, at: number, idType: IdType): bigint | string {
  const id = findElement(bytes, at, ['_id']);
  if (id === undefined) throw new MongolakeError('DOCUMENT_BROKEN', 'a document without _id');
  if (idType !== 'long') return idText(bytes, id.type, id.at, id.end, idType.slice('string:'.length) as IdClass);
  const value = idInteger(bytes, id.type, id.at);
  if (value === undefined) throw new MongolakeError('INTERNAL', 'an _id that does not fit the table passed the schema');
  return value;
}
