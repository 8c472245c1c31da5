import { jsonBody } from '../shared/documents.ts';
import {
  addDifferences,
  addTallies,
  type CompareReceipt,
  type Difference,
  type DifferentId,
  differing,
  type IdList,
  NO_DIFFERENCES,
} from '../shared/domain/comparison.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import { fractionOf } from '../shared/domain/fraction.ts';
import { planKey, verificationOf } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { type Position, positionTimeOrNull } from '../shared/domain/position.ts';
import type { ExtractReceipt } from '../shared/domain/receipt.ts';
import type { Storage } from '../shared/ports/storage.ts';
import type { RunContext, RunResult } from './carry-out.ts';
import { dropStaging } from './housekeep.ts';
import { runTable } from './run.ts';
import { runId } from './run-id.ts';
import { mergePartitions, readRanges, stageMerge, total } from './steps.ts';
import { reachedBy } from './stream-start.ts';
import { openState, type TableState, tableMissing } from './table.ts';
import { noteVerification } from './verification.ts';
import {
  checkVerifiable,
  comparedSchema,
  compareInputs,
  firstLook,
  sampled,
  secondLook,
  type VerifyRequest,
} from './verify-plan.ts';
import { withoutChanged } from './verify-stream.ts';
import { whenFree } from './when-free.ts';

/** A partition in which ids differ. */
export interface DifferentPartition {
  readonly partition: number;
  readonly differences: Readonly<Record<Difference, number>>;
}

export interface Verified {
  readonly run: string;
  /** The version that was compared, and its watermark. */
  readonly version: number;
  readonly watermark: number | null;
  /** When the source began to be read, epoch milliseconds. */
  readonly checkedAt: number;
  /** Compared, of source and table. The checksums are equal where all ids and cursors are. */
  readonly documents: number;
  readonly rows: number;
  readonly documentsChecksum: string;
  readonly rowsChecksum: string;
  /** Ids whose document is beyond the watermark, or whose row is newer than the dump. */
  readonly leftOut: number;
  readonly partitions: number;
  readonly differences: Readonly<Record<Difference, number>>;
  readonly different: readonly DifferentPartition[];
  readonly ids: readonly (DifferentId & { readonly partition: number })[];
  /** Ids that seemed to differ, and that no source can be asked for. */
  readonly unconfirmed: number;
  readonly bytesRead: number;
  readonly durationMs: number;
  /** What the repair did; absent where there was none. */
  readonly repaired?: RunResult;
}

/** Ids that a result tells at most; a partition tells no more than a thousand of them. */
const MOST_IDS = 100_000;

/** What was found in one look. */
interface Look {
  readonly plan: Plan;
  readonly extracted: readonly ExtractReceipt[];
  readonly compared: readonly CompareReceipt[];
}

/**
 * Compares the table with its source: once everything, then again what differed, by its ids from the primary, so that nothing is told that changed
 * meanwhile. It takes no lease, and syncs go on beside it. Where it is to repair, a run reads those ids a third time and makes one version, in which
 * what the source has is as the source has it, and what it has not is gone. Throws `TABLE_MISSING`, and what a run throws.
 */
export async function verifyTable(request: VerifyRequest, context: RunContext): Promise<Verified> {
  const { storage, source, clock, logger, engineVersion } = context;
  const started = clock.monotonic();
  const state = await openState(storage);
  if (state === undefined) throw tableMissing(storage);
  const sourceClock = await source.clock();
  const since = request.settings.mode === 'changestream' ? await reachedBy(state, storage) : null;
  checkVerifiable(request, state, { namespace: source.namespace, uri: storage.uri });
  const run = verificationOf(runId(clock));
  const looks = [run];
  try {
    const means = { request, state, clock: sourceClock, now: clock.now(), engineVersion };
    const all = await source.ranges({ kind: 'full' }, { warn: (message) => logger.warn(message) });
    const ranges = sampled(all, request.sample, () => fractionOf(clock.randomHex(4)));
    const first = await look(firstLook(means, run, source, ranges), state, context);
    logger.info('compared', { version: state.version, suspects: differing(differencesOf(first.compared)) });
    const confirmed = await lookAgain(first, { request, state, since, looks }, context);
    const { second } = confirmed;
    const result = {
      ...resultOf(state, first, confirmed, clock.monotonic() - started),
      watermark: positionTimeOrNull(since) ?? state.watermark,
    };
    await note(result, null, request, storage);
    checkDeletes(request, result, storage);
    const repaired = request.repairs ? await repair(request, second, context) : undefined;
    if (repaired !== undefined) await note(result, repaired.version, request, storage);
    return { ...result, ...(repaired === undefined ? {} : { repaired }), durationMs: clock.monotonic() - started };
  } finally {
    await dropQuietly(looks, context);
  }
}

/** What was looked at again. */
interface Confirmed {
  /** `undefined` where nothing was left that might differ. */
  readonly second: Look | undefined;
  /** Ids that it was asked for. */
  readonly asked: number;
  /** Ids that changed since the table's place in its stream. */
  readonly leftOut: number;
}

interface Doubt {
  readonly request: VerifyRequest;
  readonly state: TableState;
  /** The table's place in its change stream; `null` where it follows none. */
  readonly since: Position | null;
  /** Takes the name of each look, for what it stages is dropped at the end. */
  readonly looks: string[];
}

