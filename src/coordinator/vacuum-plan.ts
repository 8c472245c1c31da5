import { parseOwnKey } from '../shared/domain/keys.ts';
import type { ObjectInfo } from '../shared/ports/storage.ts';

/** What decides whether an object may go. Times are epoch milliseconds. */
export interface VacuumRules {
  /** Keys that a retained version refers to, and files that were removed too lately. */
  readonly referred: ReadonlySet<string>;
  /** Runs that are under way or can be finished: what is theirs stays, whatever its age. */
  readonly living: ReadonlySet<string>;
  /** The smallest epoch of those; infinite where there is none. */
  readonly livingEpoch: number;
  /** Only what was written before is old enough. */
  readonly before: number;
}

/** `foreign`: not of our making, and none of our business. */
export type Verdict = 'goes' | 'referred' | 'living' | 'young' | 'foreign';

/** Whether the object may be deleted (invariant I6), or why it stays. */
export function judge({ key, modifiedAt }: Pick<ObjectInfo, 'key' | 'modifiedAt'>, rules: VacuumRules): Verdict {
  const own = parseOwnKey(key);
  if (own === undefined) return 'foreign';
  if (rules.referred.has(key)) return 'referred';
  if ('run' in own && rules.living.has(own.run)) return 'living';
  if (own.kind === 'list' && own.epoch >= rules.livingEpoch) return 'living';
  // No version ever refers to staging: what no run can be finished from is of no use, however young.
  if (own.kind === 'staging') return 'goes';
  return modifiedAt < rules.before ? 'goes' : 'young';
}

/** What is deleted, by where it comes from. `orphans` are data files that no version ever had, as far as the log tells. */
export const VACUUM_GROUPS = ['removed', 'orphans', 'quarantine', 'staging', 'probes'] as const;

export type VacuumGroup = (typeof VACUUM_GROUPS)[number];

/** An object that goes. */
export interface Doomed extends ObjectInfo {
  readonly group: VacuumGroup;
  /** For people. */
  readonly reason: string;
}

/** Says why an object goes. `removedIn` has the version that removed a file from the table. */
export function explain(object: ObjectInfo, removedIn: ReadonlyMap<string, number>): Doomed {
  const own = parseOwnKey(object.key);
  const version = removedIn.get(object.key);
  if (version !== undefined)
    return { ...object, group: 'removed', reason: `removed from the table in version ${version}` };
  switch (own?.kind) {
    case 'data':
      return { ...object, group: 'orphans', reason: `of no version: run ${own.run} attempt ${own.attempt}` };
    case 'list':
      return { ...object, group: 'quarantine', reason: `a list of no retained version: epoch ${own.epoch}` };
    case 'bytes':
      return { ...object, group: 'quarantine', reason: `on no list of a retained version: run ${own.run}` };
    case 'staging':
      return { ...object, group: 'staging', reason: `staged by run ${own.run}, which can't be finished` };
    case 'verification':
      return { ...object, group: 'staging', reason: `staged by ${own.run}, which did not end` };
    default:
      return { ...object, group: 'probes', reason: 'left by a probe of the store' };
  }
}

/** A number of objects and their size. */
export interface Sum {
  readonly objects: number;
  readonly bytes: number;
}

export const NO_SUM: Sum = { objects: 0, bytes: 0 };

/** One more object. */
export function plus(sum: Sum, { size }: Pick<ObjectInfo, 'size'>): Sum {
  return { objects: sum.objects + 1, bytes: sum.bytes + size };
}

/** The sum of objects of each group. */
export function sumByGroup(doomed: readonly Doomed[]): Readonly<Record<VacuumGroup, Sum>> {
  const sums: Record<VacuumGroup, Sum> = {
    removed: NO_SUM,
    orphans: NO_SUM,
    quarantine: NO_SUM,
    staging: NO_SUM,
    probes: NO_SUM,
  };
  for (const object of doomed) sums[object.group] = plus(sums[object.group], object);
  return sums;
}

/**
 * The oldest version that is retained: the newest one whose successor was not committed at or after `since` (epoch milliseconds by the
 * store's clock). `newest` where nothing was; never below `first`, the oldest that the log can still show.
 */
export function oldestRetained(
  entries: readonly { readonly version: number; readonly modifiedAt: number }[],
  since: number,
  newest: number,
  first: number,
): number {
  const successor = entries.find(({ modifiedAt }) => modifiedAt >= since);
  return Math.max(first, successor === undefined ? newest : Math.min(newest, successor.version - 1));
}
