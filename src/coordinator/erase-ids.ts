import type { KeyedHash } from '../shared/domain/cut.ts';
import { hashedText } from '../shared/domain/cut.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { idAt, identityAt } from '../shared/domain/id-list.ts';
import {
  type IdClass,
  type IdType,
  idClass,
  idHash,
  idText,
  isBareText,
  mainClass,
  storedIdHash,
} from '../shared/domain/ids.ts';
import { hidesIds } from '../shared/domain/policy.ts';
import { idDocument } from '../shared/domain/stored-ids.ts';
import type { TableState } from './table.ts';

/** An id as it was given. */
export interface GivenId {
  readonly text: string;
  /** For messages: the option, or the file and its line. */
  readonly where: string;
}

/** An id that is to be erased, or that was. */
export interface ErasableId {
  /** As it was given. */
  readonly text: string;
  /** `{ _id }`, by which its row is found. */
  readonly document: Buffer;
  /** As in `identityAt`. */
  readonly identity: string;
  /** As the newest version stores it. */
  readonly stored: string;
  /** As any version may store it: the id type may have been another, and so may the column policy. */
  readonly forms: readonly string[];
  /** Of each of these; the first is that of `stored`. */
  readonly hashes: readonly number[];
}

/**
 * The ids, each once, as the table shows them; of a table that holds hashes of its ids the ids themselves. `keyed` makes these hashes. Throws `USAGE`
 * where a text is no id of the table, `CONFIG_INVALID` where the key is missing or another.
 */
export function erasableIds(
  given: readonly GivenId[],
  { schema: { idType }, columns }: Pick<TableState, 'schema' | 'columns'>,
  keyed: KeyedHash | undefined,
): readonly ErasableId[] {
  const hides = hidesIds(columns);
  if (hides && keyed?.fingerprint !== columns?.key) throw wrongKey();
  const ids = new Map<string, ErasableId>();
  for (const one of given) {
    const own = hides ? typeOf(one.text) : idType;
    const document = documentOf(one.text, own);
    if (document === undefined) throw noId(one, own);
    const id = erasableId(one.text, document, idType, keyed, hides);
    ids.set(id.identity, id);
  }
  return [...ids.values()];
}

/** ObjectIds and UUIDs may be typed in capitals, and any id in EJSON, also where the table would write it bare. */
function documentOf(text: string, idType: IdType): Buffer | undefined {
  const main = mainClass(idType);
  const small = main === 'objectId' || main === 'uuid' ? text.toLowerCase() : text;
  const document = idDocument(text, idType) ?? idDocument(small, idType) ?? idDocument(text, 'string:other');
  return document !== undefined && (idType !== 'long' || isLong(document)) ? document : undefined;
}

/** Whether a table of integers can have the id. */
function isLong(document: Buffer): boolean {
  const id = idAt(document, 0);
  return id !== undefined && idClass(document, id.type, id.at) === 'long';
}

/** What a bare text means where the table does not tell it, for it has only hashes. */
function typeOf(text: string): IdType {
  if (/^[0-9a-f]{24}$/i.test(text)) return 'string:objectId';
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return 'string:uuid';
  return /^(0|-?[1-9]\d{0,18})$/.test(text) ? 'string:long' : 'string:string';
}

const CLASSES: readonly IdClass[] = ['objectId', 'string', 'uuid', 'long', 'other'];

function erasableId(
  text: string,
  document: Buffer,
  idType: IdType,
  keyed: KeyedHash | undefined,
  hides: boolean,
): ErasableId {
  const found = idAt(document, 0);
  if (found === undefined) throw new MongolakeError('INTERNAL', 'an id to be erased has no _id');
  const { type, at, end } = found;
  const plain = CLASSES.map((main) => idText(document, type, at, end, main));
  const own = idText(document, type, at, end, mainClass(idType));
  const hashed = keyed?.hash(hashedText(document, type, at, end));
  const hashes = [
    idHash(document, type, at, end),
    ...(hashed === undefined ? [] : [storedIdHash(Buffer.from(hashed, 'utf8'), 'string:string')]),
  ];
  return {
    text,
    document,
    identity: identityAt(document, 0),
    stored: hides && hashed !== undefined ? hashed : own,
    forms: [...new Set([...plain, ...(hashed === undefined ? [] : [hashed])])],
    hashes: hides ? hashes.reverse() : hashes,
  };
}

/** Identities that an id may have whose bare text is known, and not its type. */
export function possibleIdentities(text: string): readonly string[] {
  if (!isBareText(text)) return [text];
  const types: readonly IdType[] = ['string:objectId', 'string:uuid', 'string:long', 'string:string'];
  return types.flatMap((type) => {
    const document = documentOf(text, type);
    return document === undefined ? [] : [identityAt(document, 0)];
  });
}

const EXAMPLES: Readonly<Record<IdClass, string>> = {
  objectId: '24 hexadecimal digits',
  string: 'its text as it is',
  uuid: 'a UUID as 8-4-4-4-12 hexadecimal digits',
  long: 'an integer',
  other: 'canonical EJSON',
};

function noId({ text, where }: GivenId, idType: IdType): MongolakeError {
  const main = mainClass(idType);
  const other =
    idType === 'long' ? '' : `; any other id in canonical EJSON, such as {"$oid":"…"}, or a string in quotes`;
  return new MongolakeError('USAGE', `${where}: ${text.slice(0, 100)} is no id of this table; nothing was changed`, {
    hint: `Give ids as \`mongolake head\` shows them: ${EXAMPLES[main]}${other}.`,
  });
}

function wrongKey(): MongolakeError {
  return new MongolakeError(
    'CONFIG_INVALID',
    'the table has hashes of its ids, and the hashKey of this configuration is not the one that they were made with',
    { hint: 'Give it the hashKey that the table was loaded with: by it the rows of these ids are found.' },
  );
}
