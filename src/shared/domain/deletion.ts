import { BSON, type Element, findElement } from './bson.ts';
import { int32At } from './little-endian.ts';
import { idInteger } from './numbers.ts';

/**
 * A deletion says that the row of its `_id` is to go. On its way to the merge it is a document like any other, with that `_id` at least, but for its
 * length, which is written as a negative number: no document has such a length (bsonspec.org, "document").
 */

/** How rows go whose documents do: not at all, by what documents say of themselves, or by comparing ids (`verify`). */
export const DELETES = ['none', 'soft', 'reconcile'] as const;

export type Deletes = (typeof DELETES)[number];

/** The field by which documents say that they are deleted; `undefined` where none does. */
export function softField(settings: { readonly deletes: Deletes; readonly deletedField: string }): string | undefined {
  return settings.deletes === 'soft' ? settings.deletedField : undefined;
}

/** Length of the document or deletion at `at`, bytes. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  return Math.abs(int32At(bytes, at));
}

/** Makes a deletion of the document at `at`, or a document of the deletion. */
export function flipDeletion(bytes: Buffer, at: number): void {
  bytes.writeInt32LE(-int32At(bytes, at), at);
}

/** Whether a deletion is at `at`. */
export function isDeletionAt(bytes: Uint8Array, at: number): boolean {
  return int32At(bytes, at) < 0;
}

/** Whether a deletion was at `at`, which is a document from then on. */
export function takeDeletion(bytes: Buffer, at: number): boolean {
  const isDeletion = isDeletionAt(bytes, at);
  if (isDeletion) flipDeletion(bytes, at);
  return isDeletion;
}

/** Whether the document at `at` says of itself that it is deleted. Its errors: `DOCUMENT_BROKEN`. */
export type DeletedReader = (bytes: Buffer, at: number) => boolean;

/** What reads that from a field, whose path may be dotted; without one nothing is deleted. */
export function deletedReader(field: string | undefined): DeletedReader {
  if (field === undefined) return () => false;
  const path = field.split('.');
  return (bytes, at) => {
    const element = findElement(bytes, at, path);
    return element !== undefined && isTrue(bytes, element);
  };
}

/** As MongoDB's `$toBool` has it: all but false, zero, null and undefined; so a time of deletion is true. */
function isTrue(bytes: Buffer, { type, at }: Element): boolean {
  if (type === BSON.null || type === BSON.undefined) return false;
  return type === BSON.boolean ? bytes[at] === 1 : idInteger(bytes, type, at) !== 0n;
}
