import { findJson } from '../shared/documents.ts';
import { mergeInputKey, planKey, receiptsPrefix } from '../shared/domain/keys.ts';
import type { EngineName, Plan } from '../shared/domain/plan.ts';
import type { Stage } from '../shared/domain/stage.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { readFreshness } from './freshness.ts';
import { type LeaseBody, readLease } from './lease.ts';
import { readQuarantine } from './quarantine.ts';
import { openNewest, type TableState } from './table.ts';
import { finishable, stagedPlans } from './unfinished.ts';

/** How a table stands. Times are epoch milliseconds. */
export interface TableStatus {
  readonly uri: string;
  /** `undefined` where there is no table yet: a status like any other. */
  readonly table: TableFigures | undefined;
  /** The last run that ended well, whether or not it found a change. */
  readonly lastCheck: { readonly at: number; readonly run: string; readonly version: number } | undefined;
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
export interface TableFigures {
  readonly version: number;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Hash partitions, with rows or without. */
  readonly partitions: number;
  readonly engine: EngineName;
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

/** Jobs with a receipt, of all; `total` is `undefined` until it is known. */
export interface JobsDone {
  readonly done: number;
  readonly total: number | undefined;
}

export interface RunStatus {
  readonly run: string;
  /** When it was planned; `undefined` until it is. */
  readonly startedAt: number | undefined;
  readonly stage: Stage;
  /** Ranges read. */
  readonly extract: JobsDone;
  /** Partitions merged. */
  readonly merge: JobsDone;
}

/** Reads how a table stands, a run in progress included; writes nothing. Errors: those of `openNewest` and of the storage. */
export async function readStatus(storage: Storage, now: number): Promise<TableStatus> {
  const [newest, freshness, held] = await Promise.all([
    openNewest(storage),
    readFreshness(storage),
    readLease(storage),
  ]);
  const { state } = newest;
  const lease = held && leaseStatus(held.body, now);
  const running = lease?.state === 'held' || lease?.state === 'expired';
  return {
    uri: storage.uri,
    table: state && figures(state),
    lastCheck: freshness && { at: freshness.checkedAt, run: freshness.run, version: freshness.version },
    lease,
    run: running ? await readRun(storage, lease.run) : undefined,
    unfinished: running
      ? undefined
      : await readUnfinished(storage, { newest: newest.version, floor: held?.body.floor ?? 0 }),
    quarantined: state === undefined ? 0 : (await readQuarantine(storage, state)).length,
    notes: state?.notes ?? [],
  };
}

function figures(state: TableState): TableFigures {
  const files = [...state.files.values()].flat();
  return {
    version: state.version,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    partitions: state.partitions,
    engine: state.engine,
    watermark: state.watermark,
  };
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
  const plan = await findJson<Plan>(storage, planKey(run));
  const [extracted, inputs, merged] = await Promise.all([
    count(storage, receiptsPrefix(run, 'extract')),
    count(storage, mergeInputsPrefix(run)),
    count(storage, receiptsPrefix(run, 'merge')),
  ]);
  const { ranges, createdAt }: Partial<Plan> = plan?.body ?? {};
  const extract = { done: extracted, total: ranges?.length };
  const merge = { done: merged, total: inputs === 0 ? undefined : inputs };
  return { run, startedAt: createdAt, stage: stageOf(extract, merge), extract, merge };
}

/** What a run is at, by the jobs done: the receipts tell it, so the queue need not be asked. */
export function stageOf(extract: JobsDone, merge: JobsDone): Stage {
  if (extract.total === undefined) return 'window';
  if (extract.done < extract.total) return 'extract';
  if (merge.total === undefined) return 'schema';
  return merge.done < merge.total ? 'merge' : 'commit';
}

/** The folder of a run's merge inputs. */
function mergeInputsPrefix(run: string): string {
  const key = mergeInputKey(run, 0);
  return key.slice(0, key.lastIndexOf('/') + 1);
}

async function count(storage: Storage, prefix: string): Promise<number> {
  let found = 0;
  for await (const _ of storage.list(prefix)) found++;
  return found;
}
