import { crashPoint } from '../shared/crash-points.ts';
import { readJson } from '../shared/documents.ts';
import { addCounts } from '../shared/domain/books.ts';
import { cursorOf, cursorText } from '../shared/domain/cursor.ts';
import { softField } from '../shared/domain/deletion.ts';
import { asMongolakeError, MongolakeError } from '../shared/domain/errors.ts';
import { planKey, RUNS_PREFIX, runOfKey } from '../shared/domain/keys.ts';
import type { Plan } from '../shared/domain/plan.ts';
import { policyText, type TablePolicy } from '../shared/domain/policy.ts';
import { STAGES, type Stage, type StageDurations } from '../shared/domain/stage.ts';
import type { Source, SourceClock } from '../shared/ports/source.ts';
import type { Storage } from '../shared/ports/storage.ts';
import { carryOut, type RunContext, type RunResult, type RunSettings } from './carry-out.ts';
import { isFence } from './entry.ts';
import { dropOldStaging } from './housekeep.ts';
import { readEntry } from './log.ts';
import { carryOutRewrite } from './rewrite.ts';
import { progressOf, progressText, readStaged, runName } from './run-progress.ts';
import { type StageTimer, stageTimer } from './stages.ts';
import { type Held, type HeldTable, holdTable } from './steps.ts';

/**
 * A run that did not end left its plan, its segments and its receipts in object storage. The next holder of the lease finishes it from
 * these, or gives it up before it begins a run of its own: what was read for an old plan must never meet a newer version.
 */

/** What the configuration says of the table now, and what is asked for. */
export interface Configured {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  readonly columns?: TablePolicy | undefined;
  /** Whether a dump may replace newer rows. */
  readonly overwrite?: boolean;
  /** Whether the table is to be replaced. */
  readonly replace?: boolean;
}

/** A run of its own that a command does. */
export interface OwnRun {
  /** Says what speaks against it, before anything is done about an earlier run. Returns the run itself, whose first stage is under way. */
  begin(held: HeldTable, context: Held<RunContext>): Promise<(timer: StageTimer) => Promise<RunResult>>;
  /** Whether the run that was finished has done what this one is to do. */
  isDoneBy(plan: Plan): boolean;
}

/**
 * Works on a table under its lease: finishes the run that an earlier holder left, if there is one and it can be finished, which makes a
 * version of its own; then, unless that was it, does the run that is asked for. Errors: `LEASE_HELD`, those of the runs.
 */
export async function finishFirst(asked: Configured, outer: RunContext, own: OwnRun): Promise<RunResult> {
  const timer = stageTimer(outer.clock);
  const { result, isAll } = await holdTable(asked.settings.leaseTtl, outer, async (held, context) => {
    const run = await own.begin(held, context);
    const plan = await takeOver(asked, held, context);
    if (plan === undefined) return { result: await run(timer), isAll: true };
    return { result: await finish(plan, held, asked.settings, context, timer), isAll: own.isDoneBy(plan) };
  });
  if (isAll) return result;
  return together(result, await finishFirst(asked, outer, own).catch(finishedBefore(result)));
}

/** The run to be finished, as this holder's own; `undefined` where there is none. What else is staged is dropped. */
async function takeOver(asked: Configured, held: HeldTable, context: Held<RunContext>): Promise<Plan | undefined> {
  const { storage, lease } = context;
  const staged = await takeUp(asked, held, context);
  await lease.assertHeld();
  await dropOldStaging(storage, staged?.run);
  lease.raiseFloor(staged?.epoch ?? held.epoch);
  crashPoint('old-staging-dropped');
  if (staged === undefined) return undefined;
  const plan = { ...staged, base: held.base, epoch: held.epoch };
  lease.worksOn(plan.run);
  return plan;
}

async function finish(
  plan: Plan,
  { state }: HeldTable,
  settings: RunSettings,
  outer: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const context = { ...outer, logger: outer.logger.child({ finishes: plan.run }) };
  const progress = progressOf(await readStaged(context.storage, plan.run));
  context.logger.info(`an unfinished ${progressText(progress)} is finished first`);
  timer.ended('window');
  const carried = { plan, state, settings };
  return plan.rewrite === null ? carryOut(carried, context, timer) : carryOutRewrite(carried, context, timer);
}

/** The plan to be finished, as it is staged; says why another one is given up. */
async function takeUp(
  configured: Configured,
  { base }: HeldTable,
  context: Held<RunContext>,
): Promise<Plan | undefined> {
  const { storage, logger, engineVersion, lease } = context;
  for (const plan of await finishable(storage, await stagedPlans(storage), { newest: base, floor: lease.floor })) {
    const { namespace } = context.source;
    const reason = whyGiveUp(plan, configured, { engineVersion, namespace, source: await sourceFor(plan, context) });
    if (reason === undefined) return plan;
    logger.warn(`an unfinished ${runName(plan)} is given up: ${reason}`, { givenUp: plan.run });
  }
  return undefined;
}

/** The plans that are still staged, oldest first; what is no plan of this format is passed over, and dropped with the rest. */
export async function stagedPlans(storage: Storage): Promise<readonly Plan[]> {
  const runs = new Set<string>();
  for await (const { key } of storage.list(RUNS_PREFIX)) if (key === planKey(runOfKey(key))) runs.add(runOfKey(key));
  const plans: Plan[] = [];
  for (const run of runs) {
    const plan = await readPlan(storage, run);
    if (plan?.formatVersion === 1) plans.push(plan);
  }
  return plans;
}

