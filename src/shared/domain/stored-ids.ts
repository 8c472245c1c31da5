import { EJSON, Long, ObjectId, serialize, UUID } from 'bson';
import { findElement } from './bson.ts';
import { type IdType, idText, isBareText, mainClass } from './ids.ts';

/**
 * The document `{ _id }` of an id as its table stores it, by which a source can be asked for it; `undefined` where the id can't be said so that the table would
 * store it alike: text that is not UTF-8, or an object whose keys JavaScript would put in another order.
 */
export function idDocument(text: string, idType: IdType): Buffer | undefined {
  const document = Buffer.from(serialize({ _id: idValue(text, idType) }, { ignoreUndefined: false }));
  const id = findElement(document, 0, ['_id']);
  if (id === undefined) return undefined;
  const again = idText(document, id.type, id.at, id.end, mainClass(idType));
  return again === text ? document : undefined;
}

function idValue(text: string, idType: IdType): unknown {
  if (idType !== 'long' && !isBareText(text)) return EJSON.parse(text, { relaxed: false });
  switch (mainClass(idType)) {
    case 'long':
      return Long.fromString(text);
    case 'objectId':
      return ObjectId.createFromHexString(text);
    case 'uuid':
      return new UUID(text);
    default:
      return text;
  }
}
