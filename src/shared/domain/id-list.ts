import { type Element, findElement, unlessBroken } from './bson.ts';
import { flipDeletion } from './deletion.ts';
import { identityJson } from './ejson.ts';
import { int32At } from './little-endian.ts';

/** Ids that a source is asked for, and which of them it has not given yet. */
export interface Wanted {
  /** Whether the document at `at` is wanted; it is given from then on. */
  takes(bytes: Buffer, at: number): boolean;
  /** A deletion for each id that was not given, back to back. */
  deletions(): Batch | undefined;
}

/** As `RawBatch`. */
interface Batch {
  readonly bytes: Buffer;
  readonly offsets: readonly number[];
}

/** Ids as documents with nothing but an `_id`. */
export function wanted(ids: readonly Buffer[]): Wanted {
  const documents = new Map(ids.map((document) => [identityAt(document, 0), document]));
  const absent = new Map(documents);
  return {
    takes(bytes, at) {
      const identity = identityAt(bytes, at);
      absent.delete(identity);
      return documents.has(identity);
    },
    deletions() {
      const gone = [...absent.values()];
      if (gone.length === 0) return undefined;
      const bytes = Buffer.concat(gone);
      const offsets = offsetsOf(bytes);
      for (const at of offsets) flipDeletion(bytes, at);
      return { bytes, offsets };
    },
  };
}

/** The same for all ids that MongoDB holds to be equal; empty, which is that of no id, for a document whose `_id` can't be read. */
export function identityAt(bytes: Buffer, at: number): string {
  return unlessBroken(() => {
    const id = idAt(bytes, at);
    return id === undefined ? '' : identityJson(bytes, id.type, id.at, id.end);
  }, '');
}

/** The `_id` of the document at `at`. Its errors: `DOCUMENT_BROKEN`. */
export function idAt(bytes: Buffer, at: number): Element | undefined {
  return findElement(bytes, at, ['_id']);
}

/** The documents of a list, which are views of it. */
export function documentsOf(list: Buffer): readonly Buffer[] {
  return offsetsOf(list).map((at) => list.subarray(at, at + int32At(list, at)));
}

function offsetsOf(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < bytes.length; at += int32At(bytes, at)) offsets.push(at);
  return offsets;
}
