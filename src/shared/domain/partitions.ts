/** Bytes of BSON that one partition should hold at first; a table that grows tenfold still merges a partition in seconds. */
const BYTES_PER_PARTITION = 64 * 1024 * 1024;
const FEWEST = 4;
const MOST = 1024;

/** The number of hash partitions of a new table: the configured one, or a power of two by the estimated size (unknown → 16). */
export function partitionCount(configured: number | 'auto', estimatedBytes: number | undefined): number {
  if (configured !== 'auto') return configured;
  if (estimatedBytes === undefined) return 16;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(estimatedBytes / BYTES_PER_PARTITION, 1)));
  return Math.min(Math.max(wanted, FEWEST), MOST);
}
