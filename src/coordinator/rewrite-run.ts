import { jsonBody } from '../shared/documents.ts';
import { planKey } from '../shared/domain/keys.ts';
import type { Plan, Rewrite } from '../shared/domain/plan.ts';
import type { TablePolicy } from '../shared/domain/policy.ts';
import type { RunContext, RunResult, RunSettings } from './carry-out.ts';
import { checkNamespace } from './plan.ts';
import { carryOutRewrite } from './rewrite.ts';
import { nothingDone, sourcelessPlan } from './sourceless.ts';
import type { StageTimer } from './stages.ts';
import type { Held, HeldTable } from './steps.ts';
import { openState, type TableState, tableMissing } from './table.ts';
import { finishFirst } from './unfinished.ts';

/** Which table's files are to be written anew. */
export interface RewriteRequest {
  readonly pipeline: string;
  readonly collection: string;
  readonly settings: RunSettings;
  /** What is taken of the documents, and how; `undefined`: everything. */
  readonly columns?: TablePolicy | undefined;
}

/** As of any run; nothing was read of the source, so nothing was checked. `version` is `null` where there was nothing to do. */
export type RewriteResult = Omit<RunResult, 'checkedAt'>;

/** What is wanted of the table. */
export interface Wanted {
  /** What it takes of the table as it stands; `undefined` where it is so already. */
  due(state: TableState): Rewrite | undefined;
  /** Whether a run that was planned so has done it. */
  isDoneBy(rewrite: Rewrite, plan: Plan): boolean;
}

/** Like a backfill's, its many jobs wait behind a sync's few. */
const REWRITE_PRIORITY = 10;

/**
 * Writes files of a table anew where that is due, in one version: plan → merge → commit. The source is not read. A run that did not end
 * is finished first. Throws `TABLE_MISSING`, and what a run throws.
 */
export async function rewriteTable(request: RewriteRequest, wanted: Wanted, outer: RunContext): Promise<RewriteResult> {
  const { storage, source } = outer;
  // Before the lease is taken: where there is no table, nothing is to be left.
  if ((await openState(storage)) === undefined) throw tableMissing(storage);
  return finishFirst(request, outer, {
    isDoneBy: (plan) => plan.rewrite !== null && wanted.isDoneBy(plan.rewrite, plan),
    async begin(held, context) {
      const { state } = held;
      if (state === undefined) throw tableMissing(storage);
      checkNamespace(state, source, storage.uri);
      return (timer) => rewriteIfDue(request, wanted.due(state), { ...held, state }, context, timer);
    },
  });
}

type HeldState = HeldTable & { readonly state: TableState };

async function rewriteIfDue(
  request: RewriteRequest,
  rewrite: Rewrite | undefined,
  held: HeldState,
  context: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const { storage, clock } = context;
  const { run, state } = held;
  if (rewrite === undefined) return nothingDone(run, state, clock);
  const plan = rewritePlan(request, held, rewrite, context);
  await storage.putIfAbsent(planKey(plan.run), jsonBody(plan), plan.run);
  timer.ended('window');
  return carryOutRewrite({ plan, state, settings: request.settings }, context, timer);
}

/** The watermark and all that the rewrite does not name stay as they are. */
function rewritePlan(request: RewriteRequest, held: HeldState, rewrite: Rewrite, context: RunContext): Plan {
  const plan = sourcelessPlan(request, held, held.state, context);
  const partitions = rewrite.kind === 'repartition' ? rewrite.partitions.to : plan.partitions;
  return { ...plan, partitions, rewrite, priority: REWRITE_PRIORITY };
}
