import { BSON, findElement, unlessBroken } from './bson.ts';
import { checkValue } from './bson-text.ts';
import { canonicalJson } from './ejson.ts';
import { MongolakeError } from './errors.ts';
import { idExample } from './ids.ts';

/** A document that was read and can't be stored. Nothing of what it holds is told but its id. */
export interface QuarantinedDocument {
  /**
   * SHA-256 of its bytes, hex. They hold its `_id`, so it names the document and its content in one. Of bytes that a column policy
   * withholds it is a keyed hash, or one of their place: else it would let their values be guessed.
   */
  readonly digest: string;
  /** Its `_id`, at most 100 characters; `null` where it has none that can be read, or it is withheld. */
  readonly id: string | null;
  /** Why it can't be stored. */
  readonly reason: string;
  /** Where it was read, such as a dump and the byte in it. */
  readonly place: string;
  /** Length. */
  readonly bytes: number;
  /** Key of the object that holds its bytes; `null` where a column policy forbids to keep them. */
  readonly object: string | null;
  /** The column policy that its bytes were cut by (`policyText`); absent where they are the whole document. */
  readonly policy?: string;
}

/**
 * What the bytes of a document are: all of it; what the column policy leaves; the same with hashes in it; all of it, although the policy
 * hides values, since it could not be applied. The last two are listed without bytes and id: hashes can't be tried again, for they would
 * be hashed, and what is hidden is kept nowhere.
 */
export type Form = 'whole' | 'cut' | 'hashed' | 'hidden';

/** A document on the table's list. */
export interface ListedDocument extends QuarantinedDocument {
  /** The run that put it there. */
  readonly run: string;
  /** When that run committed, epoch milliseconds. */
  readonly at: number;
}

/** The whole list of one version of the table: an object that the version's log entry names. */
export interface QuarantineManifest {
  readonly formatVersion: 1;
  readonly run: string;
  /** In the order in which they were put there. */
  readonly documents: readonly ListedDocument[];
}

/** Names of fields occur in reasons, and a name may be 16 MB long. */
const REASON_CHARACTERS = 200;

/** Why a document can't be stored, in bounded length. */
export function reasonOf(message: string): string {
  return message.length <= REASON_CHARACTERS ? message : `${message.slice(0, REASON_CHARACTERS)}…`;
}

/** The id of the document at `at`, as far as it can be read; `null` where it can't. Of two it is the first, as for MongoDB. */
export function readableId(bytes: Buffer, at: number): string | null {
  return unlessBroken(() => {
    const id = findElement(bytes, at, ['_id']);
    if (id === undefined) return null;
    checkValue(bytes, id.type, id.at, id.end, '_id', 1);
    return idExample(bytes, id);
  }, null);
}

/** The whole document in canonical EJSON; `undefined` where it can't be walked to its end. */
export function documentJson(bytes: Buffer): string | undefined {
  return unlessBroken(() => {
    checkValue(bytes, BSON.object, 0, bytes.length, 'document', 0);
    return canonicalJson(bytes, BSON.object, 0, bytes.length);
  }, undefined);
}

/** A change of the list. */
export interface ListChange {
  /** New on it, each once, in the order read. */
  readonly added: readonly QuarantinedDocument[];
  /** No longer on it. */
  readonly resolved: readonly ListedDocument[];
}

/**
 * What a run does to the list: what it put aside is added where it is not listed yet, and what it read from the list and did not put
 * aside again is stored now, and leaves it.
 */
export function changeList(
  listed: readonly ListedDocument[],
  retried: readonly ListedDocument[],
  aside: readonly QuarantinedDocument[],
): ListChange {
  const known = new Set(listed.map(({ digest }) => digest));
  const added = new Map(
    aside.filter(({ digest }) => !known.has(digest)).map((document) => [document.digest, document]),
  );
  const stillBroken = new Set(aside.map(({ digest }) => digest));
  return { added: [...added.values()], resolved: retried.filter(({ digest }) => !stillBroken.has(digest)) };
}

/** Documents whose reasons a message tells. */
const REASONS_TOLD = 3;

/** The first reasons with their places, for messages. */
export function firstReasons(documents: readonly QuarantinedDocument[]): string {
  const told = documents.slice(0, REASONS_TOLD).map(({ place, reason }) => `${place}: ${reason}`);
  return [...told, ...(documents.length > REASONS_TOLD ? ['…'] : [])].join('; ');
}

/** Throws `QUARANTINE_LIMIT` where more than `most` documents were put aside. `where` names what put them aside. */
export function checkQuarantineLimit(where: string, documents: readonly QuarantinedDocument[], most: number): void {
  const count = documents.length;
  if (count <= most) return;
  throw new MongolakeError(
    'QUARANTINE_LIMIT',
    `${where} met ${count} ${count === 1 ? 'document' : 'documents'} that can't be stored, and maxQuarantined is ${most}: ${firstReasons(documents)}`,
    {
      hint: 'Nothing was committed. Repair or exclude what is wrong in the source, or raise maxQuarantined to let such documents be put aside.',
    },
  );
}