/** Looks again at what differed; of a table that follows a change stream until nothing is left that came in it meanwhile. */
async function lookAgain(first: Look, doubt: Doubt, context: RunContext): Promise<Confirmed> {
  const { request, state, since, looks } = doubt;
  let lists = listsOf(first.compared);
  let confirmed: Confirmed = { second: undefined, asked: 0, leftOut: 0 };
  for (;;) {
    const run = `${first.plan.run}-again${looks.length}`;
    looks.push(run);
    const kept = since === null ? { lists, leftOut: 0 } : await withoutChanged(lists, since, run, context);
    const leftOut = confirmed.leftOut + kept.leftOut;
    if (confirmed.second !== undefined && kept.leftOut === 0) return confirmed;
    if (kept.lists.length === 0) return { second: undefined, asked: 0, leftOut };
    const second = await look(secondLook(first.plan, run, kept.lists, request), state, context);
    confirmed = { second, asked: total(kept.lists, ({ ids }) => ids), leftOut };
    lists = listsOf(second.compared);
  }
}

/** What stays is vacuum's; why a verification failed must not be hidden by that. */
async function dropQuietly(runs: readonly string[], { storage, logger }: RunContext): Promise<void> {
  for (const run of runs) {
    try {
      await dropStaging(storage, run);
    } catch (error) {
      logger.warn('what the verification staged could not be cleaned up; vacuum does it', {
        error: (error as Error).message,
      });
    }
  }
}

/** Rows that a repair may delete without being asked for it by somebody who looked. */
const FEW_DELETES = 1_000;

/**
 * A repair that nobody watches deletes no more than a share of the table: more than that is rather a source that is the wrong one, or only part of it.
 * Throws `DELETES_REFUSED`.
 */
function checkDeletes(
  { repairs, deletesAtMost }: VerifyRequest,
  { differences, rows }: Verified,
  storage: Storage,
): void {
  const { gone } = differences;
  if (!repairs || gone <= Math.max(FEW_DELETES, rows * deletesAtMost)) return;
  throw new MongolakeError(
    'DELETES_REFUSED',
    `${storage.uri}: the source has no document for ${gone} of ${rows} rows, more than a repair deletes by itself; nothing was changed`,
    {
      hint: 'Look whether the source is the right one, and whole. If it is, run `mongolake verify --repair` by hand.',
    },
  );
}

/** Leaves a note of what was found beside the table; a sample says nothing of the whole of it. */
async function note(
  { run, version, checkedAt, differences, unconfirmed, documents, durationMs }: Verified,
  repairedIn: number | null,
  { isDeep, sample, repairs }: VerifyRequest,
  storage: Storage,
): Promise<void> {
  if (sample < 1) return;
  const found = { run, version, checkedAt, differences, unconfirmed, documents, durationMs };
  await noteVerification(storage, { ...found, isDeep, repairs, repairedIn });
}

/** Reads what the plan says, and compares it. */
async function look(plan: Plan, state: TableState, context: RunContext): Promise<Look> {
  const { storage } = context;
  await storage.putIfAbsent(planKey(plan.run), jsonBody(plan), plan.run);
  const { documents } = plan.reads === 'source' ? await context.source.estimate(plan.scope) : { documents: undefined };
  const extracted = await readRanges(plan, documents, context);
  const inputs = compareInputs(plan, extracted, state);
  await stageMerge(plan, comparedSchema(plan, state, extracted), inputs, storage);
  const compared = await mergePartitions<CompareReceipt>(plan, inputs, context);
  return { plan, extracted, compared };
}

/** Makes right what differs; a run that has the table now is waited for, since a comparison may have taken hours. */
async function repair(
  { pipeline, collection, settings, columns }: VerifyRequest,
  second: Look | undefined,
  context: RunContext,
): Promise<RunResult | undefined> {
  const lists = listsOf(second?.compared ?? []);
  if (lists.length === 0) return undefined;
  const nothing = { from: null, to: null, overwrite: false, replace: false };
  const request = { pipeline, collection, settings, columns, mode: 'repair', lists, ...nothing } as const;
  return whenFree(() => runTable(request, context), context);
}

function resultOf(
  state: TableState,
  { plan, compared }: Look,
  { second, asked, leftOut }: Confirmed,
  durationMs: number,
): Omit<Verified, 'repaired' | 'watermark'> {
  const confirmed = second?.compared ?? [];
  const documents = addTallies(compared.map((receipt) => receipt.documents));
  const rows = addTallies(compared.map((receipt) => receipt.rows));
  const aside = total(second?.extracted ?? [], ({ quarantine }) => quarantine.length);
  const answered = total(confirmed, ({ ids }) => ids) + aside;
  const unlisted = differing(differencesOf(compared)) - total(listsOf(compared), ({ ids }) => ids);
  return {
    run: plan.run,
    version: state.version,
    checkedAt: plan.createdAt,
    documents: documents.count,
    rows: rows.count,
    documentsChecksum: documents.checksum,
    rowsChecksum: rows.checksum,
    leftOut: leftOut + total(compared, (receipt) => receipt.leftOut),
    partitions: state.partitions,
    differences: differencesOf(confirmed),
    different: confirmed
      .filter(({ differences }) => differing(differences) > 0)
      .map(({ partition, differences }) => ({ partition, differences })),
    ids: confirmed
      .flatMap(({ partition, examples }) => examples.map((example) => ({ ...example, partition })))
      .slice(0, MOST_IDS),
    unconfirmed: unlisted + Math.max(asked - answered, 0),
    bytesRead: total([...compared, ...confirmed], (receipt) => receipt.bytesRead),
    durationMs,
  };
}

function listsOf(compared: readonly CompareReceipt[]): readonly IdList[] {
  return compared.flatMap(({ lists }) => lists);
}

function differencesOf(compared: readonly CompareReceipt[]): Readonly<Record<Difference, number>> {
  return compared.reduce((sum, { differences }) => addDifferences(sum, differences), NO_DIFFERENCES);
}
