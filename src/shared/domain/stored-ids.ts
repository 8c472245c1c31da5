import { EJSON, Long, ObjectId, serialize, UUID } from 'bson';
import { findElement } from './bson.ts';
import { type IdType, idText, isBareText, mainClass } from './ids.ts';

/**
 * The document `{ _id }` of an id as its table stores it, by which a source can be asked for it; `undefined` where the id can't be said so that the table would
 * store it alike: text that is not UTF-8, or an object whose keys JavaScript would put in another order.
 */
export function idDocument(text: string, idType: IdType): Buffer | undefined {
  const document = serialized(text, idType);
  if (document === undefined) return undefined;
  const id = findElement(document, 0, ['_id']);
  if (id === undefined) return undefined;
  const again = idText(document, id.type, id.at, id.end, mainClass(idType));
  return again === text ? document : undefined;
}

/** Some ids that a server stores are none to the library: a UUID of too few bytes, a regular expression with options of its own. */
function serialized(text: string, idType: IdType): Buffer | undefined {
  try {
    return Buffer.from(serialize({ _id: idValue(text, idType) }, { ignoreUndefined: false }));
  } catch {
    return undefined;
  }
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
