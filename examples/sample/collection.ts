import { type Base, changed, DAY_MS, type Notification, notification } from './notification.ts';
import { below, random, STREAM } from './random.ts';

export type Day = 1 | 2;

/** What the generator is asked for. Documents depend on nothing else. */
export interface SampleOptions {
  /** Documents of day one. */
  readonly docs: number;
  /** Unsigned 32-bit; 1 unless given. */
  readonly seed?: number;
  /** 2: the same collection a day later. 1 unless given. */
  readonly day?: Day;
  /** The end of day one, 2026-06-01T00:00:00Z unless given. */
  readonly asOf?: Date;
  /** Share of day one's documents that day two changes, 0.02 unless given. */
  readonly updateRatio?: number;
  /** Documents that day two adds, as a share of day one's; 0.01 unless given. */
  readonly insertRatio?: number;
  /** False: no Decimal128, for a server that doesn't know it (FerretDB 1). True unless given. */
  readonly decimals?: boolean;
}

/** The options with their defaults, and the exact numbers that follow from them. */
export interface SamplePlan extends Base {
  readonly day: Day;
  /** Documents that day two changes; 0 on day one. */
  readonly updated: number;
  /** Those of them among the newest documents. */
  readonly updatedNewest: number;
  /** How many documents count as the newest: a twentieth of day one's. */
  readonly newest: number;
  /** Documents in the collection at the end of `day`. */
  readonly total: number;
  /** The end of `day`, when its dump starts; epoch milliseconds. No document is newer. */
  readonly startedAt: number;
}

export const DEFAULTS = {
  seed: 1,
  day: 1,
  asOf: '2026-06-01T00:00:00.000Z',
  updateRatio: 0.02,
  insertRatio: 0.01,
  decimals: true,
} as const;

const NEWEST_SHARE = 0.05;
const UPDATES_TO_NEWEST = 0.95;

/** Fixes how many documents are changed and added. Throws a RangeError that names the option out of range. */
export function samplePlan(options: SampleOptions): SamplePlan {
  const { docs, seed = DEFAULTS.seed, day = DEFAULTS.day, asOf = new Date(DEFAULTS.asOf) } = options;
  const { updateRatio = DEFAULTS.updateRatio, insertRatio = DEFAULTS.insertRatio } = options;
  const { decimals = DEFAULTS.decimals } = options;
  inRange('docs', docs, 2 ** 31, true);
  inRange('seed', seed, 2 ** 32 - 1, true);
  inRange('updateRatio', updateRatio, 1);
  inRange('insertRatio', insertRatio, 1);
  // An ObjectId's time is 32 bits of seconds, and the history starts 90 days earlier.
  inRange('asOf', asOf.getTime() - 90 * DAY_MS, 2 ** 32 * 1000 - 100 * DAY_MS);
  const newest = Math.ceil(docs * NEWEST_SHARE);
  const updated = day === 2 ? Math.round(docs * updateRatio) : 0;
  const inserted = day === 2 ? Math.round(docs * insertRatio) : 0;
  return {
    docs,
    seed,
    day,
    asOf: asOf.getTime(),
    decimals,
    updated,
    updatedNewest: Math.min(newest, Math.round(updated * UPDATES_TO_NEWEST)),
    newest,
    inserted,
    total: docs + inserted,
    startedAt: asOf.getTime() + (day - 1) * DAY_MS,
  };
}

/** The whole collection at the end of the day, in the order of `_id`, one document at a time. */
export function* notifications(options: SampleOptions): Generator<Notification, void, undefined> {
  const plan = samplePlan(options);
  for (let index = 0; index < plan.total; index++) yield documentAt(index, plan);
}

/** Only what the day wrote: everything on day one; the changed and the new documents, as they then are, on day two. */
export function* changes(options: SampleOptions): Generator<Notification, void, undefined> {
  const plan = samplePlan(options);
  for (let index = 0; index < plan.total; index++) {
    if (plan.day === 1 || index >= plan.docs || isChanged(index, plan)) yield documentAt(index, plan);
  }
}

/** Document number `index` at the end of the plan's day. */
export function documentAt(index: number, plan: SamplePlan): Notification {
  const document = notification(index, plan);
  return isChanged(index, plan) ? changed(document, index, plan) : document;
}

/** Whether day two changes document number `index`. */
export function isChanged(index: number, plan: SamplePlan): boolean {
  const { docs, newest, updated, updatedNewest, seed } = plan;
  if (index >= docs) return false;
  const older = docs - newest;
  if (index >= older) return isSelected(index, { first: older, length: newest, picks: updatedNewest, seed });
  return isSelected(index, { first: 0, length: older, picks: updated - updatedNewest, seed });
}

/**
 * Selects exactly `picks` of the indexes from `first` on, knowing only the index: they are cut into as many strata of equal
 * length, and each gives one.
 */
function isSelected(index: number, range: { first: number; length: number; picks: number; seed: number }): boolean {
  const { first, length, picks, seed } = range;
  if (picks === 0) return false;
  const stratum = Math.floor(((index - first) * picks) / length);
  const start = Math.ceil((stratum * length) / picks);
  const end = Math.ceil(((stratum + 1) * length) / picks);
  return index - first === start + below(random(seed, STREAM.selection, first + stratum), end - start);
}

function inRange(name: string, value: number, max: number, integer = false): void {
  if (value >= 0 && value <= max && (!integer || Number.isInteger(value))) return;
  throw new RangeError(`${name} is out of range: ${integer ? 'an integer ' : ''}from 0 to ${max} is expected`);
}
