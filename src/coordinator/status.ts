import { sizeOf, type TableSize } from '../shared/domain/contents.ts';
import type { EngineName } from '../shared/domain/plan.ts';
import { positionTimeOrNull } from '../shared/domain/position.ts';
import type { ObjectInfo, Storage } from '../shared/ports/storage.ts';
import { readFreshness } from './freshness.ts';
import { type LeaseBody, readLease } from './lease.ts';
import { readQuarantine } from './quarantine.ts';
import { progressOf, type RunProgress, readStaged, type StagedRun } from './run-progress.ts';
import { type StageFigures, stageFigures } from './stage-figures.ts';
import { reachedIn } from './stream-start.ts';
import { filesOf, type OpenedState, openNewest, type TableState } from './table.ts';
import { finishable, stagedPlans } from './unfinished.ts';
import { readVerification, type Verification } from './verification.ts';

/** How a table stands. Times are epoch milliseconds. */
export interface TableStatus {
  readonly uri: string;
  /** `undefined` where there is no table yet: a status like any other. */
  readonly table: TableFigures | undefined;
  /** The last run that ended well, whether or not it found a change. */
  readonly lastCheck: { readonly at: number; readonly run: string; readonly version: number } | undefined;
  readonly verification: Verification | undefined;
  readonly lease: LeaseStatus | undefined;
  /** The run that holds the lease. */
  readonly run: RunStatus | undefined;
  /** A run that did not end and holds no lease: the next one finishes it, or gives it up. */
  readonly unfinished: RunStatus | undefined;
  /** Documents on the list of what can't be stored. */
  readonly quarantined: number;
  /** What is damaged and could be done without. */
  readonly notes: readonly string[];
}

/** The newest version. */
export interface TableFigures extends TableSize {
  /** Hash partitions, with rows or without. */
  readonly partitions: number;
  readonly engine: EngineName;
  /** Up to when it has all changes. */
  readonly watermark: number | null;
}

export interface LeaseStatus {
  /**
   * `expired`: held, but not renewed for its time to live. Its holder crashed, hangs, or its clock is behind. `unsettled`: nobody holds
   * it, but whether the last run's commit came through is not known yet.
   */
  readonly state: 'held' | 'expired' | 'released' | 'unsettled';
  /** `host:pid`. */
  readonly owner: string;
  readonly run: string;
  readonly epoch: number;
  readonly renewedAt: number;
}

/** A run that is under way, or did not end. */
export interface RunStatus extends Omit<RunProgress, 'extract' | 'merge'> {
  /** What it has left so far: which jobs are done. */
  readonly staged: StagedRun;
  /** Ranges read. */
  readonly extract: StageFigures;
  /** Partitions merged. */
  readonly merge: StageFigures;
}

/**
 * Reads how a table stands, a run in progress included; writes nothing. `opening` is the newest version, for who knows it already.
 * Errors: those of `openNewest` and of the storage.
 */
export async function readStatus(
  storage: Storage,
  now: number,
  opening: Promise<OpenedState> = openNewest(storage),
): Promise<TableStatus> {
  const [newest, freshness, verification, held] = await Promise.all([
    opening,
    readFreshness(storage),
    readVerification(storage),
    readLease(storage),
  ]);
  const { state } = newest;
  const lease = held && leaseStatus(held.body, now);
  const running = lease?.state === 'held' || lease?.state === 'expired';
  return {
    uri: storage.uri,
    table: state && {
      ...figures(state),
      watermark: positionTimeOrNull(reachedIn(state, freshness)) ?? state.watermark,
    },
    lastCheck: freshness && { at: freshness.checkedAt, run: freshness.run, version: freshness.version },
    verification,
    lease,
    run: running ? await readRun(storage, lease.run) : undefined,
    unfinished: running
      ? undefined
      : await readUnfinished(storage, { newest: newest.version, floor: held?.body.floor ?? 0 }),
    quarantined: state === undefined ? 0 : (await readQuarantine(storage, state)).length,
    notes: state?.notes ?? [],
  };
}

function figures(state: TableState): Omit<TableFigures, 'watermark'> {
  return { ...sizeOf(state.version, filesOf(state)), partitions: state.partitions, engine: state.engine };
}

/** The lease as it is at `now`, by the wall clock: good enough to be told, not to be taken over by. */
export function leaseStatus(body: LeaseBody, now: number): LeaseStatus {
  const { owner, run, epoch, renewedAt, ttlMs } = body;
  const expired = body.state === 'held' && now - renewedAt >= ttlMs;
  return { state: expired ? 'expired' : body.state, owner, run, epoch, renewedAt };
}

async function readUnfinished(
  storage: Storage,
  facts: { readonly newest: number; readonly floor: number },
): Promise<RunStatus | undefined> {
  const [plan] = await finishable(storage, await stagedPlans(storage), facts);
  return plan && readRun(storage, plan.run);
}

async function readRun(storage: Storage, run: string): Promise<RunStatus> {
  const staged = await readStaged(storage, run);
  const progress = progressOf(staged);
  const { plan, extracted, inputs, merged } = staged;
  const [extract, merge] = await Promise.all([
    stageFigures(storage, extracted, { total: progress.extract.total, begun: plan?.createdAt }),
    stageFigures(storage, merged, { total: progress.merge.total, begun: newestOf(inputs) }),
  ]);
  return { ...progress, staged, extract, merge };
}

/** When the newest of the objects was written; `undefined` without one. */
function newestOf(objects: readonly ObjectInfo[]): number | undefined {
  return objects.length === 0 ? undefined : Math.max(...objects.map(({ modifiedAt }) => modifiedAt));
}
