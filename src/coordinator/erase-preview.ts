import { hasDigest } from '../shared/domain/erased.ts';
import { partitionOf } from '../shared/domain/hash.ts';
import { readErased } from '../shared/erased-list.ts';
import { keyedHash } from '../shared/keyed-hash.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { EraseContext, EraseRequest } from './erase.ts';
import { type ErasableId, erasableIds } from './erase-ids.ts';
import { owningFiles } from './erase-plan.ts';
import { dataObjects, type Holder, searchFiles, searchTable } from './erase-search.ts';
import { erasedNumber } from './erased.ts';
import { documentsWith, readQuarantine } from './quarantine.ts';
import { openOwn } from './sourceless.ts';
import { total } from './steps.ts';
import type { TableState } from './table.ts';
import { oldestUnpurged } from './vacuum-note.ts';

/** What an erasure that was asked for now would do. */
export interface ErasePreview {
  /** The newest version. */
  readonly version: number;
  readonly ids: number;
  /** As in `Erased`. */
  readonly notFound: readonly string[];
  /** Ids that would come onto the list of erased ones, or off it. */
  readonly listed: number;
  /** Rows that would go; hash partitions and files that hold them, and the bytes of those. */
  readonly rows: number;
  readonly partitions: number;
  readonly files: number;
  readonly bytes: number;
  /** Quarantined documents that would go. */
  readonly quarantined: number;
  /** `undefined` where the history was to stay. */
  readonly purge: PurgePreview | undefined;
}

export interface PurgePreview {
  /** Versions that would be given up, both included; the newest is among them, for the purge makes one of its own. */
  readonly givenUp: { readonly from: number; readonly to: number };
  /** Data files that would be deleted, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** Every object that holds one of the ids now. */
  readonly holders: readonly Holder[];
}

/** Says what `eraseIds` would do, and changes nothing: no lease is taken, no object written. Errors: those of its start. */
export async function previewErase(request: EraseRequest, context: EraseContext): Promise<ErasePreview> {
  const { storage } = context;
  const state = await openOwn(context);
  const ids = erasableIds(request.ids, state, request.keyed);
  const onList = await listedNow(state, ids, storage);
  const shared = { version: state.version, ids: ids.length };
  if (request.kind === 'allow') return { ...shared, ...NOTHING, listed: onList };
  const owners = owningFiles(state, ids);
  const searched = await searchFiles([...owners.keys()], state, ids, context);
  const stored = new Map(ids.map((id) => [id.stored, id]));
  const found = new Set([...searched.values()].flatMap((file) => file.ids).filter((id) => stored.has(id)));
  const held = [...owners].filter(([path]) => searched.get(path)?.ids.some((id) => stored.has(id)));
  const identities = new Set(ids.map(({ identity }) => identity));
  const aside = await documentsWith(storage, await readQuarantine(storage, state), (id) => identities.has(id));
  return {
    ...shared,
    notFound: ids.filter((id) => !found.has(id.stored)).map(({ text }) => text),
    listed: ids.length - onList,
    rows: found.size,
    partitions: new Set([...found].map((id) => partitionOf(stored.get(id)?.hashes[0] ?? 0, state.partitions))).size,
    files: held.length,
    bytes: total(held, ([, { size }]) => size),
    quarantined: aside.length,
    purge: request.purges ? await previewPurge(state, ids, new Set(held.map(([path]) => path)), context) : undefined,
  };
}

const NOTHING = { notFound: [], rows: 0, partitions: 0, files: 0, bytes: 0, quarantined: 0, purge: undefined } as const;

/** How many of the ids are on the list of erased ones. */
export async function listedNow(state: TableState, ids: readonly ErasableId[], storage: Storage): Promise<number> {
  const number = erasedNumber(state);
  if (number === undefined) return 0;
  const list = await readErased(storage, number);
  const { hash } = keyedHash(list.salt);
  return ids.filter(({ identity }) => hasDigest(list, hash(identity))).length;
}

async function previewPurge(
  state: TableState,
  ids: readonly ErasableId[],
  replaced: ReadonlySet<string>,
  context: EraseContext,
): Promise<PurgePreview> {
  const { storage } = context;
  const live = new Set([...state.snapshot.files.keys()].map(decodeURIComponent));
  let [files, bytes] = [0, 0];
  for await (const { key, size } of dataObjects(storage)) {
    if (live.has(key) && !replaced.has(key)) continue;
    files += 1;
    bytes += size;
  }
  const givenUp = { from: await oldestUnpurged(storage), to: state.version };
  return { givenUp, files, bytes, holders: await searchTable(state, ids, context) };
}
