import pMap from 'p-map';
import { jsonBody, readJson } from '../shared/documents.ts';
import { putAside } from '../shared/domain/books.ts';
import { sizeOf, type TableContents } from '../shared/domain/contents.ts';
import { hasDigest } from '../shared/domain/erased.ts';
import { asMongolakeError } from '../shared/domain/errors.ts';
import { identityAt } from '../shared/domain/id-list.ts';
import { quarantineListKey, quarantineObjectKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { hidesValues, policyText, type TablePolicy } from '../shared/domain/policy.ts';
import {
  changeList,
  firstReasons,
  type ListChange,
  type ListedDocument,
  type QuarantinedDocument,
  type QuarantineManifest,
} from '../shared/domain/quarantine.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import { readErased } from '../shared/erased-list.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { Logger } from '../shared/ports/logger.ts';
import type { Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { quarantinedBytes, quarantineSource } from '../shared/quarantine-source.ts';
import { changesPolicy } from './entry.ts';
import { possibleIdentities } from './erase-ids.ts';
import { filesOf, openState, quarantineApp, type TableState, tableMissing } from './table.ts';

const COPIES_AT_ONCE = 4;

/**
 * The documents that the table's newest version lists as quarantined. The version names the list by its number, mostly the epoch of the run that
 * wrote it, so a list is seen with its commit or never. Errors: `OBJECT_MISSING`, those of the storage.
 */
export async function readQuarantine(storage: Storage, state: TableState): Promise<readonly ListedDocument[]> {
  return readList(storage, listNumber(state));
}

/** The documents on the list of this number; none where there is no list. Errors as for `readQuarantine`. */
async function readList(storage: Storage, number: number | undefined): Promise<readonly ListedDocument[]> {
  if (number === undefined) return [];
  return (await readJson<QuarantineManifest>(storage, quarantineListKey(number))).documents;
}

/** How many documents are listed after a run that stood on `state` and left the list of number `list`, where it left one. Errors as for `readQuarantine`. */
export async function countQuarantined(
  storage: Storage,
  state: TableState | undefined,
  list: number | undefined,
): Promise<number> {
  return (await readList(storage, list ?? (state && listNumber(state)))).length;
}

/** What the table's newest version has; `undefined` where there is no table yet. Errors: those of `openNewest` and `readQuarantine`. */
export async function readContents(storage: Storage): Promise<TableContents | undefined> {
  const state = await openState(storage);
  if (state === undefined) return undefined;
  return { ...sizeOf(state.version, filesOf(state)), quarantined: (await readQuarantine(storage, state)).length };
}

/** The number of the list that a version names; `undefined` where none was ever written. */
export function listNumber(state: Pick<TableState, 'snapshot' | 'namespace'>): number | undefined {
  const txn = state.snapshot.txns.get(quarantineApp(state.namespace));
  return txn && Number(txn.version);
}

/** The documents on the list as the source of a run. Throws `TABLE_MISSING` where there is no table. */
export async function retrySource(
  storage: Storage,
  state: TableState | undefined,
  { namespace }: Pick<Source, 'namespace'>,
  columns: TablePolicy | undefined,
): Promise<Source> {
  if (state === undefined) throw tableMissing(storage);
  const listed = await readQuarantine(storage, state);
  return quarantineSource(
    storage,
    namespace,
    listed.filter((document) => canRetry(document, columns)),
  );
}

/** Tells the operator of what a run put aside; `listed` where there is a table whose list they are on. */
export function warnQuarantined(listed: boolean, extracted: readonly ExtractReceipt[], logger: Logger): void {
  const documents = putAside(extracted);
  if (documents.length === 0) return;
  const where = listed ? '`mongolake quarantine list` shows all' : 'they are listed once there is a table';
  logger.warn(`documents that can't be stored were put aside; ${where}: ${firstReasons(documents)}`, {
    quarantined: documents.length,
  });
}

/** The list before and after a run. */
export interface QuarantineChange extends ListChange {
  readonly listed: readonly ListedDocument[];
  /** The first number that the new list may have: greater than that of the list that is there. */
  readonly number: number;
}

/**
 * What a run does to the table's list; nothing where it put nothing aside and read nothing from the list. Of a table that is replaced only
 * what this run put aside stays.
 */
export async function quarantineChange(
  storage: Storage,
  plan: Plan,
  state: TableState | undefined,
  extracted: readonly ExtractReceipt[],
): Promise<QuarantineChange> {
  const aside = putAside(extracted);
  const retries = plan.reads === 'quarantine';
  const erases = plan.reads === 'erase';
  const hides = state !== undefined && changesPolicy(plan, state) && hidesValues(plan.columns);
  if (state === undefined || (aside.length === 0 && !retries && !hides && !erases && !plan.replace)) {
    return { listed: [], number: plan.epoch, ...changeList([], [], aside) };
  }
  const listed = await readQuarantine(storage, state);
  // Their bytes and ids may hold what is hidden from now on; the run has read anew whatever is still there.
  const withdrawn = erases
    ? await erasedAmong(storage, plan, listed)
    : hides
      ? listed.filter(({ policy }) => policy !== policyText(plan.columns))
      : [];
  const stays = listed.filter((document) => !withdrawn.includes(document));
  const retried = plan.replace ? stays : retries ? listed.filter((document) => canRetry(document, plan.columns)) : [];
  const { added, resolved } = changeList(stays, retried, aside);
  const number = Math.max(plan.epoch, (listNumber(state) ?? 0) + 1);
  return { listed, number, added, resolved: [...resolved, ...withdrawn] };
}

/** Those of the listed documents whose ids are on the list of erased ones that the run leaves. */
async function erasedAmong(
  storage: Storage,
  { erased }: Plan,
  listed: readonly ListedDocument[],
): Promise<readonly ListedDocument[]> {
  if (erased === undefined) return [];
  const ids = await readErased(storage, erased);
  const { hash } = keyedHash(ids.salt);
  return documentsWith(storage, listed, (identity) => hasDigest(ids, hash(identity)));
}

/** Those of the listed documents whose ids are wanted; of one whose bytes are withheld its id tells what it may be. */
export async function documentsWith(
  storage: Storage,
  listed: readonly ListedDocument[],
  isWanted: (identity: string) => boolean,
): Promise<readonly ListedDocument[]> {
  const found = await pMap(
    listed,
    async (document) => {
      const bytes = await bytesOrNone(storage, document);
      const identities =
        bytes !== undefined ? [identityAt(bytes, 0)] : document.id === null ? [] : possibleIdentities(document.id);
      return identities.some(isWanted) ? [document] : [];
    },
    { concurrency: COPIES_AT_ONCE },
  );
  return found.flat();
}

/** `undefined` also where they are gone, or damaged. */
async function bytesOrNone(storage: Storage, document: ListedDocument): Promise<Buffer | undefined> {
  try {
    return await readBytes(storage, document);
  } catch (error) {
    const { code } = asMongolakeError(error);
    if (code === 'OBJECT_MISSING' || code === 'OBJECT_CORRUPT') return undefined;
    throw error;
  }
}

/** Whether there are bytes of the document that the column policy can be applied to: all of them, or what it left itself. */
function canRetry({ object, policy }: ListedDocument, columns: TablePolicy | undefined): boolean {
  return object !== null && (policy === undefined || policy === policyText(columns));
}

/**
 * Writes the list that the run's version will name, and the bytes of what is new on it under keys that stay. Until the commit nobody
 * reads either. Returns the number of the list: the run's epoch, or the next free one where a lease object was deleted and its count
 * began anew.
 */
export async function writeQuarantine(
  storage: Storage,
  plan: Plan,
  { listed, number: first, added, resolved }: QuarantineChange,
  now: number,
): Promise<number> {
  const gone = new Set(resolved.map(({ digest }) => digest));
  const kept = await pMap(added, (document) => keepBytes(storage, plan.run, document), { concurrency: COPIES_AT_ONCE });
  const manifest: QuarantineManifest = {
    formatVersion: 1,
    run: plan.run,
    documents: [
      ...listed.filter(({ digest }) => !gone.has(digest)),
      ...kept.map((document) => ({ ...document, run: plan.run, at: now })),
    ],
  };
  return putList(storage, first, manifest);
}

/** Writes a list under the first free number from `first` on; returns it. */
export async function putList(storage: Storage, first: number, manifest: QuarantineManifest): Promise<number> {
  for (let number = first; ; number++) {
    const { written } = await storage.putIfAbsent(quarantineListKey(number), jsonBody(manifest), manifest.run);
    if (written) return number;
  }
}

async function keepBytes(storage: Storage, run: string, document: QuarantinedDocument): Promise<QuarantinedDocument> {
  if (document.object === null) return document;
  const object = quarantineObjectKey(run, document.digest);
  await storage.put(object, await quarantinedBytes(storage, document.object, document.digest));
  return { ...document, object };
}

/** The bytes of a quarantined document; `undefined` where they are withheld. Errors: those of `quarantinedBytes`. */
export async function readBytes(
  storage: Storage,
  { object, digest }: Pick<QuarantinedDocument, 'object' | 'digest'>,
): Promise<Buffer | undefined> {
  return object === null ? undefined : quarantinedBytes(storage, object, digest);
}

/**
 * Deletes the bytes of documents that are off the list: in the table now, or withdrawn. Only after the commit, which is there whatever
 * becomes of this: what can't be deleted now, vacuum finds.
 */
export async function dropResolved(
  { resolved }: ListChange,
  { storage, logger }: { readonly storage: Storage; readonly logger: Logger },
): Promise<void> {
  const keys = resolved.flatMap(({ object }) => (object === null ? [] : [object]));
  if (keys.length === 0) return;
  try {
    await storage.delete(keys);
  } catch (error) {
    logger.warn('documents that are off the list could not be deleted yet', { error: (error as Error).message });
  }
}
