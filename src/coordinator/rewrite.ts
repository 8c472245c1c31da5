import { checkRewrite } from '../shared/domain/books.ts';
import { type Carried, endRun, guarded, type RunContext, type RunResult, resultOf } from './carry-out.ts';
import { writeCheckpointIfDue } from './checkpoint-due.ts';
import { commitVersion } from './commit-run.ts';
import { rewriteInputs } from './plan.ts';
import type { StageTimer } from './stages.ts';
import { type Held, mergePartitions, stageMerge } from './steps.ts';
import { tableMissing } from './table.ts';

/** Carries out a planned run that writes all files anew, or what is left of it: merge → commit, in one version. The source is not read. */
export async function carryOutRewrite(
  { plan, state, settings }: Carried,
  context: Held<RunContext>,
  timer: StageTimer,
): Promise<RunResult> {
  const { storage } = context;
  if (state === undefined) throw tableMissing(storage);
  return guarded(plan, context, async () => {
    const schema = { ...state.schema, ...plan.rewrite };
    const inputs = rewriteInputs(state);
    await stageMerge(plan, schema, inputs, storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const counts = checkRewrite(inputs, merged);
    const version = await commitVersion({ plan, state, schema, merged, counts }, context);
    await writeCheckpointIfDue(version, settings, context);
    await endRun(plan, context, async () => {});
    timer.ended('commit');
    return resultOf(plan, { version, counts, merged }, timer);
  });
}
