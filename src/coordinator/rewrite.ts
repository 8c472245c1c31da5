import { checkCompaction, checkRepartition } from '../shared/domain/books.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
import type { MergeInput, Plan, Rewrite } from '../shared/domain/plan.ts';
import type { Counts, MergeReceipt } from '../shared/domain/receipt.ts';
import type { TableSchema } from '../shared/domain/schema.ts';
import { type Carried, endRun, guarded, type RunContext, type RunResult, resultOf } from './carry-out.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitVersion } from './commit-run.ts';
import { compactInputs, repartitionInputs } from './plan.ts';
import type { StageTimer } from './stages.ts';
import { type Held, mergePartitions, stageMerge } from './steps.ts';
import { type TableState, tableMissing } from './table.ts';

/** Carries out a planned run that writes files anew, or what is left of it: merge → commit, in one version. The source is not read. */
export async function carryOutRewrite(
  { plan, state, settings }: Carried,
  context: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const { storage } = context;
  const { rewrite } = plan;
  if (state === undefined) throw tableMissing(storage);
  if (rewrite === null) throw new MongolakeError('INTERNAL', `run ${plan.run} rewrites nothing`);
  return guarded(plan, context, async () => {
    const { schema, inputs, check } = workOf(rewrite, plan, state);
    await stageMerge(plan, { schema }, inputs, storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const counts = check(merged);
    const version = await commitVersion({ plan, state, schema, merged, counts }, context);
    await writeCheckpointIfDue(version, settings, context);
    await endRun(plan, context, async () => {});
    timer.ended('commit');
    return resultOf(plan, { version, counts, merged }, timer);
  });
}

interface RewriteWork {
  /** Of the new version. */
  readonly schema: TableSchema;
  readonly inputs: readonly MergeInput[];
  /** The books. Throws `BOOKS_UNBALANCED`. */
  readonly check: (merged: readonly MergeReceipt[]) => Counts;
}

function workOf(rewrite: Rewrite, { write }: Plan, state: TableState): RewriteWork {
  if (rewrite.kind === 'compact') {
    const inputs = compactInputs(state, write.targetFileSize);
    return { schema: state.schema, inputs, check: (merged) => checkCompaction(inputs, merged) };
  }
  const inputs = repartitionInputs(state, rewrite);
  const schema = { ...state.schema, idType: rewrite.idType.to };
  return { schema, inputs, check: (merged) => checkRepartition(inputs, merged, rewrite) };
}
