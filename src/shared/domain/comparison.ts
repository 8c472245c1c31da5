/** How a table differs from its source in one id: it has no row, another one, or one whose document is gone. */
export const DIFFERENCES = ['missing', 'stale', 'gone'] as const;

export type Difference = (typeof DIFFERENCES)[number];

/** What is compared of documents and rows, and what is left out. Times are epoch milliseconds of the cursor. */
export interface Comparison {
  /** Whether the run reads all that the source has, so that a row without a document is gone; else only what it reads is compared. */
  readonly isWhole: boolean;
  /** Whether rows are compared in every column; else by their cursors alone. */
  readonly isDeep: boolean;
  /** Documents and deletions with a later cursor are left out: no sync has read them yet. `null`: there are none. */
  readonly documentsUntil: number | null;
  /** Rows with a later cursor are left out, for they are newer than what is read. `null`: there are none. */
  readonly rowsUntil: number | null;
}

/** How many there are, and the sum modulo 2^64 of the low halves of the MD5 of each `id|cursor`, 16 hex digits: whatever their order. */
export interface Tally {
  readonly count: number;
  readonly checksum: string;
}

/** Ids that differ, as a source takes them: documents with nothing but an `_id`, back to back. */
export interface IdList {
  readonly key: string;
  readonly ids: number;
  /** CRC-32 of its bytes, 8 hex digits. */
  readonly crc32: string;
}

/** One id that differs. */
export interface DifferentId {
  /** As the table stores it; at most 100 characters. */
  readonly id: string;
  readonly difference: Difference;
}

/** What a comparison of one partition leaves. */
export interface CompareReceipt {
  readonly kind: 'compare';
  readonly run: string;
  readonly partition: number;
  readonly attempt: string;
  /** Of the source, and of the table; without what was left out. */
  readonly documents: Tally;
  readonly rows: Tally;
  /** Ids that were. */
  readonly leftOut: number;
  /** Ids of which something was read. */
  readonly ids: number;
  readonly differences: Readonly<Record<Difference, number>>;
  /** The first ones. */
  readonly examples: readonly DifferentId[];
  /** All of them, but for those that no source can be asked for. */
  readonly lists: readonly IdList[];
  readonly bytesRead: number;
  readonly durationMs: number;
}

export const NO_DIFFERENCES: Readonly<Record<Difference, number>> = { missing: 0, stale: 0, gone: 0 };

/** The sum of a difference of each kind over partitions. */
export function addDifferences(
  a: Readonly<Record<Difference, number>>,
  b: Readonly<Record<Difference, number>>,
): Readonly<Record<Difference, number>> {
  return { missing: a.missing + b.missing, stale: a.stale + b.stale, gone: a.gone + b.gone };
}

/** All ids that differ. */
export function differing({ missing, stale, gone }: Readonly<Record<Difference, number>>): number {
  return missing + stale + gone;
}

const MODULUS = 1n << 64n;

/** The tally of several partitions. */
export function addTallies(tallies: readonly Tally[]): Tally {
  const sum = tallies.reduce((total, { checksum }) => total + BigInt(`0x${checksum}`), 0n);
  return { count: tallies.reduce((total, { count }) => total + count, 0), checksum: checksumText(sum) };
}

/** A checksum of sums: the number modulo 2^64 in hex. */
export function checksumText(sum: bigint): string {
  return (sum % MODULUS).toString(16).padStart(16, '0');
}
