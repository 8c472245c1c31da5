import { partitionOf } from '../shared/domain/hash.ts';
import { compareIds, type IdType, separator } from '../shared/domain/ids.ts';
import type { BaseFile } from '../shared/domain/plan.ts';
import type { ErasableId } from './erase-ids.ts';
import type { TableState } from './table.ts';

/** What an erasure touches: decided by what is known of a table, without I/O. */

/** The files of a version that own the ranges which the ids fall into, by path: what may hold a row of one. */
export function owningFiles(
  { files, partitions, schema: { idType } }: Pick<TableState, 'files' | 'partitions' | 'schema'>,
  ids: readonly ErasableId[],
): ReadonlyMap<string, BaseFile> {
  const owners = new Map<string, BaseFile>();
  for (const { stored, hashes } of ids) {
    const own = files.get(partitionOf(hashes[0] ?? 0, partitions)) ?? [];
    const owner = own.find(({ upper }) => upper === null || compareIds(idType, stored, upper) < 0);
    if (owner !== undefined) owners.set(owner.path, owner);
  }
  return owners;
}

/**
 * Whether a data file whose folder is that of the partition may hold a row of one of the ids, however many partitions the table had when it was written:
 * `null` for a file in no such folder, which may hold any.
 */
export function mayHold(partition: number | null, ids: readonly ErasableId[]): boolean {
  if (partition === null) return true;
  // There were more partitions than its number, and these are powers of two.
  let least = 1;
  while (least <= partition) least *= 2;
  return ids.some(({ hashes }) => hashes.some((hash) => partitionOf(hash, least) === partition));
}

/** Whether a bound of a file's range tells one of the ids: it is the id, or how it begins. */
export function tellsId(bound: string | null, idType: IdType, ids: readonly Pick<ErasableId, 'stored'>[]): boolean {
  if (bound === null) return false;
  return ids.some(({ stored }) => (idType === 'long' ? stored === bound : stored.startsWith(bound)));
}

/** The ids that stand first and last in a file; `null` where it has no row. */
export interface FileEnds {
  readonly first: string | null;
  readonly last: string | null;
}

/** The files of a partition with ranges that tell none of the ids. */
export interface Rebounded {
  readonly files: readonly BaseFile[];
  /** Those without rows that lost their range to a neighbour. */
  readonly dropped: readonly BaseFile[];
}

/**
 * Parts the files of a partition anew where a bound between two of them tells an erased id: by an id that is still there. `ends` of the files beside such a
 * bound; `undefined` of all others.
 */
export function rebounded(
  files: readonly BaseFile[],
  idType: IdType,
  ids: readonly Pick<ErasableId, 'stored'>[],
  ends: (file: BaseFile) => FileEnds | undefined,
): Rebounded {
  const kept: BaseFile[] = [];
  const dropped: BaseFile[] = [];
  for (const file of files) {
    const before = kept.at(-1);
    if (before === undefined || !tellsId(file.lower, idType, ids)) {
      kept.push(file);
      continue;
    }
    kept.pop();
    const [last, first] = [ends(before)?.last ?? null, ends(file)?.first ?? null];
    if (first === null) {
      dropped.push(file);
      kept.push({ ...before, upper: file.upper });
    } else if (last === null) {
      dropped.push(before);
      kept.push({ ...file, lower: before.lower });
    } else {
      const shortest = separator(idType, last, first);
      // What an id that is still there begins with may be an erased one as a whole.
      const bound = ids.some(({ stored }) => stored === shortest) ? first : shortest;
      kept.push({ ...before, upper: bound }, { ...file, lower: bound });
    }
  }
  return { files: kept, dropped };
}

/** The files of a partition beside a bound that tells one of the ids. */
export function besideBounds(
  files: readonly BaseFile[],
  idType: IdType,
  ids: readonly Pick<ErasableId, 'stored'>[],
): readonly BaseFile[] {
  return files.filter(
    ({ lower }, i) => tellsId(lower, idType, ids) || tellsId(files[i + 1]?.lower ?? null, idType, ids),
  );
}
