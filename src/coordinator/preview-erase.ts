import { partitionOf } from '../shared/domain/hash.ts';
import { partitionOfKey } from '../shared/domain/keys.ts';
import type { EraseRequest } from './erase.ts';
import { erasableIds } from './erase-ids.ts';
import { mayHold, owningFiles } from './erase-plan.ts';
import { listedNow } from './erase-preview.ts';
import { dataObjects } from './erase-search.ts';
import { estimateDuration, RATES, readPastRuns } from './pace.ts';
import type { PreviewContext } from './preview.ts';
import { openOwn } from './sourceless.ts';
import { total } from './steps.ts';
import { oldestUnpurged } from './vacuum-note.ts';
import type { Work } from './work.ts';

/**
 * Says what `eraseIds` would touch, by the table's log alone: which rows there are is not looked into, as `previewErase` does. Changes nothing. Errors:
 * those of an erasure's start.
 */
export async function previewErasure(
  { ids: given, purges, keyed }: Pick<EraseRequest, 'ids' | 'purges' | 'keyed'>,
  { storage, source }: Pick<PreviewContext, 'storage' | 'source'>,
): Promise<Work> {
  const state = await openOwn({ storage, source });
  const ids = erasableIds(given, state, keyed);
  const files = [...owningFiles(state, ids).values()];
  const bytes = total(files, ({ size }) => size);
  const partitions = new Set(ids.map(({ hashes }) => partitionOf(hashes[0] ?? 0, state.partitions)));
  const touched = [...partitions].filter((partition) => state.files.has(partition)).length;
  const searched = { files: 0, bytes: 0 };
  if (purges) {
    for await (const { key, size } of dataObjects(storage)) {
      if (!mayHold(partitionOfKey(key), ids)) continue;
      searched.files += 1;
      searched.bytes += size;
    }
  }
  const { rewrites } = await readPastRuns(storage);
  return {
    kind: 'erase',
    version: state.version,
    // What is on the list has no row any more.
    isDue: purges || (await listedNow(state, ids, storage)) < ids.length,
    reads: {
      documents: 0,
      documentBytes: 0,
      files: files.length + searched.files,
      fileBytes: bytes + searched.bytes,
    },
    writes: { files: files.length, bytes },
    touches: { partitions: touched, of: state.partitions, readJobs: 1, partitionJobs: touched },
    duration: estimateDuration(bytes + searched.bytes, rewrites, RATES.rewrite),
    notes: [
      ...(purges ? [`versions ${await oldestUnpurged(storage)} to ${state.version} would be given up`] : []),
      'which of the ids have rows `mongolake erase --dry-run` tells: it looks into these files',
      ...state.notes,
    ],
  };
}
