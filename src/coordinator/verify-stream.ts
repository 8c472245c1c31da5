import { streamOf } from '../shared/change-source.ts';
import type { IdList } from '../shared/domain/comparison.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { documentsOf, identityAt } from '../shared/domain/id-list.ts';
import { ownIdListKey } from '../shared/domain/keys.ts';
import { type Position, positionTime } from '../shared/domain/position.ts';
import { putList, readList } from '../shared/id-source.ts';
import type { Source } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';

/** A table that follows a change stream is not expected to have what came in it since: where that differs it is no difference yet. */

interface StreamContext {
  readonly storage: Storage;
  readonly source: Source;
  readonly signal: AbortSignal;
}

/** Ids that changed since a table's place in the stream, above which it is too far behind to be compared: they are held in memory. */
const MOST_CHANGED = 1_000_000;

/** The lists without the ids that changed since `since`; where there are such, the others in lists of `run`'s own. */
export async function withoutChanged(
  lists: readonly IdList[],
  since: Position,
  run: string,
  context: StreamContext,
): Promise<{ readonly lists: readonly IdList[]; readonly leftOut: number }> {
  if (lists.length === 0) return { lists, leftOut: 0 };
  const changed = await changedSince(since, context);
  const { storage } = context;
  const kept: IdList[] = [];
  let leftOut = 0;
  for (const list of lists) {
    const documents = documentsOf(await readList(storage, list));
    const own = documents.filter((document) => !changed.has(identityAt(document, 0)));
    leftOut += documents.length - own.length;
    if (own.length === documents.length) kept.push(list);
    else if (own.length > 0)
      kept.push(await putList(storage, ownIdListKey(run, kept.length), Buffer.concat(own), own.length));
  }
  return { lists: kept, leftOut };
}

async function changedSince(since: Position, { source, storage, signal }: StreamContext): Promise<ReadonlySet<string>> {
  const changes = streamOf(source);
  const { position } = await changes.end(null);
  const changed = new Set<string>();
  for await (const ids of changes.ids(since, position, signal)) {
    for (const document of documentsOf(ids)) changed.add(identityAt(document, 0));
    if (changed.size <= MOST_CHANGED) continue;
    throw new MongolakeError(
      'TABLE_BEHIND',
      `${storage.uri}: more than ${MOST_CHANGED} documents changed since ${new Date(positionTime(since)).toISOString()}, up to which the table has all changes: nothing was compared`,
      { hint: 'Run `mongolake sync` first.' },
    );
  }
  return changed;
}
