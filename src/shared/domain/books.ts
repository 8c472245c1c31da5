import { MongolakeError } from './errors.ts';
import { joinedFiles } from './joins.ts';
import { newPartitions } from './partitions.ts';
import type { BaseFile, MergeInput, Repartition } from './plan.ts';
import type { QuarantinedDocument } from './quarantine.ts';
import type { Counts, ExtractReceipt, MergeReceipt } from './receipt.ts';

export const NO_COUNTS: Counts = {
  read: 0,
  inserted: 0,
  updated: 0,
  deleted: 0,
  unchanged: 0,
  superseded: 0,
  quarantined: 0,
  erased: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    read: a.read + b.read,
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    deleted: a.deleted + b.deleted,
    unchanged: a.unchanged + b.unchanged,
    superseded: a.superseded + b.superseded,
    quarantined: a.quarantined + b.quarantined,
    erased: a.erased + b.erased,
  };
}

/** I7 within one extract job: every document is in a partition or in quarantine, or its id is erased. Throws `BOOKS_UNBALANCED`. */
export function checkExtract(receipt: ExtractReceipt): void {
  let shuffled = 0;
  for (const chunks of Object.values(receipt.partitions)) for (const chunk of chunks) shuffled += chunk.documents;
  balance(
    `extract job ${receipt.ordinal}`,
    receipt.documents,
    shuffled + receipt.quarantine.length + erasedIn(receipt),
  );
}

/** I7 within one partition: every document shuffled to it has one outcome, and the rows written are those that must be there. Throws `BOOKS_UNBALANCED`. */
export function checkMerge(input: MergeInput, receipt: MergeReceipt): void {
  const { read, inserted, updated, deleted, unchanged, superseded, quarantined } = receipt.counts;
  const where = `partition ${input.partition}`;
  balance(where, input.documents, read);
  const merged = input.sections.filter(({ segment }, index) => receipt.segments[index] === segment).length;
  balance(`${where}, segments`, Math.max(input.sections.length, receipt.segments.length), merged);
  balance(where, read, inserted + updated + deleted + unchanged + superseded + quarantined);
  const removed = new Set(receipt.removed);
  const replaced = input.base.filter((file) => removed.has(file.path));
  balance(`${where}, files replaced`, replaced.length, receipt.removed.length);
  const before = replaced.reduce((sum, file) => sum + file.rows, 0);
  const after = receipt.added.reduce((sum, file) => sum + file.rows, 0);
  balance(`${where}, rows`, before + inserted - deleted, after);
}

function erasedIn({ erased = 0 }: ExtractReceipt): number {
  return erased;
}

/** All that a run put aside, in the order of its jobs. */
export function putAside(extracted: readonly ExtractReceipt[]): readonly QuarantinedDocument[] {
  return extracted.flatMap(({ quarantine }) => quarantine);
}

/** I7 over the whole run: what each merge did, and in sum. Returns the run's counts. Throws `BOOKS_UNBALANCED`. */
export function checkRun(
  extracted: readonly ExtractReceipt[],
  inputs: readonly MergeInput[],
  merged: readonly MergeReceipt[],
): Counts {
  balance('the run, merge jobs', inputs.length, merged.length);
  for (const [index, input] of inputs.entries()) checkMerge(input, merged[index] as MergeReceipt);
  const quarantined = putAside(extracted).length;
  const erased = extracted.reduce((sum, receipt) => sum + erasedIn(receipt), 0);
  const counts = merged.reduce((sum, receipt) => addCounts(sum, receipt.counts), {
    ...NO_COUNTS,
    read: quarantined + erased,
    quarantined,
    erased,
  });
  const documents = extracted.reduce((sum, receipt) => sum + receipt.documents, 0);
  balance('the run', documents, counts.read);
  return counts;
}

/**
 * The books of a run that writes all files anew, a job for each group of partitions: of the old files none stays, no row comes or goes,
 * and each new file is of a partition of its group. Returns its counts. Throws `BOOKS_UNBALANCED`.
 */
export function checkRepartition(
  inputs: readonly MergeInput[],
  merged: readonly MergeReceipt[],
  { partitions }: Repartition,
): Counts {
  const counts = checkRun([], inputs, merged);
  for (const [index, { partition: group, base }] of inputs.entries()) {
    const { added, removed } = merged[index] as MergeReceipt;
    balance(`partition ${group}, files`, base.length, removed.length);
    const own = new Set(newPartitions(group, partitions));
    const placed = added.filter(({ partition = -1 }) => own.has(partition));
    balance(`partition ${group}, files in its new partitions`, added.length, placed.length);
  }
  return counts;
}

/**
 * The books of a compaction, a job for each partition of which files are joined: all files of a job go, no row comes or goes, and each
 * new file owns the range of those that it takes the place of. Returns its counts. Throws `BOOKS_UNBALANCED`.
 */
export function checkCompaction(inputs: readonly MergeInput[], merged: readonly MergeReceipt[]): Counts {
  const counts = checkRun([], inputs, merged);
  for (const [index, { partition, base, joins = [] }] of inputs.entries()) {
    const { added, removed } = merged[index] as MergeReceipt;
    balance(`partition ${partition}, files`, base.length, removed.length);
    balance(`partition ${partition}, new files`, joins.length, added.length);
    const joined = joinedFiles(base, joins);
    const placed = joined.filter((own, i) => {
      const file = added[i];
      return file?.partition === undefined && file?.lower === own[0]?.lower && file?.upper === own.at(-1)?.upper;
    });
    balance(`partition ${partition}, new files with the ranges of the old ones`, joined.length, placed.length);
  }
  return counts;
}

/**
 * The books of a run that replaces the table: no merge met a row of the version before it, whose `old` files all go. Returns its counts,
 * in which those rows are the deleted ones. Throws `BOOKS_UNBALANCED`.
 */
export function checkReplace(
  extracted: readonly ExtractReceipt[],
  inputs: readonly MergeInput[],
  merged: readonly MergeReceipt[],
  old: readonly BaseFile[],
): Counts {
  const counts = checkRun(extracted, inputs, merged);
  balance('the run, rows of the old version met', 0, counts.updated + counts.deleted);
  return { ...counts, deleted: old.reduce((sum, { rows }) => sum + rows, 0) };
}

function balance(where: string, expected: number, found: number): void {
  if (expected === found) return;
  throw new MongolakeError(
    'BOOKS_UNBALANCED',
    `${where}: ${expected} expected, ${found} accounted for; nothing was committed`,
    {
      hint: 'This is a bug of mongolake: please report it with the run id. The table is as before.',
    },
  );
}