/** `undefined` where it is gone meanwhile, or damaged: then nothing of its run can be finished. */
async function readPlan(storage: Storage, run: string): Promise<Plan | undefined> {
  try {
    return await readJson<Plan>(storage, planKey(run));
  } catch (error) {
    const { code } = asMongolakeError(error);
    if (code === 'OBJECT_MISSING' || code === 'OBJECT_CORRUPT') return undefined;
    throw error;
  }
}

/**
 * Those of the plans whose runs can be finished on top of the `newest` version: nothing but fences came after what they stand on, and by
 * the lease's `floor` they are not over.
 */
export async function finishable(
  storage: Storage,
  plans: readonly Plan[],
  { newest, floor }: { readonly newest: number; readonly floor: number },
): Promise<readonly Plan[]> {
  const found: Plan[] = [];
  for (const plan of plans) if (plan.epoch >= floor && (await standsOn(storage, plan, newest))) found.push(plan);
  return found;
}

async function standsOn(storage: Storage, { base }: Pick<Plan, 'base'>, newest: number): Promise<boolean> {
  if (base > newest) return false;
  for (let version = base + 1; version <= newest; version++) {
    const actions = await readEntry(storage, version);
    if (actions === undefined || !isFence(actions)) return false;
  }
  return true;
}

/** What the collection is read from now; `undefined` where the plan does not read it. */
async function sourceFor({ rewrite, reads }: Plan, { source }: RunContext): Promise<string | undefined> {
  return rewrite === null && reads !== 'quarantine' && reads !== 'erase'
    ? sourceText(source, await source.clock())
    : undefined;
}

/** Tells a source from any other one, and a dump from another one in its place. */
export function sourceText({ description }: Pick<Source, 'description'>, { dump }: SourceClock): string {
  return dump === undefined ? description : `${description}: ${dump}`;
}

/** Why a run can't be finished as things are now; `undefined` where it can. */
export function whyGiveUp(
  plan: Plan,
  { pipeline, collection: name, settings, columns, overwrite = false, replace = false }: Configured,
  now: {
    readonly engineVersion: string;
    readonly namespace: Plan['namespace'];
    readonly source: string | undefined;
  },
): string | undefined {
  const { database, collection } = now.namespace;
  if (plan.namespace.database !== database || plan.namespace.collection !== collection)
    return `it was of ${plan.namespace.database}.${plan.namespace.collection}`;
  if (plan.engineVersion !== now.engineVersion) return `mongolake ${plan.engineVersion} planned it`;
  // Its jobs name the table's configuration by these.
  if (plan.pipeline !== pipeline || plan.collection !== name)
    return `its table was called ${plan.pipeline}.${plan.collection}`;
  // Whatever it did would be gone with the version that is asked for; but for what is erased, which no version has again.
  if (replace && !plan.replace && plan.reads !== 'erase') return 'the table is to be replaced';
  if (plan.rewrite !== null || plan.reads === 'erase') return undefined;
  if ((plan.reads === 'changes' || plan.position !== undefined) && settings.mode !== 'changestream')
    return 'the configuration no longer says source.mode: changestream';
  if (plan.scope.kind === 'window' && settings.mode === 'changestream')
    return 'the configuration says source.mode: changestream';
  if (plan.replace && !plan.backfill && settings.mode === 'incremental')
    return 'the configuration no longer says mode: full';
  if (cursorText(plan.cursor) !== cursorText(cursorOf(settings))) return 'the configuration has another cursor';
  if (policyText(plan.columns) !== policyText(columns)) return 'the configuration has another column policy';
  if (plan.deletedField !== softField(settings)) return 'the configuration says otherwise what is deleted';
  if (plan.engine !== settings.engine) return 'the configuration has another engine';
  if (now.source !== undefined && plan.source !== now.source) return `it read another source (${plan.source})`;
  const overwrites = plan.sourceKind === 'dump' && plan.keepRows === 'none' && plan.reads === 'source';
  return overwrites && !overwrite ? 'it was to overwrite newer rows, which is not asked for now' : undefined;
}

/** Says what a command did before its own run failed. */
function finishedBefore({ run, version }: RunResult): (error: unknown) => never {
  return (error) => {
    if (version === null) throw error;
    const { code, message, hint } = asMongolakeError(error);
    const told = `${message} (before that, the unfinished run ${run} was finished: version ${version})`;
    throw new MongolakeError(code, told, { ...(hint === undefined ? {} : { hint }), cause: error });
  };
}

/** What a command did to a table in two runs, as one: the window, the watermark and the run id are the later one's. */
function together(first: RunResult, second: RunResult): RunResult {
  const sum = (
    key: 'filesAdded' | 'filesRemoved' | 'bytesRead' | 'bytesWritten' | 'durationMs' | 'partitionsTouched',
  ) => first[key] + second[key];
  return {
    ...second,
    version: second.version ?? first.version,
    counts: addCounts(first.counts, second.counts),
    partitionsTouched: sum('partitionsTouched'),
    filesAdded: sum('filesAdded'),
    filesRemoved: sum('filesRemoved'),
    bytesRead: sum('bytesRead'),
    bytesWritten: sum('bytesWritten'),
    durationMs: sum('durationMs'),
    newlyQuarantined: (first.newlyQuarantined ?? 0) + (second.newlyQuarantined ?? 0),
    stagesMs: addDurations(first.stagesMs, second.stagesMs),
    recovered: [first.run, ...(second.recovered ?? [])],
  };
}

function addDurations(a: StageDurations, b: StageDurations): StageDurations {
  const sums = STAGES.map((stage) => [stage, a[stage] + b[stage]] as const);
  return Object.fromEntries(sums) as Record<Stage, number>;
}
