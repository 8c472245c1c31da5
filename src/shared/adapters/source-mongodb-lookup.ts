import type { Document } from 'mongodb';
import { documentsOf, idAt, wanted } from '../domain/id-list.ts';
import type { RawBatch } from '../ports/source.ts';
import { equalityOf, pointOf } from './mongodb-ids.ts';

/** Ids of one question: it stays far below the 16 MB of a command, unless a single id does not. */
const IDS_AT_ONCE = 1_000;
const BYTES_AT_ONCE = 1024 * 1024;

/** Asks for documents by their ids, some at a time; `read` asks with a filter. What it gives is as `Source.lookUp` says. */
export async function* lookUpIds(
  list: Buffer,
  read: (filter: Document) => AsyncIterable<RawBatch>,
): AsyncGenerator<RawBatch, void, void> {
  for (const ids of someAtOnce(documentsOf(list))) {
    const asked = ids.filter(canBeAskedFor);
    if (asked.length === 0) continue;
    const rest = wanted(asked);
    for await (const batch of read({ _id: { $in: asked.map(idValueOf) } })) {
      for (const at of batch.offsets) rest.takes(batch.bytes, at);
      yield batch;
    }
    const deletions = rest.deletions();
    if (deletions !== undefined) yield deletions;
  }
}

/** Whether the document of an id, which has nothing but that, can be looked up by it. */
export function canBeAskedFor(document: Buffer): boolean {
  return idValueOf(document) !== undefined;
}

/** The id as the driver will send it; `undefined` where it can't be sent. */
function idValueOf(document: Buffer): unknown {
  const id = idAt(document, 0);
  return id === undefined ? undefined : equalityOf(pointOf(document, id));
}

function* someAtOnce(documents: readonly Buffer[]): Generator<readonly Buffer[]> {
  let some: Buffer[] = [];
  let bytes = 0;
  for (const document of documents) {
    if (some.length === IDS_AT_ONCE || (some.length > 0 && bytes + document.length > BYTES_AT_ONCE)) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(document);
    bytes += document.length;
  }
  if (some.length > 0) yield some;
}
