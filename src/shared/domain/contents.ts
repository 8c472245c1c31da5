import type { BaseFile } from './plan.ts';
import type { MergeReceipt } from './receipt.ts';

/** How large a version of a table is. */
export interface TableSize {
  readonly version: number;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
}

/** What a table has at a version. */
export interface TableContents extends TableSize {
  /** Documents on the list of what can't be stored. */
  readonly quarantined: number;
}

type File = Pick<BaseFile, 'rows' | 'size'>;

/** The size of a version with these files. */
export function sizeOf(version: number, files: readonly File[]): TableSize {
  return {
    version,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
  };
}

/** The size of the version that merges make of `base`, the files of the one before it that are not replaced as a whole. */
export function sizeAfter(
  version: number,
  base: readonly (File & Pick<BaseFile, 'path'>)[],
  merged: readonly Pick<MergeReceipt, 'added' | 'removed'>[],
): TableSize {
  const removed = new Set(merged.flatMap((receipt) => receipt.removed));
  return sizeOf(version, [...base.filter(({ path }) => !removed.has(path)), ...merged.flatMap(({ added }) => added)]);
}
