import type { BaseFile, MergeInput } from './plan.ts';

/**
 * Files that become one at most: each is open while they are read. What is more waits for another compaction, which joins what came of
 * them.
 */
export const MOST_JOINED = 256;

/** How much of the target size a file may have at most to be taken for a small one. */
const SMALL_SHARE = 0.5;

/**
 * What a compaction does to a partition's files, which come in id order: neighbours that are small, and together no larger than
 * `target` bytes, become one. A file is only written anew together with another one; any other stays as it is. A partition
 * without rows loses its files. `undefined` where there is nothing to do.
 */
export function compactFiles(
  files: readonly BaseFile[],
  target: number,
): Required<Pick<MergeInput, 'base' | 'joins'>> | undefined {
  if (files.length > 0 && files.every(({ rows }) => rows === 0)) return { base: files, joins: [] };
  const runs = smallRuns(files, target).filter((run) => run.length > 1);
  return runs.length === 0 ? undefined : { base: runs.flat(), joins: runs.map((run) => run.length) };
}

/** Neighbours that fit together, from the first on; the larger files part them. */
function smallRuns(files: readonly BaseFile[], target: number): readonly (readonly BaseFile[])[] {
  const runs: BaseFile[][] = [];
  let run: BaseFile[] = [];
  let bytes = 0;
  const end = () => {
    runs.push(run);
    run = [];
    bytes = 0;
  };
  for (const file of files) {
    if (file.size >= target * SMALL_SHARE) {
      end();
      continue;
    }
    if (bytes + file.size > target || run.length === MOST_JOINED) end();
    run.push(file);
    bytes += file.size;
  }
  end();
  return runs;
}

/** The files that become one, each time. */
export function joinedFiles<T>(base: readonly T[], joins: readonly number[]): readonly (readonly T[])[] {
  let from = 0;
  return joins.map((count) => {
    const own = base.slice(from, from + count);
    from += count;
    return own;
  });
}
