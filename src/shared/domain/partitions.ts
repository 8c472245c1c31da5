import type { Repartition } from './plan.ts';

/**
 * Bytes of BSON that one partition should hold at first: it merges in two or three seconds, and its file, a sixth of that or less, has
 * room to grow to the target size.
 */
const BYTES_PER_PARTITION = 128 * 1024 * 1024;
const FEWEST = 4;
const MOST = 1024;

/** The most that a table may be given. */
export const MOST_PARTITIONS = 65_536;

/** Whether a table may have so many partitions: a power of two. */
export function isPartitionCount(count: number): boolean {
  return count >= 1 && count <= MOST_PARTITIONS && Number.isInteger(Math.log2(count));
}

/** The number of hash partitions of a new table: the configured one, or a power of two by the estimated size (unknown → 16). */
export function partitionCount(configured: number | 'auto', estimatedBytes: number | undefined): number {
  if (configured !== 'auto') return configured;
  if (estimatedBytes === undefined) return 16;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(estimatedBytes / BYTES_PER_PARTITION, 1)));
  return Math.min(Math.max(wanted, FEWEST), MOST);
}

/**
 * A repartition goes by groups: as many as the table has partitions before or after, whichever are fewer. A row stays in its group, for
 * the group is the low bits of its hash that both numbers have in common. One job reads all files of a group's old partitions and writes
 * those of its new ones.
 */
export function rewriteGroups({ from, to }: Repartition['partitions']): number {
  return Math.min(from, to);
}

/** The new partitions of a group, ascending. */
export function newPartitions(group: number, partitions: Repartition['partitions']): readonly number[] {
  const groups = rewriteGroups(partitions);
  return Array.from({ length: partitions.to / groups }, (_, i) => group + i * groups);
}
