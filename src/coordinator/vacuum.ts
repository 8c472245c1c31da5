import { crashPoint } from '../shared/crash-points.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import {
  DATA_PREFIX,
  LEASE_KEY,
  PROBE_PREFIX,
  QUARANTINE_PREFIX,
  RUNS_PREFIX,
  VERIFICATIONS_PREFIX,
} from '../shared/domain/keys.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';
import { type Freshness, readFreshness } from './freshness.ts';
import { readLease } from './lease.ts';
import { type HoldContext, holdTable } from './steps.ts';
import { openNewest, type TableState } from './table.ts';
import { finishable, stagedPlans } from './unfinished.ts';
import { readRetained, removalVersions } from './vacuum-log.ts';
import { noteVacuumed } from './vacuum-note.ts';
import { type Doomed, explain, judge, NO_SUM, plus, type Sum, type VacuumRules } from './vacuum-plan.ts';

/** Milliseconds. */
export interface VacuumRequest {
  /** How long a version is kept for its readers once another has taken its place. */
  readonly retention: number;
  readonly leaseTtl: number;
}

/** What a vacuum deleted, or would delete. */
export interface VacuumResult {
  /** The newest version; `null` where there is no table. */
  readonly version: number | null;
  /** In the order of the keys of each kind. */
  readonly objects: readonly Doomed[];
  /** What no retained version refers to and is not yet older than the retention. */
  readonly young: Sum;
  /** What belongs to runs that are under way or can be finished. */
  readonly unfinished: Sum;
}

/** Where nothing was ever written, nothing is to be left either: no lease is taken. */
const NOTHING: VacuumResult = { version: null, objects: [], young: NO_SUM, unfinished: NO_SUM };

/**
 * Deletes what no retained version refers to, is older than the retention, and whose run can no longer commit. Under the table's lease,
 * so that what a crashed run could still commit is fenced off first. Errors: those of `previewVacuum`, `LEASE_HELD`, `LEASE_LOST`.
 */
export async function vacuumTable({ retention, leaseTtl }: VacuumRequest, outer: HoldContext): Promise<VacuumResult> {
  if (await isEmpty(outer.storage)) return NOTHING;
  return holdTable(leaseTtl, outer, async ({ base, state }, context) => {
    const { storage, clock, logger, signal } = context;
    const before = Math.min(clock.now(), await storeNow(storage, clock.now())) - retention;
    checkNewest(await readFreshness(storage), state, storage.uri);
    const { floor } = context.lease;
    const living = await finishable(storage, await stagedPlans(storage), { newest: base, floor });
    const { result, oldest } = await survey(storage, state, living, before);
    crashPoint('vacuum-listed');
    if (result.objects.some(({ group }) => group !== 'staging' && group !== 'probes'))
      await noteVacuumed(storage, oldest);
    await deleteAll(storage, result.objects, signal);
    logger.info('vacuumed', { deleted: result.objects.length });
    return result;
  });
}

/**
 * What a vacuum would delete now, found without the lease and without writing: a run may be under way, and counts as living. Errors:
 * `TABLE_FOREIGN`, `TABLE_CORRUPT`, `OBJECT_MISSING`, those of the storage.
 */
export async function previewVacuum(
  { retention }: Pick<VacuumRequest, 'retention'>,
  { storage, clock }: Pick<HoldContext, 'storage' | 'clock'>,
): Promise<VacuumResult> {
  const lease = await readLease(storage);
  // In this order: a version is there before it is noted, and before a plan stands on it.
  const freshness = await readFreshness(storage);
  const plans = await stagedPlans(storage);
  const { version, state } = await openNewest(storage);
  checkNewest(freshness, state, storage.uri);
  const holder = lease?.body.state === 'held' ? [lease.body] : [];
  const facts = { newest: version, floor: lease?.body.floor ?? 0 };
  const living = [...(await finishable(storage, plans, facts)), ...holder];
  return (await survey(storage, state, living, clock.now() - retention)).result;
}

async function isEmpty(storage: Storage): Promise<boolean> {
  for await (const _ of storage.list('')) return false;
  return true;
}

/** The store's clock, as the lease tells that was just written; never later than it is. */
async function storeNow(storage: Storage, otherwise: number): Promise<number> {
  for await (const { key, modifiedAt } of storage.list(LEASE_KEY)) if (key === LEASE_KEY) return modifiedAt;
  return otherwise;
}

/** A log that lost its end, or all of it, would make orphans of live files. */
function checkNewest(freshness: Freshness | undefined, state: TableState | undefined, uri: string): void {
  const version = state?.version ?? -1;
  if (freshness === undefined || freshness.version <= version) return;
  const found = version < 0 ? 'there is no table' : `the log ends with version ${version}`;
  throw new MongolakeError(
    'TABLE_CORRUPT',
    `${uri}: version ${freshness.version} was committed (run ${freshness.run}), but ${found}`,
    { hint: 'Nothing was deleted. Restore _delta_log from an older version of the bucket, or load into a new table.' },
  );
}

interface LivingRun {
  readonly run: string;
  readonly epoch: number;
}

/** Judges every object of the table's. One at a time as the store lists them; only what goes is kept in memory, and what must stay. */
async function survey(
  storage: Storage,
  state: TableState | undefined,
  living: readonly LivingRun[],
  before: number,
): Promise<{ readonly result: VacuumResult; readonly oldest: number }> {
  const retained =
    state === undefined
      ? { oldest: 0, referred: new Set<string>(), past: [] }
      : await readRetained(storage, state, before);
  const rules: VacuumRules = {
    referred: retained.referred,
    living: new Set(living.map(({ run }) => run)),
    livingEpoch: Math.min(...living.map(({ epoch }) => epoch)),
    before,
  };
  const going: ObjectInfo[] = [];
  const sums = { young: NO_SUM, living: NO_SUM };
  for (const prefix of [DATA_PREFIX, QUARANTINE_PREFIX, RUNS_PREFIX, VERIFICATIONS_PREFIX, PROBE_PREFIX]) {
    for await (const object of storage.list(prefix)) {
      const verdict = judge(object, rules);
      if (verdict === 'goes') going.push(object);
      else if (verdict === 'young' || verdict === 'living') sums[verdict] = plus(sums[verdict], object);
    }
  }
  const files = new Map(
    going.filter(({ key }) => key.startsWith(DATA_PREFIX)).map(({ key, modifiedAt }) => [key, modifiedAt]),
  );
  const removedIn = await removalVersions(storage, retained.past, files);
  const result: VacuumResult = {
    version: state?.version ?? null,
    objects: going.map((object) => explain(object, removedIn)),
    young: sums.young,
    unfinished: sums.living,
  };
  return { result, oldest: retained.oldest };
}

const BATCH = 1000;

/**
 * No key here is ever written again, no version refers to one and none ever will, for `restore` minds the note: so a crash in the middle, a lost lease and an answer
 * that is lost do no harm. The next vacuum lists what is left.
 */
async function deleteAll(storage: Storage, objects: readonly Doomed[], signal: AbortSignal): Promise<void> {
  for (let from = 0; from < objects.length; from += BATCH) {
    signal.throwIfAborted();
    await storage.delete(objects.slice(from, from + BATCH).map(({ key }) => key));
    if (from === 0) crashPoint('vacuum-deleted');
  }
}
