import type { Plan } from '../shared/domain/plan.ts';
import { dropOldStaging } from './housekeep.ts';
import { type HoldContext, holdTable } from './steps.ts';
import { finishable, stagedPlans } from './unfinished.ts';

/**
 * Gives up the run that did not end, if there is one, so that nobody finishes it: what it staged is dropped, the table stays as it is.
 * Under the lease. Returns its plan. Throws `LEASE_HELD`.
 */
export async function discardUnfinished(leaseTtl: number, outer: HoldContext): Promise<Plan | undefined> {
  // Where nothing is staged no lease need be taken, nor be left where there is no table.
  if ((await stagedPlans(outer.storage)).length === 0) return undefined;
  return holdTable(leaseTtl, outer, async ({ base, epoch }, { storage, lease }) => {
    const [plan] = await finishable(storage, await stagedPlans(storage), { newest: base, floor: lease.floor });
    await dropOldStaging(storage, undefined);
    lease.raiseFloor(epoch);
    return plan;
  });
}
