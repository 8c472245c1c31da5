import { checkRewrite } from '../shared/domain/books.ts';
import { MongolakeError } from '../shared/domain/errors.ts';
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
  const { rewrite } = plan;
  if (state === undefined) throw tableMissing(storage);
  if (rewrite === null) throw new MongolakeError('INTERNAL', `run ${plan.run} rewrites nothing`);
  return guarded(plan, context, async () => {
    const schema = { ...state.schema, idType: rewrite.idType.to };
    const inputs = rewriteInputs(state, rewrite);
    await stageMerge(plan, { schema }, inputs, storage);
    timer.ended('schema');
    const merged = await mergePartitions(plan, inputs, context);
    timer.ended('merge');
    const counts = checkRewrite(inputs, merged, rewrite);
    const version = await commitVersion({ plan, state, schema, merged, counts }, context);
    await writeCheckpointIfDue(version, settings, context);
    await endRun(plan, context, async () => {});
    timer.ended('commit');
    return resultOf(plan, { version, counts, merged }, timer);
  });
}
